"""Prepared appends: plain JSON for the pipeline's own database, both ways, and nothing secret in it."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from fake.world import USER_KEY, USER_SECRET, VENDOR_SECRET
from pydantic import ValidationError
from shares import share

from s3dest import PendingUpload, PreparedAppend, PreparedObject, PreparedPart

if TYPE_CHECKING:
    from fake import FakeAws


def test_json_goes_both_ways() -> None:
    """As text and as plain values; a database need know nothing of pydantic."""
    prepared = share(objects=3)
    text = prepared.model_dump_json()
    assert PreparedAppend.model_validate_json(text) == prepared
    assert PreparedAppend.model_validate_json(text).model_dump_json() == text
    assert PreparedAppend.model_validate(json.loads(text)) == prepared
    assert pickle.loads(pickle.dumps(prepared)) == prepared  # noqa: S301  # our own


def test_what_a_writer_prepares_survives_the_database(aws: FakeAws) -> None:
    """Every fact is there after the round trip, also an unknown number of rows."""
    with aws.destination() as destination:
        append = destination.append(" spaced table ", transfer_date="2026-11-23", transfer_id=" run 7\n", writer_id=3)
        append.write({"id": 1})
        prepared = append.prepare()
        stored = PreparedAppend.model_validate_json(prepared.model_dump_json())
        receipt = destination.commit(stored)
    assert stored == prepared
    assert (stored.table, stored.transfer_id, stored.writer_id) == (" spaced table ", " run 7\n", 3)
    assert receipt.objects[0].key in aws.store.objects


@pytest.mark.parametrize("auth", ["role", "user"])
def test_it_holds_no_secret(aws: FakeAws, auth: str) -> None:
    """Neither the customer's keys, nor the session's, nor the vendor's; not in JSON, not in repr, not in a pickle."""
    changes: dict[str, Any] = {"auth": aws.user} if auth == "user" else {}
    with aws.destination(**changes) as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        prepared = append.prepare()
        append.abort()
    secrets = [USER_SECRET, USER_KEY, VENDOR_SECRET, "SECRETKEY", "SECRETTOKEN", "ASIAFAKE"]
    for text in (prepared.model_dump_json(), repr(prepared), str(pickle.dumps(prepared))):
        assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize(
    "value",
    [
        share(),
        share().objects[0],
        share().objects[0].parts[0],
        PendingUpload(key="key", upload_id="upload"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_frozen(value: PreparedAppend | PreparedObject | PreparedPart | PendingUpload) -> None:
    """What is stored and what is committed are the same; equal ones are one in a set."""
    for name in type(value).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(value, name, getattr(value, name))
    assert len({value, value.model_copy()}) == 1


def test_it_counts_rows_and_bytes() -> None:
    """Over all objects; a file appended as it is has no rows that anybody counted."""
    prepared = share(objects=3)
    assert (prepared.rows, prepared.bytes) == (30, 300)
    first, *others = prepared.objects
    uncounted = prepared.model_copy(update={"objects": (first.model_copy(update={"rows": None}), *others)})
    assert (uncounted.rows, uncounted.bytes) == (20, 300)
    assert (share(objects=0).rows, share(objects=0).bytes) == (0, 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("writer_id",), -1),
        (("started",), "2026-11-23T12:00:00"),
        (("objects", 0, "created"), "2026-11-23T12:00:00"),
        (("objects", 0, "number"), -1),
        (("objects", 0, "rows"), -1),
        (("objects", 0, "size"), -1),
        (("objects", 0, "upload_id"), ""),
        (("objects", 0, "parts", 0, "number"), 0),
        (("objects", 0, "parts", 0, "number"), 10_001),
        (("surprise",), 1),
        (("objects", 0, "surprise"), 1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else repr(value)[:12],
)
def test_what_is_no_prepared_append_is_refused(path: tuple[Any, ...], value: object) -> None:
    """The error names the exact field."""
    document = json.loads(share().model_dump_json())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(ValidationError) as caught:
        PreparedAppend.model_validate(document)
    assert [line["loc"] for line in caught.value.errors()] == [path]


@pytest.mark.parametrize("digest", ["../../../" + "0" * 55, "0" * 63, "0" * 65, "G" * 64, ""])
def test_a_digest_is_a_digest(digest: str) -> None:
    """It is part of a key, and so must not be a path."""
    document = json.loads(share().model_dump_json())
    document["objects"][1]["sha256"] = digest
    with pytest.raises(ValidationError):
        PreparedAppend.model_validate(document)


@pytest.mark.parametrize("name", [name for name in PreparedAppend.model_fields if name != "version"])
def test_nothing_of_it_is_optional(name: str) -> None:
    """Half of a stored value is not taken for a whole one."""
    document = json.loads(share().model_dump_json())
    del document[name]
    with pytest.raises(ValidationError, match=name):
        PreparedAppend.model_validate(document)
