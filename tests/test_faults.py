"""Every fault at every step of every path: all rows exactly once, or a typed error and nothing committed.

And in either case: the same transfer, repeated without faults, ends with all rows exactly once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fake import FakeAws, Fault, Store, faults
from fake.faults import Faults
from promises import (
    CREATING,
    Row,
    data_keys,
    destination,
    is_manifest,
    named_keys,
    named_rows,
    one_client,
    require_nothing_replaced,
    require_polite,
    require_true,
    small_options,
    write_jsonl,
)

from s3dest import (
    Destination,
    FileJournal,
    JsonLines,
    PreparedAppend,
    Receipt,
    RequestError,
    S3DestError,
    TransferOptions,
)

ID = "01a209ce-4dde-7311-ab01-8184d030eb7f"
_random = random.Random(7)  # noqa: S311  # rows that do not shrink
ROWS: list[Row] = [{"id": number, "text": _random.randbytes(40).hex()} for number in range(60)]
PLAIN = JsonLines(compression="none")
PATIENCE = timedelta(seconds=40)

MEMORY = small_options(object_rows=20, deadline=PATIENCE)
"""Three objects that fit into memory."""

TIGHT = small_options(object_rows=20, deadline=PATIENCE, max_memory=5000, part_size=1000)
"""Three objects of which one fits: the others go up in two parts each while rows arrive."""


@dataclass(slots=True)
class Run:
    """One transfer on one path: begun, disturbed, and repeated."""

    aws: FakeAws
    folder: Path
    as_role: bool = True
    """Whether the requests are those of a role's session, or of a user's keys, which takes less time."""
    overwrites: bool = False
    """Whether the store is known to ignore conditions."""
    prepared: list[PreparedAppend] = field(default_factory=list)
    """What was prepared before something went wrong, kept by the pipeline."""

    @property
    def journal(self) -> FileJournal:
        """The journal, for the paths that have one."""
        return FileJournal(self.folder / "journal")

    def to(self, options: TransferOptions, journal: FileJournal | None = None) -> Destination:
        """Make a destination."""
        changes: dict[str, Any] = {} if self.as_role else {"auth": self.aws.user}
        if self.overwrites:
            changes["capabilities"] = {"conditional_put": False}
        return destination(self.aws, options, journal, **changes)

    def append(self, options: TransferOptions, journal: FileJournal | None = None) -> Receipt:
        """Append all rows in a destination of its own."""
        with (
            self.to(options, journal) as target,
            target.append("orders", transfer_id=ID, format=PLAIN) as append,
        ):
            append.write_many(ROWS)
        return append.receipt

    def append_file(self, options: TransferOptions) -> Receipt:
        """Append a file, and some rows before it."""
        path = write_jsonl(self.folder / "rows.jsonl.gz", ROWS[20:])
        with self.to(options) as target, target.append("orders", transfer_id=ID) as append:
            append.write_many(ROWS[:20])
            append.write_file(path, rows=40)
        return append.receipt

    def prepare(self, options: TransferOptions, *, writer_id: int = 0, rows: list[Row] | None = None) -> PreparedAppend:
        """Prepare some rows in a destination of its own, and carry the result through JSON."""
        with (
            self.to(options) as target,
            target.append("orders", transfer_id=ID, writer_id=writer_id, format=PLAIN) as append,
        ):
            append.write_many(ROWS if rows is None else rows)
            text = append.prepare().model_dump_json()
        return PreparedAppend.model_validate_json(text)

    def commit(self, *prepared: PreparedAppend) -> Receipt:
        """Commit in a destination of its own."""
        with self.to(MEMORY) as target:
            return target.commit(*prepared)


def small(run: Run) -> Receipt:
    """One object, one manifest."""
    return run.append(small_options(deadline=PATIENCE))


def memory(run: Run) -> Receipt:
    """Several objects in memory."""
    return run.append(MEMORY)


def pending(run: Run) -> Receipt:
    """Objects beyond the budget go up while rows arrive."""
    return run.append(TIGHT)


def file(run: Run) -> Receipt:
    """A large file goes up at once, in parts."""
    return run.append_file(TIGHT)


def same(run: Run) -> Receipt:
    """Prepare and commit in one destination."""
    with run.to(MEMORY) as target:
        append = target.append("orders", transfer_id=ID, format=PLAIN)
        with append:
            append.write_many(ROWS)
            run.prepared = [append.prepare()]
        return target.commit(*run.prepared)


def other(run: Run) -> Receipt:
    """Prepare in one destination, commit in another."""
    run.prepared = [run.prepare(MEMORY)]
    return run.commit(*run.prepared)


def distributed(run: Run) -> Receipt:
    """Three tasks, one of which ran twice; a coordinator commits them all."""
    shares = [(0, ROWS[:20]), (1, ROWS[20:40]), (1, ROWS[20:40]), (2, ROWS[40:])]
    prepared = [run.prepare(MEMORY, writer_id=writer_id, rows=rows) for writer_id, rows in shares]
    run.prepared = prepared
    return run.commit(*run.prepared)


def journal(run: Run) -> Receipt:
    """Everything goes up first, and is written down before it is committed."""
    return run.append(MEMORY, run.journal)


def die_inside_commit(run: Run) -> None:
    """Leave a journal and one visible object, as a process does that is killed inside commit."""
    prepared = run.prepare(MEMORY)
    run.journal.save([prepared])
    first = prepared.objects[0]
    with run.to(MEMORY) as dead:
        bucket = dead._delivery().bucket
        bucket.complete_upload(first.key, first.upload_id, first.parts, size=first.size, crc32=first.crc32)


def resume(run: Run) -> Receipt:
    """Another process finishes what the journal holds; or repeats the transfer if there is nothing left of it."""
    with run.to(MEMORY, run.journal) as target:
        receipts = target.resume()
    return receipts[0] if receipts else run.append(MEMORY, run.journal)


def commit_again(path: Callable[[Run], Receipt]) -> Callable[[Run], Receipt]:
    """Commit what was prepared, if it was; otherwise, or if an upload is gone for good, repeat the transfer."""

    def repeat(run: Run) -> Receipt:
        if not run.prepared:
            return path(run)
        try:
            return run.commit(*run.prepared)
        except RequestError as error:
            # those that a repetition is the remedy of; the latter after a part's ETag that was false
            assert error.code == "upload_lost" or error.aws_code == "InvalidPart"  # noqa: PT017
            return path(run)

    return repeat


@dataclass(frozen=True, slots=True)
class Way:
    """One path through the protocol."""

    run: Callable[[Run], Receipt]
    steps: dict[str, int]
    """How often each operation is asked for: the table of all steps, and what the path costs."""
    repeat: Callable[[Run], Receipt]
    setup: Callable[[Run], None] = lambda _run: None


ONE = {"AssumeRole": 1}
THREE_UP = {"CreateMultipartUpload": 3, "UploadPart": 3}
WAYS = {
    "small": Way(small, {**ONE, "PutObject": 2}, small),
    "memory": Way(memory, {**ONE, "PutObject": 4}, memory),
    "pending": Way(
        pending,
        {**ONE, "CreateMultipartUpload": 2, "UploadPart": 4, "CompleteMultipartUpload": 2, "PutObject": 2},
        pending,
    ),
    "file": Way(
        file, {**ONE, "CreateMultipartUpload": 1, "UploadPart": 3, "CompleteMultipartUpload": 1, "PutObject": 2}, file
    ),
    "same": Way(same, {**ONE, **THREE_UP, "CompleteMultipartUpload": 3, "PutObject": 1}, commit_again(same)),
    "other": Way(
        other, {"AssumeRole": 2, **THREE_UP, "CompleteMultipartUpload": 3, "PutObject": 1}, commit_again(other)
    ),
    "distributed": Way(
        distributed,
        {
            "AssumeRole": 5,
            "CreateMultipartUpload": 4,
            "UploadPart": 4,
            "CompleteMultipartUpload": 3,
            "PutObject": 1,
            "AbortMultipartUpload": 1,
        },
        commit_again(distributed),
    ),
    "journal": Way(journal, {**ONE, **THREE_UP, "CompleteMultipartUpload": 3, "PutObject": 1}, journal),
    "resume": Way(resume, {**ONE, "CompleteMultipartUpload": 3, "PutObject": 1}, resume, die_inside_commit),
}
"""Every path, with its steps."""


def interrupt() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


UNAVAILABLE = faults.refusal(503, "ServiceUnavailable", "Please reduce your request rate.")
THERE_ALREADY = faults.refusal(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
LATE = timedelta(minutes=10).total_seconds()
INTERRUPTED = Fault("interrupted", faults.meanwhile(interrupt).twist)

FAULTS = [
    faults.LOST_REQUEST,
    faults.UNREACHABLE,
    faults.ANSWER_TIMED_OUT,
    faults.ANSWER_TIMED_OUT.after(LATE),
    faults.CONNECTION_CLOSED,
    faults.INTERNAL_ERROR,
    faults.INTERNAL_ERROR.carried_out(),
    faults.BAD_GATEWAY,
    faults.BAD_GATEWAY.carried_out(),
    UNAVAILABLE,
    UNAVAILABLE.carried_out(),
    faults.SLOW_DOWN,
    faults.SLOW_DOWN.carried_out(),
    faults.GATEWAY_TIMEOUT,
    faults.GATEWAY_TIMEOUT.carried_out(),
    faults.CONFLICT,
    faults.DENIED,
    faults.NO_SUCH_UPLOAD,
    THERE_ALREADY,
    THERE_ALREADY.carried_out(),
    faults.NO_ETAG,
    faults.error_in_200("InternalError"),
    faults.error_in_200("InternalError").carried_out(),
    faults.error_in_200("SlowDown"),
    faults.HTML_200,
    faults.HTML_200.carried_out(),
    faults.EMPTY_200,
    faults.EMPTY_200.carried_out(),
    faults.WRONG_ETAG,
    faults.WHITE_SPACE,
    faults.EXPIRED_TOKEN,
    faults.moved("eu-central-1"),
    faults.moved(None),
    faults.slow(LATE),
    INTERRUPTED,
    INTERRUPTED.carried_out(),
]
"""Everything that may go wrong with a request."""

QUICK = [
    faults.LOST_REQUEST,
    faults.ANSWER_TIMED_OUT,
    faults.CONFLICT,
    faults.DENIED,
    faults.EMPTY_200.carried_out(),
    INTERRUPTED.carried_out(),
]
"""The representatives in the default suite: each kind of outcome once."""

FOR_EVER = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one step of one path."""

    way: str
    operation: str
    call: int
    fault: Fault
    times: int

    @property
    def cannot_be_told(self) -> bool:
        """Whether the store's answer is false and nothing contradicts it: a protocol that may not read must believe.

        A 412 for an object that is not there; `NoSuchUpload` for a pending upload that an earlier process may have
        completed.
        """
        if self.fault is THERE_ALREADY:
            return self.operation in CREATING
        return self.fault is faults.NO_SUCH_UPLOAD and (self.way, self.operation) == (
            "resume",
            "CompleteMultipartUpload",
        )

    @property
    def quick(self) -> bool:
        """Whether it belongs to the default suite."""
        if self.operation in {"AssumeRole", "AbortMultipartUpload"}:
            return self.fault is faults.DENIED and self.times == 1
        if self.times == FOR_EVER:
            return self.fault == faults.ANSWER_TIMED_OUT and self.call == 1
        last = WAYS[self.way].steps[self.operation]
        middle = self.call != last and (self.call != 1 or self.operation == "UploadPart")
        return self.times == 1 and self.fault in QUICK and not middle

    def __str__(self) -> str:
        often = {1: "once", 2: "twice", FOR_EVER: "for ever"}[self.times]
        late = " late" if self.fault.delay else ""
        return f"{self.way}, {self.operation} {self.call}: {self.fault.name}{late} {often}"


