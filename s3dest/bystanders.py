"""Who stands between callers and botocore, as tracers and mocks do: they are to see each call as botocore makes it."""

from __future__ import annotations

import os
from types import FunctionType
from typing import Final

import botocore
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint import Endpoint
from botocore.handlers import BUILTIN_HANDLERS

_CLASSES: Final = (BaseClient, ClientCreator, Endpoint)
"""Those that a call goes through, and that it was made by: tracers replace methods of any."""

_FOLDER: Final = os.path.join(os.path.dirname(botocore.__file__), "")  # noqa: PTH118, PTH120  # for its end

_FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""By which botocore knows that it runs in a Lambda, and sends the trace's id of the very call."""


class Bystanders:
    """Looks for them, with each call, since they come and go."""

    def __init__(self) -> None:
        self._are_in_events = any(map(_is_foreign_handler, BUILTIN_HANDLERS))
        self._looked_at: list[int] = []
        self._are_in_classes = False

    @property
    def are_about(self) -> bool:
        """Whether any is."""
        found = [value for cls in _CLASSES for value in vars(cls).values()]
        identities = list(map(id, found))  # a wrapper says that it equals what it wraps
        if identities != self._looked_at:
            self._are_in_classes = any(map(_is_foreign, found))
            self._looked_at = identities
        return self._are_in_classes or self._are_in_events or _FUNCTION in os.environ


def _is_foreign(member: object) -> bool:
    # its type and its code, since a wrapper may say that it is of the class and module that it wraps
    if type(member) is FunctionType:
        return not member.__code__.co_filename.startswith(_FOLDER)
    return callable(member)


def _is_foreign_handler(registered: tuple[object, ...]) -> bool:
    """Tell a handler that is none of botocore's; one in the place of the network is asked in any way."""
    event, handler = registered[:2]
    return not str(event).startswith("before-send") and not str(handler.__module__).startswith("botocore.")
