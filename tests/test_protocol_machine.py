"""Writers, crashes, commits and faults in any order, against a model of what may be in the bucket.

A share is one writer's rows in one version; a commit makes the shares that it is given one transfer. The model knows
which shares were given to a commit for which transfer, and nothing of how objects, uploads and manifests come about.
"""

from __future__ import annotations

import gc
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from fake import FakeAws, Fault, faults
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from promises import (
    Row,
    data_keys,
    manifests,
    named_keys,
    named_rows,
    one_client,
    require_nothing_replaced,
    require_polite,
    require_true,
    rows_in,
    small_options,
)
from promises import destination as destination_of

from s3dest import Destination, FileJournal, JsonLines, PreparedAppend, Receipt, S3DestError, TransferOptions
from s3dest.append import AppendWriter

pytestmark = pytest.mark.filterwarnings("ignore:the writer of transfer:ResourceWarning")

TRANSFERS = ("transfer-a", "transfer-b")
DATE = "2026-11-23"
PATIENCE = timedelta(seconds=20)
OPTIONS: dict[str, TransferOptions] = {
    "in memory": small_options(object_rows=4, deadline=PATIENCE),
    "pending": small_options(object_rows=4, deadline=PATIENCE, max_memory=250, part_size=60),
}
FAULTS: list[Fault] = [
    faults.LOST_REQUEST,
    faults.ANSWER_TIMED_OUT,
    faults.ANSWER_TIMED_OUT.after(30),
    faults.INTERNAL_ERROR.carried_out(),
    faults.SLOW_DOWN,
    faults.CONFLICT,
    faults.DENIED,
    faults.EMPTY_200.carried_out(),
    faults.error_in_200("InternalError"),
    faults.slow(30),
]
OPERATIONS = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject", "AbortMultipartUpload"]

Share = tuple[str, int, int]
"""Transfer, writer and version: what decides a share's rows."""


def rows_of(share: Share) -> list[Row]:
    """Make a share's rows, each of which tells where it belongs."""
    transfer, writer_id, version = share
    return [{"share": [transfer, writer_id, version], "id": number} for number in range(10)]


@dataclass(slots=True)
class Attempt:
    """One writer, in a destination of its own."""

    share: Share
    destination: Destination
    writer: AppendWriter
    waiting: list[Row]
    prepared: PreparedAppend | None = None
    given_up: bool = False


@dataclass(slots=True)
class Model:
    """What may be in the bucket."""

    begun: dict[str, set[frozenset[Share]]] = field(default_factory=dict)
    """By transfer, what was given to its commits."""
    committed: dict[str, Any] = field(default_factory=dict)
    """By key, the manifests that were seen: none may ever change."""

    def may_be_visible(self) -> set[Share]:
        """Collect the shares that a commit was begun with."""
        return {share for contents in self.begun.values() for content in contents for share in content}


