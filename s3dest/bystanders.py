"""Who stands between callers and botocore, as tracers and mocks do: they are to see each call as botocore makes it."""

from __future__ import annotations

import os
from inspect import getfile
from pathlib import Path
from types import FunctionType
from typing import Final

import boto3.session
import botocore.session
from botocore.client import BaseClient, ClientCreator
from botocore.endpoint import Endpoint
from botocore.handlers import BUILTIN_HANDLERS

_CLASSES: Final = (BaseClient, Endpoint, ClientCreator, botocore.session.Session, boto3.session.Session)
"""Those that a call goes through, and that clients are made by: tracers replace methods of any."""

_FOLDERS: Final = tuple(str(Path(getfile(owner)).parent) + os.sep for owner in (BaseClient, boto3.session.Session))

_FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""By which botocore knows that it runs in a Lambda, and sends the trace's id of the very call."""


class Bystanders:
    """Looks for them, with each call, since they come and go."""

    def __init__(self) -> None:
        self._are_in_events = any(map(_is_foreign_handler, BUILTIN_HANDLERS))
        self._last: tuple[list[int], bool] = [], False

    @property
    def are_about(self) -> bool:
        """Whether any is."""
        found = [value for cls in _CLASSES for value in vars(cls).values()]
        identities = list(map(id, found))  # a wrapper says that it equals what it wraps
        looked_at, are_in_classes = self._last  # together: several threads may look
        if identities != looked_at:
            are_in_classes = any(map(_is_foreign, found))
            self._last = identities, are_in_classes
        return are_in_classes or self._are_in_events or _FUNCTION in os.environ


def _is_foreign(member: object) -> bool:
    # its type and its code, since a wrapper may say that it is of the class and module that it wraps
    if type(member) is FunctionType:
        return not member.__code__.co_filename.startswith(_FOLDERS)
    return callable(member)


def _is_foreign_handler(registered: tuple[object, ...]) -> bool:
    """Tell a handler that is none of botocore's; one in the place of the network is asked in any way."""
    event, handler = registered[:2]
    return not str(event).startswith("before-send") and not str(handler.__module__).startswith("botocore.")