def cases(*, quick: bool) -> Iterator[Case]:
    """Cross every path with every step, fault and number of times."""
    for name, way in WAYS.items():
        for operation, calls in way.steps.items():
            for call in range(1, calls + 1):
                middle = call not in {1, calls}  # where a fault that lasts adds only time to one at its neighbours
                for fault in FAULTS:
                    for times in (1,) if middle else (1, 2, FOR_EVER):
                        case = Case(name, operation, call, fault, times)
                        if not case.cannot_be_told and case.quick is quick:
                            yield case


@pytest.fixture(scope="module")
def whole_aws() -> Iterator[FakeAws]:
    """Run the fake for all tests: making botocore's clients anew for each would take most of the time."""
    with FakeAws() as aws, one_client():
        yield aws


@pytest.fixture
def aws(whole_aws: FakeAws) -> FakeAws:
    """Empty the bucket and the log."""
    return emptied(whole_aws)


def emptied(aws: FakeAws) -> FakeAws:
    """Begin anew with an empty bucket, on which small parts are allowed."""
    aws.store = Store(aws.clock, bucket=aws.store.bucket, region=aws.store.region, owner=aws.store.owner)
    aws.store.smallest_part = 1
    aws.log, aws.faults = [], Faults()
    return aws


def in_order(rows: list[Row]) -> list[Row]:
    """Sort rows by their number."""
    return sorted(rows, key=lambda row: row["id"])


