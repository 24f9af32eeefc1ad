"""Least privilege, proven under enforcement: the guide's policy is enough, and no method needs more than it says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from fake import FakeAws

from s3dest import Destination, PreparedAppend, TransferOptions, WebIdentity
from s3dest.append import AppendWriter
from s3dest.journal import FileJournal
from s3dest.policies import Policy
from s3dest.testing import Customer, EmbeddedS3

GUIDE: dict[str, Policy] = {
    folder: {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"arn:aws:s3:::acme-lake/{folder}*"},
            {
                "Effect": "Allow",
                "Action": ["s3:DeleteObject"],
                "Resource": f"arn:aws:s3:::acme-lake/{folder}.s3dest-probe/*",
            },
        ],
    }
    for folder in ("", "vendor/exports/")
}
"""The permission policy of the set-up guide, to the letter, by what keys begin with."""

STEADY: Policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::acme-lake/*"}],
}
"""The same after the first check, with s3:DeleteObject taken away."""

SMALL_MEMORY = TransferOptions(object_rows=1, max_memory=1)
"""Every object goes up in parts as soon as it is finished."""


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the test kit for one test."""
    with EmbeddedS3() as s3:
        yield s3


def guided(s3: EmbeddedS3, auth: Literal["role", "hmac"], prefix: str, policy: Policy) -> Customer:
    """Play a customer who pasted the guide's policy."""
    customer = s3.customer(auth=auth, prefix=prefix)
    customer.put_permission(policy)
    s3.forget_requests()
    return customer


AUTHS = pytest.mark.parametrize("auth", ["role", "hmac"])
PREFIXES = pytest.mark.parametrize("prefix", ["", "vendor/exports"])


@AUTHS
@PREFIXES
def test_the_guides_policy_is_enough(s3: EmbeddedS3, auth: Any, prefix: str) -> None:
    """Checked and appended to, with nothing but PutObject and DeleteObject beside STS; then without DeleteObject."""
    customer = guided(s3, auth, prefix, GUIDE[f"{prefix}/" if prefix else ""])
    sts = {"AssumeRole"} if auth == "role" else set()
    with Destination(customer.config) as destination:
        report = destination.check()
        report.raise_for_failure()
        assert report.findings == ()
        assert customer.objects() == []
        with destination.append("orders") as append:
            append.write_many({"id": number} for number in range(5000))
        assert set(s3.requests) == {"PutObject", "DeleteObject"} | sts
        assert len(customer.rows("orders")) == 5000

        customer.put_permission(STEADY)
        s3.forget_requests()
        with destination.append("orders") as append:
            append.write({"id": 5000})
        assert s3.requests == ["PutObject", "PutObject"]
        assert len(customer.rows("orders")) == 5001


@AUTHS
def test_a_recheck_needs_put_alone(s3: EmbeddedS3, auth: Any) -> None:
    """It sends no delete, leaves nothing visible, and a denied abort is a note."""
    customer = guided(s3, auth, "vendor/exports", STEADY)
    with Destination(customer.config) as destination:
        report = destination.check(mode="recheck")
    assert report.ok
    assert [finding.code for finding in report.findings] == ["abort_denied"]
    assert set(s3.requests) - {"AssumeRole"} == {"CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"}
    assert customer.objects() == []


@AUTHS
def test_a_set_up_check_without_delete_names_what_is_left(s3: EmbeddedS3, auth: Any) -> None:
    """It is ok all the same: data can be delivered."""
    customer = guided(s3, auth, "vendor/exports", STEADY)
    with Destination(customer.config) as destination:
        report = destination.check()
    assert report.ok
    assert [(finding.code, finding.severity) for finding in report.findings] == [("delete_denied", "warning")]
    assert [stored.key for stored in customer.objects()] == [report.findings[0].key]


@AUTHS
def test_large_transfers_need_put_alone(s3: EmbeddedS3, auth: Any) -> None:
    """Multipart uploads fall under the same action; the guard that a customer may add does not stand in their way."""
    customer = guided(s3, auth, "vendor/exports", STEADY)
    customer.put_guard()
    with Destination(customer.config, options=SMALL_MEMORY) as destination:
        with destination.append("orders") as append:
            append.write_many([{"id": 1}, {"id": 2}, {"id": 3}])
        prepared = destination.append("orders")
        prepared.write({"id": 4})
        assert destination.commit(prepared.prepare()).orphans == ()
    assert set(s3.requests) <= {
        "AssumeRole",
        "PutObject",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    }
    assert sorted(row["id"] for row in customer.rows("orders")) == [1, 2, 3, 4]


# What each method's docstring says, against what it does

ACTIONS = {
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListObjectsV2": "s3:ListBucket",
    "AssumeRole": "sts:AssumeRole",
    "AssumeRoleWithWebIdentity": "sts:AssumeRoleWithWebIdentity",
}
NAMED = re.compile(r"\b(?:s3|sts|kms|iam):[A-Za-z]+")
Use = Callable[[FakeAws, Callable[[], Destination], Callable[[], None]], object]
"""A use of one method: with the fake, a maker of destinations, and what to call when the use itself begins."""


def prepared_in(destination: Destination, *, transfer_id: str | None = None) -> PreparedAppend:
    """Prepare a transfer of one row."""
    append = destination.append("orders", transfer_id=transfer_id)
    append.write({"id": 1})
    return append.prepare()


