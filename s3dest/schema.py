"""A table's columns: as a caller gives them, as they are found in rows, and as the manifest names them.

Types are named as Arrow names them: ``int64``, ``double``, ``string``, ``timestamp[us, tz=UTC]`` …
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args
from uuid import UUID

from s3dest.errors import ConfigError
from s3dest.kind import kind_of

PYTHON_TYPES: Final[Mapping[type, str | None]] = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "double",
    bytes: "binary",
    dt.date: "date32[day]",
    dt.datetime: None,  # with a zone or without: the rows tell
    dt.time: "time64[us]",
    UUID: "string",
}
"""Arrow's names for Python's types."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """Its name."""

    type: str | None
    """Its type; `None` where the format has none (CSV, say) and the caller gave none."""


Schema = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Some fields of a pydantic model, in place of its class."""

    annotations: Mapping[str, object]
    """What each is annotated with, by the names in a dump."""


def columns_of(schema: object) -> Schema:
    """Read the columns of a mapping of names to types, a pydantic model class or a pyarrow schema.

    Raises:
        ConfigError: It is none of these, has a name that is no text, a type that is none, or two columns of one name.
    """
    if isinstance(schema, Mapping):
        return tuple(Column(_text(name), _type_name(kind)) for name, kind in schema.items())
    annotations = annotations_of(schema)
    if annotations is not None:
        return tuple(Column(name, None) for name in annotations)
    names, types = getattr(schema, "names", None), getattr(schema, "types", None)
    if isinstance(names, list) and isinstance(types, list):
        if len(set(names)) < len(names):
            message = "Two columns of the schema have the same name."
            raise ConfigError(message, code="schema", remedy="Give each column a name of its own.")
        return tuple(Column(_text(name), str(kind)) for name, kind in zip(names, types, strict=True))
    message = (
        "A schema is a mapping of column names to types, a pydantic model class or a pyarrow schema, "
        f"not {kind_of(schema)}."
    )
    raise ConfigError(message, code="schema", remedy="Write a mapping, such as {'id': 'int64', 'name': 'string'}.")


def _text(name: object) -> str:
    """Take a name as it is to rows, keys and manifests; an enum's member may print itself as another text."""
    try:
        text = str.__str__(name)
        text.encode()
    except (TypeError, UnicodeEncodeError):
        message = f"A column in the schema has the name {name!r:.80}, which is no text of UTF-8."
        raise ConfigError(message, code="schema", remedy="Give each column a name that is a text.") from None
    return text


def python_type(annotation: object) -> type | None:
    """Read one of `PYTHON_TYPES`; ``X | None`` is X, since each column may have nulls."""
    arguments = [kind for kind in get_args(annotation) if kind is not type(None)]
    kind = arguments[0] if len(arguments) == 1 and type(None) in get_args(annotation) else annotation
    return kind if isinstance(kind, type) and kind in PYTHON_TYPES else None


def _type_name(kind: object) -> str | None:
    if kind is None:
        return None
    if (plain := python_type(kind)) is not None:
        return PYTHON_TYPES[plain]
    arrow = sys.modules.get("pyarrow")
    if isinstance(kind, str) or (arrow is not None and isinstance(kind, arrow.DataType)):
        return str(kind)
    raise no_type(kind)


def no_type(kind: object) -> ConfigError:
    """Build the error for what is no type of a column."""
    message = f"The type {kind!r} in the schema is neither Arrow's name of a plain one nor a plain Python type."
    return ConfigError(message, code="schema", remedy="Pass a pyarrow schema for nested types and all others.")


def annotations_of(schema: object) -> Mapping[str, object] | None:
    """Read names and annotations of what a pydantic model class dumps, or some of its fields; ``None`` for all else.

    The names are those of `model_dump` by alias; what is excluded from it is left out, what is computed is in.
    """
    if isinstance(schema, Fields):
        return schema.annotations
    fields = getattr(schema, "model_fields", None) if isinstance(schema, type) else None
    if not isinstance(fields, Mapping):
        return None
    dumped: dict[str, object] = {
        field.serialization_alias or field.alias or name: field.annotation
        for name, field in fields.items()
        if not field.exclude
    }
    computed = getattr(schema, "model_computed_fields", {})
    return dumped | {field.alias or name: field.return_type for name, field in computed.items()}
