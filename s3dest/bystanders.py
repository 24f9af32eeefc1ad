"""Who stands between callers and botocore, as tracers and mocks do: they are to see each call as botocore makes it."""

from __future__ import annotations

import http.client
import logging
import os
from inspect import getfile
from itertools import chain
from operator import attrgetter, is_not
from pathlib import Path
from types import FunctionType
from typing import Final

import boto3.session
import botocore.client
import botocore.endpoint
import botocore.session
import urllib3
import urllib3.connection
from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.handlers import BUILTIN_HANDLERS
from botocore.httpsession import URLLib3Session

_PLACES: Final = (
    (vars(botocore.client), "BaseClient"),
    (vars(botocore.client), "ClientCreator"),
    (vars(botocore.endpoint), "Endpoint"),
    (vars(botocore.session), "Session"),
    (vars(boto3.session), "Session"),
    (vars(boto3), "Session"),
)
"""Where the classes are that a call goes through, and that clients are made by: tracers replace methods of any, or one
of them as a whole."""

_FOLDERS: Final = tuple(str(Path(getfile(package)).parent) + os.sep for package in (botocore, boto3))

_FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""By which botocore knows that it runs in a Lambda, and sends the trace's id of the very call."""

_OF_POOLS: Final = attrgetter("urlopen", "_make_request", "_get_conn", "_put_conn", "_validate_conn")
_OF_CONNECTIONS: Final = attrgetter("request", "putrequest", "putheader", "endheaders", "send", "getresponse")
_WIRE: Final = (
    (URLLib3Session, attrgetter("send", "close")),
    (AWSHTTPConnectionPool, _OF_POOLS),
    (AWSHTTPSConnectionPool, _OF_POOLS),
    (AWSHTTPConnection, _OF_CONNECTIONS),
    (AWSHTTPSConnection, _OF_CONNECTIONS),
    (urllib3.connection.HTTPConnection, _OF_CONNECTIONS),
    (urllib3.connection.HTTPSConnection, _OF_CONNECTIONS),
    (http.client.HTTPConnection, _OF_CONNECTIONS),
    (http.client.HTTPResponse, attrgetter("begin", "read")),
)
"""What a request goes through below botocore: whoever traces HTTP replaces one of these. Of botocore's classes first,
which have the methods of those below unless they have their own."""

_WIRE_FOLDERS: Final = tuple(
    str(Path(getfile(package)).parent) + os.sep for package in (botocore, urllib3, http.client)
)

_WIRE_LOG: Final = logging.getLogger("urllib3.connectionpool")


class Bystanders:
    """Looks for them, with each call, since they come and go."""

    def __init__(self) -> None:
        self._are_in_events = any(map(_is_foreign_handler, BUILTIN_HANDLERS))
        self._last: tuple[list[object], bool] = [], False
        self._last_on_the_wire: tuple[list[object], bool] = [], False

    @property
    def are_on_the_wire(self) -> bool:
        """Whether any is to see each request as urllib3 sends it; its log is one of them, and what Python prints."""
        methods = list(chain.from_iterable([methods_of(cls) for cls, methods_of in _WIRE]))
        looked_at, are_there = self._last_on_the_wire
        if not looked_at or any(map(is_not, methods, looked_at)):
            are_there = not all(map(_is_of_the_wire, methods))
            self._last_on_the_wire = methods, are_there
        return are_there or _WIRE_LOG.isEnabledFor(logging.DEBUG) or AWSHTTPConnection.debuglevel > 0

    @property
    def are_about(self) -> bool:
        """Whether any is."""
        classes = [names[name] for names, name in _PLACES]
        members = chain.from_iterable([getattr(cls, "__dict__", {}).values() for cls in classes])
        found = [*classes, *members]
        looked_at, are_in_classes = self._last  # together: several threads may look
        # a wrapper says that it equals what it wraps
        if len(found) != len(looked_at) or any(map(is_not, found, looked_at)):
            are_in_classes = any(map(_is_foreign_class, classes)) or any(map(_is_foreign, found[len(classes) :]))
            self._last = found, are_in_classes
        return are_in_classes or self._are_in_events or _FUNCTION in os.environ


def _is_foreign_class(cls: object) -> bool:
    # by the code of its own beginning, which each of them has, since it may take over the name and module of another
    beginning = vars(cls).get("__init__") if type(cls) is type else None
    return type(beginning) is not FunctionType or _is_foreign(beginning)


def _is_foreign(member: object) -> bool:
    # its type and its code, since a wrapper may say that it is of the class and module that it wraps
    if type(member) is FunctionType:
        return not member.__code__.co_filename.startswith(_FOLDERS)
    return callable(member)


def _is_of_the_wire(method: object) -> bool:
    return type(method) is FunctionType and method.__code__.co_filename.startswith(_WIRE_FOLDERS)


def _is_foreign_handler(registered: tuple[object, ...]) -> bool:
    """Tell a handler that is none of botocore's; one in the place of the network is asked in any way."""
    event, handler = registered[:2]
    return not str(event).startswith("before-send") and not str(handler.__module__).startswith("botocore.")