def rows_that_do_not_fit() -> list[dict[str, int]]:
    """Make so many rows that some are sent before the transfer ends."""
    return [{"id": number} for number in range(5)]


def _check(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    begin()
    make().check()
    make().check(mode="recheck", audit=True)


def _write(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    append = make().append("orders")
    begin()
    for row in rows_that_do_not_fit():
        append.write(row)
    append.prepare()


def _write_many(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    append = make().append("orders")
    begin()
    append.write_many(rows_that_do_not_fit())
    append.prepare()


def _write_arrow(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    pa = pytest.importorskip("pyarrow")
    append = make().append("orders")
    begin()
    append.write_arrow(pa.table({"id": list(range(5))}))
    append.prepare()


def _prepare(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    append = make().append("orders")
    append.write({"id": 1})
    begin()
    append.prepare()


def _commit_writer(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    first = prepared_in(make())
    append = make().append("orders", transfer_id=first.transfer_id)
    append.write({"id": 1})
    append.prepare()  # in vain: the first attempt is committed before
    make().commit(first)
    begin()
    append.commit()


def _abort_writer(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    append = make().append("orders")
    append.write({"id": 1})
    append.prepare()
    begin()
    append.abort()


def _commit(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    first = prepared_in(make())
    second = prepared_in(make(), transfer_id=first.transfer_id)
    begin()
    make().commit(first, second)


def _abort(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
    prepared = prepared_in(make())
    begin()
    make().abort(prepared)


USES: dict[str, Use] = {
    "Destination.check": _check,
    "Destination.commit": _commit,
    "Destination.abort": _abort,
    "AppendWriter.write": _write,
    "AppendWriter.write_many": _write_many,
    "AppendWriter.write_arrow": _write_arrow,
    "AppendWriter.prepare": _prepare,
    "AppendWriter.commit": _commit_writer,
    "AppendWriter.abort": _abort_writer,
}

ELSEWHERE = {"Destination.resume", "Destination.append", "AppendWriter.write_file"}
"""Methods whose claims need files; they have tests of their own below."""

WITHOUT = {"Destination.client", "Destination.close", "AppendWriter.transfer_id"}
"""Methods that send nothing."""


def public_methods() -> dict[str, Any]:
    """Find every public method of the two classes that a pipeline uses."""
    return {
        f"{cls.__name__}.{name}": method
        for cls in (Destination, AppendWriter)
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


def actions_used(aws: FakeAws, use: Use, options: TransferOptions, **more: Any) -> set[str]:
    """Use a method as a role, by keys and by token, and translate the requests into actions."""
    used: set[str] = set()
    aws.store.allowed = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
    for identity in (None, WebIdentity(lambda: "token")):
        made: list[Destination] = []

        def make(identity: WebIdentity | None = identity, made: list[Destination] = made) -> Destination:
            destination = aws.destination(identity=identity, options=options)
            vars(destination).update(more)
            made.append(destination)
            return destination

        def begin() -> None:
            aws.clock.advance(3600)  # so that the use needs a session of its own
            aws.log.clear()

        use(aws, make, begin)
        used |= {ACTIONS.get(operation, f"s3:{operation}") for operation in aws.operations}
        for destination in made:
            destination.close()
    return used


def test_every_public_method_is_accounted_for() -> None:
    """A new one must be put to the test, or be said to send nothing."""
    assert public_methods().keys() - WITHOUT == USES.keys() | ELSEWHERE
    for name in WITHOUT & public_methods().keys():
        assert NAMED.findall(public_methods()[name].__doc__) == []


@pytest.mark.parametrize("name", USES)
def test_a_docstring_names_exactly_the_actions(aws: FakeAws, name: str) -> None:
    """Customers edit policies by it."""
    named = set(NAMED.findall(public_methods()[name].__doc__))
    assert actions_used(aws, USES[name], SMALL_MEMORY) == named


def test_write_file_names_exactly_its_actions(aws: FakeAws, tmp_path: Path) -> None:
    """A file that does not fit goes up at once."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(b"x" * 6_000_000)

    def use(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
        append = make().append("orders")
        begin()
        append.write_file(path)
        append.prepare()

    named = set(NAMED.findall(AppendWriter.write_file.__doc__ or ""))
    options = SMALL_MEMORY.model_copy(update={"part_size": 5 * 1024 * 1024})
    assert actions_used(aws, use, options) == named


@pytest.mark.parametrize("name", ["append", "resume"])
def test_resuming_names_exactly_its_actions(aws: FakeAws, tmp_path: Path, name: str) -> None:
    """A transfer in the journal is finished: by hand, or when it is opened again."""
    journal = FileJournal(tmp_path)

    def use(_aws: FakeAws, make: Callable[[], Destination], begin: Callable[[], None]) -> None:
        prepared = prepared_in(make())
        make().commit(prepared)  # what follows meets 412s, and uploads that are not needed
        again = prepared_in(make(), transfer_id=prepared.transfer_id)
        journal.save([again])
        begin()
        if name == "resume":
            make().resume()
        else:
            make().append("orders", transfer_id=prepared.transfer_id).commit()

    named = set(NAMED.findall(getattr(Destination, name).__doc__ or ""))
    assert actions_used(aws, use, SMALL_MEMORY, _journal=journal) == named
