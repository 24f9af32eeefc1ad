"""The command line's configuration: a JSON, YAML or TOML file, and the environment, which goes first.

No secret is an argument: those are seen by every process of the machine.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from s3dest.cli.json_object import KeyTwiceError, with_each_key_once
from s3dest.config import DestinationConfig
from s3dest.identity import AmbientIdentity, GoogleIdentityToken, Identity, WebIdentity

PREFIX: Final = "S3DEST_"
"""What our environment variables begin with; two underscores lead into an object: S3DEST_AUTH__ROLE_ARN."""


READ_ONCE: Final = "Standard input (-) can be read once only."

_OPTIONS: Final = frozenset({"config", "vendor_arn", "vendor_subject", "vendor_issuer"})
"""What variables of ours are options of the commands (app.py)."""


class SettingsProblem(Exception):  # noqa: N818  # a sentence for the user, not a failure of the program
    """The configuration cannot be used; the message is for the user, and holds nothing of what was given."""


class Settings(BaseSettings):
    """What the file and the environment say, before anybody checks it."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        env_parse_none_str="null",
        extra="allow",  # DestinationConfig names what it does not know
        hide_input_in_errors=True,
    )

    bucket: Any = None
    region: Any = None
    prefix: Any = None
    auth: dict[str, Any] | None = None
    endpoint_url: Any = None
    sts_endpoint_url: Any = None
    addressing_style: Any = None
    expected_bucket_owner: Any = None
    encryption: dict[str, Any] | None = None
    storage_class: Any = None
    capabilities: dict[str, Any] | None = None
    identity: dict[str, str] | None = None
    """The vendor's: `token_file` or `google_audience`; default: its ambient AWS credentials."""
    journal: Path | None = None
    """The vendor's: the folder of its journal."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment go before the file, whose values are the arguments."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @classmethod
    def load(cls, file: Path | None) -> Settings:
        """Read the file, if there is one, and the environment.

        Raises:
            SettingsProblem: The file cannot be read, or a value is of the wrong kind.
        """
        values = _read(file) if file else {}
        known = {*cls.model_fields, *_OPTIONS}
        if odd := sorted(name for name in os.environ if _is_ours(name) and _first_part(name) not in known):
            message = f"environment: {', '.join(odd)} is no setting; a misspelt one would be passed over."
            raise SettingsProblem(message)
        try:
            return cls(**values)
        except SettingsError as error:
            problem = f"environment: {error}"  # names the variable
        except ValidationError as error:
            problem = _lines(error, file, values)
        message = f"{problem}."
        raise SettingsProblem(message)

    def destination(self, file: Path | None) -> DestinationConfig:
        """Make the destination's config.

        Raises:
            SettingsProblem: A field is missing or wrong.
        """
        ours = {"identity", "journal"}
        given = {**{name: getattr(self, name) for name in self.model_fields_set}, **(self.model_extra or {})}
        values = {name: value for name, value in given.items() if name not in ours}
        try:
            return DestinationConfig.model_validate(values)
        except ValidationError as error:
            problem = _lines(error, file, values)
        if not values:
            give = "write it into the file" if file else "give a file with --config"
            problem = f"{_origin(file)}: there is no configuration: {give}, or set {PREFIX}BUCKET and the others"
        message = f"{problem}."
        raise SettingsProblem(message)

    def who(self) -> Identity:
        """Make the vendor's identity.

        Raises:
            SettingsProblem: It is of an unknown kind, or the token's file is not there.
        """
        match self.identity or {}:
            case {"token_file": path, **rest} if not rest:
                if not Path(path).is_file():
                    message = "identity.token_file: there is no such file."
                    raise SettingsProblem(message)
                return WebIdentity(path)
            case {"google_audience": audience, **rest} if not rest:
                return WebIdentity(GoogleIdentityToken(audience=audience))
            case {**rest} if not rest:
                return AmbientIdentity()
        message = "identity: needs either token_file or google_audience."
        raise SettingsProblem(message)


def _is_ours(variable: str) -> bool:
    return variable.upper().startswith(PREFIX)


def _first_part(variable: str) -> str:
    return variable[len(PREFIX) :].lower().partition("__")[0]


def _read(file: Path) -> dict[str, Any]:
    kind = file.suffix.lower()
    if kind not in _READERS:
        message = f"{file}: the name must end in .json, .yaml, .yml or .toml."
        raise SettingsProblem(message)
    try:
        values = _READERS[kind](file.read_text(encoding="utf-8-sig"))  # Windows' editors begin with a mark
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except KeyTwiceError as error:
        problem = f"says one thing twice: {error}"
    except (ValueError, RecursionError, yaml.YAMLError) as error:  # their texts quote the file, which may hold a secret
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        problem = f"is not {kind[1:].upper().replace('YML', 'YAML')}{f' (line {line})' if line else ''}"
    else:
        if isinstance(values, Mapping):
            return {str(name): value for name, value in values.items()}
        problem = "must hold an object with bucket, region and auth"
    message = f"{file} {problem}."
    raise SettingsProblem(message)


class _EachKeyOnce(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Refuses a key that comes twice, of which YAML would keep the last, as JSON would."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        """Read a mapping as it is written: before another is merged into it, whose keys it may have as well."""
        node = super().compose_mapping_node(anchor)
        with_each_key_once([(key.value, None) for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        return node


def _lines(error: ValidationError, file: Path | None, values: Mapping[str, object]) -> str:
    """Name each field, and where it is given, with what is wrong; never with its value."""
    told: dict[str, list[str]] = {}
    for line in error.errors(include_input=False, include_context=False, include_url=False):
        field = ".".join(map(str, line["loc"])) or "configuration"
        hint = _hint(values, line["loc"]) if line["type"] == "string_type" else ""
        told.setdefault(_variable(line["loc"]) or _origin(file), []).append(f"{field}: {line['msg']}{hint}")
    return "; ".join(f"{origin}: {'; '.join(lines)}" for origin, lines in told.items())


def _hint(values: object, location: tuple[int | str, ...]) -> str:
    """Say that a value in quotes would be a text, where YAML, say, has taken it for something else."""
    for name in location:
        values = values.get(str(name)) if isinstance(values, Mapping) else None
    if isinstance(values, (bool, dt.date)):
        return " (it must be in quotes)"
    return " (a number must be in quotes)" if isinstance(values, (int, float)) else ""


def _variable(location: tuple[int | str, ...]) -> str | None:
    """Name the variable that gives a field, if one does: its own, or that of an object around it."""
    given = {name.upper(): name for name, value in os.environ.items() if value}
    parts = [str(part).upper() for part in location]
    names = (PREFIX + "__".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((given[name] for name in names if name in given), None)


def _origin(file: Path | None) -> str:
    return str(file) if file else "environment"


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    ".json": partial(json.loads, object_pairs_hook=with_each_key_once),
    ".yaml": partial(yaml.load, Loader=_EachKeyOnce),
    ".yml": partial(yaml.load, Loader=_EachKeyOnce),
    ".toml": tomllib.loads,
}