class Protocol(RuleBasedStateMachine):
    """Everything that pipelines do, and what befalls them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.aws = self.stack.enter_context(FakeAws())
        self.stack.enter_context(one_client())
        self.stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)  # writers are dropped here on purpose
        self.aws.store.smallest_part = 1
        self.model = Model()
        self.attempts: list[Attempt] = []
        self.journal: FileJournal | None = None
        self.faulty = False

    @initialize(
        journal=st.booleans(),
        aborts=st.booleans(),
        repeated=st.sampled_from(["same", "no ETag", "NoSuchUpload", "412"]),
    )
    def choose_a_world(self, *, journal: bool, aborts: bool, repeated: Any) -> None:
        """Stores and pipelines differ."""
        if journal:
            self.journal = FileJournal(self.stack.enter_context(tempfile.TemporaryDirectory()))
        if aborts:
            self.aws.store.allowed.add("s3:AbortMultipartUpload")
        self.aws.store.repeated_complete = repeated

    def to(self, options: str = "in memory") -> Destination:
        """Make a destination, as another process would."""
        return destination_of(self.aws, OPTIONS[options], self.journal, auth=self.aws.user)

    def opened(self, share: Share, options: str) -> Attempt:
        """Open a writer."""
        transfer, writer_id, _ = share
        destination = self.to(options)
        writer = destination.append(
            "orders",
            transfer_id=transfer,
            transfer_date=DATE,
            writer_id=writer_id,
            format=JsonLines(compression="none"),
        )
        return Attempt(share, destination, writer, rows_of(share))

    def trying(self, use: Callable[[], Any]) -> Any:
        """Do something that may fail, but only in a typed way."""
        try:
            return use()
        except S3DestError:
            return None

    def committing(self, shares: list[Share], commit: Callable[[], Receipt], *, handed_out: bool = False) -> None:
        """Commit, and compare the receipt with the model."""
        transfer = shares[0][0]
        first = dict(reversed([(writer_id, (transfer, writer_id, version)) for _, writer_id, version in shares]))
        content = frozenset(first.values())
        self.model.begun.setdefault(transfer, set()).add(content)
        receipt: Receipt | None = self.trying(commit)
        if receipt is None:
            return
        if not self.faulty:
            require_true(receipt, self.aws.store, handed_out=handed_out)
        assert receipt.manifest_key in self.aws.store.objects
        if not receipt.already_committed and not self.faulty:
            assert self.contents()[transfer] == content
        assert handed_out or not set(receipt.orphans) & set(named_keys(self.aws.store))

    def contents(self) -> dict[str, frozenset[Share]]:
        """Read which shares each manifest names."""
        named: dict[str, set[Share]] = {}
        for row in named_rows(self.aws.store):
            share = tuple(row["share"])
            named.setdefault(share[0], set()).add(share)
        return {transfer: frozenset(shares) for transfer, shares in named.items()}

    @rule(
        transfer=st.sampled_from(TRANSFERS),
        writer_id=st.integers(0, 1),
        version=st.integers(0, 1),
        options=st.sampled_from(sorted(OPTIONS)),
    )
    def open(self, transfer: str, writer_id: int, version: int, options: str) -> None:
        """Another attempt begins, of any transfer."""
        attempt = self.trying(lambda: self.opened((transfer, writer_id, version), options))
        if attempt is not None:
            self.attempts.append(attempt)

    def one(self, data: st.DataObject) -> Attempt:
        """Choose an attempt."""
        return self.attempts[data.draw(st.integers(0, len(self.attempts) - 1), "attempt")]

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), some=st.integers(1, 10))
    def write(self, data: st.DataObject, some: int) -> None:
        """A writer gets on."""
        attempt = self.one(data)
        rows, attempt.waiting = attempt.waiting[:some], attempt.waiting[some:]
        self.trying(lambda: attempt.writer.write_many(rows))

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def prepare(self, data: st.DataObject) -> None:
        """A writer has all its rows, and brings them up."""
        attempt = self.one(data)
        rows, attempt.waiting = attempt.waiting, []

        def use() -> PreparedAppend:
            if rows:
                attempt.writer.write_many(rows)
            return PreparedAppend.model_validate_json(attempt.writer.prepare().model_dump_json())

        attempt.prepared = self.trying(use) or attempt.prepared

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """A writer has all its rows, and commits them by itself."""
        attempt = self.one(data)
        if attempt.given_up and attempt.prepared:
            return  # never commit what was given up: that its uploads are gone could mean that they were completed
        rows, attempt.waiting = attempt.waiting, []
        if rows:
            self.trying(lambda: attempt.writer.write_many(rows))
        self.committing([attempt.share], attempt.writer.commit, handed_out=attempt.prepared is not None)

    def together(self, data: st.DataObject) -> list[Attempt]:
        """Choose some that were prepared for one transfer, in any order."""
        ready = [attempt for attempt in self.attempts if attempt.prepared and not attempt.given_up]
        if not ready:
            return []
        transfer = data.draw(st.sampled_from(sorted({attempt.share[0] for attempt in ready})), "transfer")
        these = [number for number, attempt in enumerate(ready) if attempt.share[0] == transfer]
        chosen = data.draw(st.lists(st.sampled_from(these), min_size=1, max_size=3, unique=True), "shares")
        return [ready[number] for number in chosen]

    @rule(data=st.data())
    def commit_together(self, data: st.DataObject) -> None:
        """A coordinator commits what several prepared, perhaps not for the first time."""
        if chosen := self.together(data):
            prepared = [attempt.prepared for attempt in chosen if attempt.prepared]
            self.committing([attempt.share for attempt in chosen], lambda: self.to().commit(*prepared))

    @rule(data=st.data())
    def abort_together(self, data: st.DataObject) -> None:
        """A coordinator gives up what several prepared."""
        if chosen := self.together(data):
            prepared = [attempt.prepared for attempt in chosen if attempt.prepared]
            self.trying(lambda: self.to().abort(*prepared))
            for attempt in chosen:
                attempt.given_up = True

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        """A writer gives up."""
        attempt = self.one(data)
        self.trying(attempt.writer.abort)
        attempt.given_up = True

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A process dies with its writer; what it prepared, the pipeline may have kept."""
        attempt = self.one(data)
        self.attempts.remove(attempt)
        if attempt.prepared and data.draw(st.booleans(), "kept"):
            dropped = self.to().append(
                "orders", transfer_id=f"gone-{len(self.aws.log)}", transfer_date=DATE, writer_id=9
            )
            kept = Attempt(attempt.share, attempt.destination, dropped, [], attempt.prepared, attempt.given_up)
            self.attempts.append(kept)
            dropped.abort()

    @precondition(lambda self: self.journal is not None)
    @rule()
    def resume(self) -> None:
        """Another process finishes what it finds in the journal."""
        for receipt in self.trying(self.to().resume) or []:
            assert receipt.manifest_key in self.aws.store.objects

    @rule(operation=st.sampled_from(OPERATIONS), fault=st.sampled_from(FAULTS), times=st.sampled_from([1, 2, 60]))
    def break_something(self, operation: str, fault: Fault, times: int) -> None:
        """The next requests of a kind go wrong."""
        self.faulty = True
        self.aws.faults.next(operation, *[fault] * times)

    @precondition(lambda self: self.faulty)
    @rule()
    def mend_everything(self) -> None:
        """The network is well again."""
        self.faulty = False
        self.aws.faults.clear()

    @invariant()
    def promises_hold(self) -> None:
        """Committed once, nothing visible too soon, nothing replaced, manifests true, requests conditional."""
        store = self.aws.store
        require_nothing_replaced(store)
        require_polite(self.aws.log)
        rows = Counter((*row["share"], row["id"]) for row in named_rows(store))
        assert not rows or max(rows.values()) == 1
        for transfer, content in self.contents().items():
            assert content in self.model.begun[transfer]
            wanted = {(*share, number) for share in content for number in range(10)}
            assert {row for row in rows if row[0] == transfer} == wanted
        for key in data_keys(store):
            for row in rows_in(store.objects[key].data):
                assert tuple(row["share"]) in self.model.may_be_visible()
        now = {key: store.objects[key].data for key in manifests(store)}
        assert self.model.committed.items() <= now.items()
        self.model.committed = now

    def teardown(self) -> None:
        """In the end, every transfer can be brought to its end: resumed, or repeated by its id."""
        try:
            self.mend_everything()
            if self.journal is not None:
                self.resume()
            self.attempts.clear()
            gc.collect()
            for transfer in TRANSFERS:
                attempt = self.opened((transfer, 0, 0), "in memory")
                attempt.writer.write_many(attempt.waiting)
                self.model.begun.setdefault(transfer, set()).add(frozenset([attempt.share]))
                require_true(attempt.writer.commit(), self.aws.store)
            self.promises_hold()
            assert set(self.contents()) == set(TRANSFERS)
        finally:
            self.stack.close()


Protocol.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def _drop_here() -> Iterator[None]:
    """Drop the writers of a walk that hypothesis broke off: they would be found missing in another test."""
    yield
    gc.collect()


class TestProtocol(Protocol.TestCase):  # type: ignore[misc,valid-type]  # made by hypothesis
    """A few walks, always the same."""


@pytest.mark.slow
class TestProtocolAtLength(Protocol.TestCase):  # type: ignore[misc,valid-type]
    """Many long walks, other ones each time."""

    settings = settings(
        max_examples=80,
        stateful_step_count=50,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
