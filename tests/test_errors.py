"""The tree of errors: what each says, and that it survives a process border."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any, get_args

import pytest

from s3dest import errors
from s3dest.errors import ConfigError, Owner, RequestError, RowError, S3DestError

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, S3DestError)]
FACTS: dict[str, Any] = {
    "code": "put_denied",
    "owner": "customer",
    "remedy": "Allow it.",
    "operation": "PutObject",
    "bucket": "acme-lake",
    "key": "a/b",
    "aws_code": "AccessDenied",
    "status": 403,
    "request_id": "4442587FB7D0A2F9",
    "retryable": True,
}


def test_the_drawing_shows_the_tree() -> None:
    """The list at the top of the module has every class under its parent."""
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^([ │├└─]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        path[len(indent) // 4 - 1 :] = [name]  # four columns a level, after the four of the root
        drawn[name] = path[-2] if len(path) > 1 else None
    assert drawn == {error.__name__: None if error is S3DestError else error.__mro__[1].__name__ for error in ALL}


@pytest.mark.parametrize("error", ALL)
def test_all_arguments_have_defaults(error: type[S3DestError]) -> None:
    """Required keyword arguments would break unpickling."""
    bare = error()
    assert bare.code == error.default_code
    assert bare.owner in get_args(Owner)
    assert bare.retryable is False


@pytest.mark.parametrize("error", ALL)
def test_codes_are_stable_names(error: type[S3DestError]) -> None:
    """Programs compare them, so that no two classes share a default."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", error.default_code)
    assert [other for other in ALL if other.default_code == error.default_code] == [error]


@pytest.mark.parametrize("error", ALL)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_a_process_border(error: type[S3DestError], protocol: int) -> None:
    """Text, facts, notes and attributes set later come out as they went in."""
    raised = error("It failed.")
    vars(raised).update(FACTS, region="eu-west-2", row=7)
    raised.add_note("seen by a worker")
    for other in (pickle.loads(pickle.dumps(raised, protocol)), copy.copy(raised)):  # noqa: S301  # made here
        assert type(other) is error
        assert str(other) == str(raised)
        assert vars(other) == vars(raised)
        assert other.args == ("It failed.",)


def test_the_text_says_what_failed_where_and_what_to_do() -> None:
    """One line holds message, remedy and the facts."""
    assert str(RequestError("Writing is denied.", **FACTS)) == (
        "Writing is denied. Allow it. [put_denied, customer, PutObject, s3://acme-lake/a/b, 403 AccessDenied, "
        "request id 4442587FB7D0A2F9]"
    )
    assert str(S3DestError("It failed.")) == "It failed. [unknown, vendor]"
    assert str(RequestError("No answer.", status=503)) == "No answer. [request_failed, aws, 503]"


@pytest.mark.parametrize("error", [ConfigError, RowError])
def test_wrong_values_are_value_errors_too(error: type[S3DestError]) -> None:
    """Callers who know only Python's own tree catch them."""
    assert issubclass(error, ValueError)


def test_a_row_error_names_row_and_column() -> None:
    """Counted from 0, and 0 is a number."""
    error = RowError("No JSON.", row=0, column="total", remedy="Convert it.")
    assert (error.row, error.column, error.owner, error.code) == (0, "total", "vendor", "row_not_encodable")
    assert str(error) == "No JSON. Convert it. [row_not_encodable, vendor]"


def test_one_except_clause_catches_all() -> None:
    """Everything we raise is an S3DestError, and nothing of it an OSError that others would retry."""
    assert all(issubclass(error, S3DestError) and not issubclass(error, OSError) for error in ALL)
