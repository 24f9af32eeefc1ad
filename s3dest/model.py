"""The base of every pydantic model here: frozen, strict about names, and silent about its input.

pydantic repeats rejected input in its errors, also in ``errors()`` and ``json()``, also when the model is
nested in a host's model or read through a ``TypeAdapter``; ``hide_input_in_errors`` covers only the text, and
only for the outermost model. So each model rebuilds the error it lets out, with locations and messages alone.

What a host's own models say is out of reach: of their other fields, of their unions' other members, of JSON text that
is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, SchemaValidator

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

Location = tuple[int | str, ...]

HIDDEN = "(hidden)"
"""Stands where pydantic would repeat the input."""

_PLAIN_NAME = re.compile(r"[A-Za-z_-]{1,32}")
"""Any other key is no misspelt field name, but perhaps a value in the wrong place: a secret has 40 characters."""


def rejection(title: str, problems: list[tuple[Location, str]]) -> ValidationError:
    """Build the error for problems at fields, without any input."""
    return _error(title, [("value_error", location, message) for location, message in problems])


def without_input(error: ValidationError, *, drop: frozenset[str] = frozenset()) -> ValidationError:
    """Rebuild ``error`` with locations (less a leading name in ``drop``) and messages only."""
    lines = []
    for line in error.errors(include_input=False, include_context=False, include_url=False):
        location = line["loc"][1:] if line["loc"] and line["loc"][0] in drop else line["loc"]
        lines.append((line["type"], location, line["msg"].removeprefix("Value error, ")))
    return _error(error.title, lines)


def untagged(*tags: str) -> WrapValidator:
    """Leave the tags of a union out of error locations: the customer wrote ``auth.role_arn``."""

    def validate(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except ValidationError as error:
            clean = without_input(error, drop=frozenset(tags))
        raise clean

    return WrapValidator(validate)


def _error(title: str, lines: list[tuple[str, Location, str]]) -> ValidationError:
    details = [
        InitErrorDetails(
            type=PydanticCustomError(kind, message),
            loc=tuple(_shown(name) for name in location),
            input=HIDDEN,
        )
        for kind, location, message in lines
    ]
    return ValidationError.from_exception_data(title, details, hide_input=True)


def _shown(name: int | str) -> int | str:
    return name if isinstance(name, int) or _PLAIN_NAME.fullmatch(name) else HIDDEN


class _QuietAboutJson:
    """A model's validator, as `model_validate_json` and a `TypeAdapter` of the model call it."""

    __slots__ = ("_validator",)

    def __init__(self, validator: Any) -> None:  # noqa: ANN401  # pydantic-core's, or a plugin's around it
        self._validator = validator

    def __getattr__(self, name: str) -> object:
        return getattr(self._validator, name)

    def validate_json(self, data: str | bytes | bytearray, **options: Any) -> Any:  # noqa: ANN401  # as pydantic has it
        try:
            return self._validator.validate_json(data, **options)
        except ValidationError as error:
            clean = without_input(error)
        raise clean


class Model(BaseModel):
    """A frozen value whose errors name the exact field and never repeat what was given."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _validate(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        # Raised outside the except block, the clean error does not drag the one with the input along as its context.
        try:
            model = handler(value)
        except ValidationError as error:
            clean = without_input(error)
        else:
            problems = list(model._contradictions())  # noqa: SLF001  # its own class
            if not problems:
                return model
            clean = rejection(cls.__name__, problems)
        raise clean

    def _contradictions(self) -> Iterator[tuple[Location, str]]:
        """Yield what fields that are valid one by one get wrong together, each with the field to fix."""
        return iter(())

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401  # pydantic's own signature
        """Keep text that is no JSON out of errors, too; it fails before any validator of a model is asked."""
        super().__pydantic_init_subclass__(**options)
        cls.__pydantic_validator__ = cast("SchemaValidator", _QuietAboutJson(cls.__pydantic_validator__))

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Copy, with changed fields validated like any others (pydantic's own copy does not)."""
        del deep  # a frozen value needs no deep copy
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**given, **(update or {})})

    if not TYPE_CHECKING:  # a typed __setattr__ would make every attribute of a frozen model look assignable

        def __setattr__(self, name: str, value: object) -> None:
            try:
                super().__setattr__(name, value)
                return
            except ValidationError as error:
                clean = without_input(error)
            raise clean

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Show what was set; defaults would bury it."""
        # a traceback with local variables shows models that were refused, and never got so far
        shown: AbstractSet[str] = getattr(self, "__pydantic_fields_set__", frozenset())
        return (pair for pair in super().__repr_args__() if pair[0] in shown)


class Written(Model):
    """What people write or paste: white space around a text is no part of it."""

    model_config = ConfigDict(str_strip_whitespace=True)