def arm(aws: FakeAws, case: Case) -> None:
    """Let the fault happen at its step, counted from now."""
    already = aws.operations.count(case.operation)
    for call in range(case.call, case.call + min(case.times, 300)):
        aws.faults.at(case.operation, already + call, case.fault)


def drive(aws: FakeAws, folder: Path, case: Case) -> None:
    """Run a path with its fault, ask for every promise, repeat it without, and ask again."""
    way = WAYS[case.way]
    as_role = case.operation == "AssumeRole" or case.fault is faults.EXPIRED_TOKEN
    run = Run(aws, folder, as_role=as_role)
    way.setup(run)
    arm(aws, case)
    receipt, failure = None, None
    try:
        receipt = way.run(run)
    except (S3DestError, KeyboardInterrupt) as error:
        failure = error
    aws.faults.clear()
    require_polite(aws.log)
    require_nothing_replaced(aws.store)
    named = in_order(named_rows(aws.store))
    committed = bool(named)
    # A 412 after the effect, without a try before: somebody on the way sent our request twice.
    doubled = case.fault.name == THERE_ALREADY.carried_out().name
    if receipt is not None:
        assert named == ROWS
        if not doubled:
            require_true(receipt, aws.store)
            assert not receipt.already_committed
    elif committed:
        assert named == ROWS
        assert not isinstance(failure, RequestError) or failure.ambiguous
    if isinstance(failure, KeyboardInterrupt):
        assert "interrupted" in case.fault.name

    again = way.repeat(run)
    assert in_order(named_rows(aws.store)) == ROWS
    require_polite(aws.log)
    require_nothing_replaced(aws.store)
    require_true(again, aws.store)
    assert again.already_committed or not committed
    assert again.rows == len(ROWS)
    assert again.orphans == ()
    assert set(named_keys(aws.store)) == data_keys(aws.store)
    assert not list(run.journal.load())


