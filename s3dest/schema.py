"""A table's columns: as a caller gives them, as they are found in rows, and as the manifest names them.

Types are named as Arrow names them: ``int64``, ``double``, ``string``, ``timestamp[us, tz=UTC]`` …
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from s3dest.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """Its name."""

    type: str | None
    """Its type; `None` where the format has none (CSV, say) and the caller gave none."""


Schema = tuple[Column, ...]


def columns_of(schema: object) -> Schema:
    """Read the columns of a mapping of names to types, a pydantic model class or a pyarrow schema.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(schema, Mapping):
        return tuple(Column(str(name), None if kind is None else str(kind)) for name, kind in schema.items())
    fields = getattr(schema, "model_fields", None)
    if isinstance(schema, type) and isinstance(fields, Mapping):
        return tuple(Column(field.alias or name, None) for name, field in fields.items())
    names, types = getattr(schema, "names", None), getattr(schema, "types", None)
    if isinstance(names, list) and isinstance(types, list):
        return tuple(Column(str(name), str(kind)) for name, kind in zip(names, types, strict=True))
    kind = type(schema).__name__
    message = (
        f"A schema is a mapping of column names to types, a pydantic model class or a pyarrow schema, not a {kind}."
    )
    raise ConfigError(message, code="schema")