@pytest.mark.parametrize("case", list(cases(quick=True)), ids=str)
def test_a_fault_never_breaks_a_promise(aws: FakeAws, tmp_path: Path, case: Case) -> None:
    """All rows exactly once, or a typed error and nothing committed; repeated, all rows exactly once."""
    drive(aws, tmp_path, case)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["as AWS", "repetitions unknown", "repetitions refused", "aborts allowed"])
@pytest.mark.parametrize("way", WAYS)
def test_no_fault_ever_breaks_a_promise(aws: FakeAws, tmp_path: Path, way: str, store: str) -> None:
    """The full cross product, also on stores that answer a repeated completion in other ways."""
    for number, case in enumerate([*cases(quick=True), *cases(quick=False)]):
        if case.way != way or (store != "as AWS" and not case.operation.endswith("MultipartUpload")):
            continue
        emptied(aws)
        if store == "repetitions unknown":
            aws.store.repeated_complete = "NoSuchUpload"
        elif store == "repetitions refused":
            aws.store.repeated_complete = "412"
        elif store == "aborts allowed":
            aws.store.allowed.add("s3:AbortMultipartUpload")
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            drive(aws, folder, case)
        except BaseException as error:
            error.add_note(f"{case}, store: {store}")
            raise


@pytest.mark.parametrize("way", WAYS)
def test_what_each_path_costs(aws: FakeAws, tmp_path: Path, way: str) -> None:
    """The requests of the table and no others: two for a small transfer, one an object and one more beyond that."""
    run = Run(aws, tmp_path)
    WAYS[way].setup(run)
    before = Counter(aws.operations)
    receipt = WAYS[way].run(run)
    assert Counter(aws.operations) - before == WAYS[way].steps
    assert is_manifest(next(request.key for request in reversed(aws.log) if request.operation in CREATING))
    assert in_order(named_rows(aws.store)) == ROWS
    require_true(receipt, aws.store)
    assert not receipt.already_committed


@pytest.mark.parametrize("way", WAYS)
def test_a_store_without_conditions_replaces_nothing(aws: FakeAws, tmp_path: Path, way: str) -> None:
    """Whatever answer is lost, whether the transfer or its commit is repeated: the same objects, the same manifest."""
    lost = [(operation, call) for operation in CREATING for call in range(1, WAYS[way].steps.get(operation, 0) + 1)]
    for number, (operation, call) in enumerate(lost):
        emptied(aws).store.conditional = set()
        aws.store.repeated_complete = "NoSuchUpload" if number % 2 else "same"
        run = Run(aws, tmp_path / str(number), as_role=False, overwrites=True)
        run.folder.mkdir()
        WAYS[way].setup(run)
        arm(aws, Case(way, operation, call, faults.ANSWER_TIMED_OUT, times=1))
        for repeat in (WAYS[way].run, WAYS[way].repeat, WAYS[way].run):
            repeat(run)
            require_nothing_replaced(aws.store)
            require_polite(aws.log)
            assert in_order(named_rows(aws.store)) == ROWS


@pytest.mark.parametrize("way", WAYS)
def test_a_store_without_conditions_replaces_no_data(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Repeated with other rows, the last attempt stands, whole; no data object is replaced."""
    aws.store.conditional = set()
    run = Run(aws, tmp_path, as_role=False, overwrites=True)
    WAYS[way].setup(run)
    WAYS[way].run(run)
    monkeypatch.setitem(globals(), "ROWS", [{**row, "text": "other"} for row in ROWS])
    WAYS[way].run(run)
    require_nothing_replaced(aws.store, but_manifests=True)
    require_polite(aws.log)
    assert in_order(named_rows(aws.store)) == ROWS
