"""Every fault at every step of every path: all rows exactly once, or a typed error and nothing committed.

And in either case: the same transfer, repeated without faults, ends with all rows exactly once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, product
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
        bucket.multipart.complete(first.key, first.upload_id, first.parts, size=first.size, crc32=first.crc32)


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
STEPS = {operation for way in WAYS.values() for operation in way.steps}


def interrupt() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


UNAVAILABLE = faults.refusal(503, "ServiceUnavailable", "Please reduce your request rate.")
THERE_ALREADY = faults.refusal(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
LATE = timedelta(minutes=10).total_seconds()
INTERRUPTED = Fault("interrupted", faults.meanwhile(interrupt).twist)

KINDS = [
    [
        faults.LOST_REQUEST,
        faults.INTERNAL_ERROR,
        faults.BAD_GATEWAY,
        UNAVAILABLE,
        faults.GATEWAY_TIMEOUT,
        faults.error_in_200("InternalError"),
        faults.HTML_200,
        faults.EMPTY_200,
    ],
    [
        faults.ANSWER_TIMED_OUT,
        faults.CONNECTION_CLOSED,
        faults.INTERNAL_ERROR.carried_out(),
        faults.BAD_GATEWAY.carried_out(),
        UNAVAILABLE.carried_out(),
        faults.GATEWAY_TIMEOUT.carried_out(),
        faults.error_in_200("InternalError").carried_out(),
        faults.HTML_200.carried_out(),
        faults.EMPTY_200.carried_out(),
    ],
    [faults.SLOW_DOWN, faults.error_in_200("SlowDown")],
    [faults.SLOW_DOWN.carried_out()],
    [faults.ANSWER_TIMED_OUT.after(LATE)],
    [faults.UNREACHABLE],
    [faults.CONFLICT],
    [faults.DENIED, faults.moved("eu-central-1"), faults.moved(None)],
    [faults.NO_SUCH_UPLOAD],
    [THERE_ALREADY],
    [THERE_ALREADY.carried_out()],
    [faults.NO_ETAG],
    [faults.CUT_ETAG],
    [faults.WRONG_ETAG],
    [faults.WHITE_SPACE],
    [faults.EXPIRED_TOKEN],
    [faults.slow(LATE)],
    [INTERRUPTED],
    [INTERRUPTED.carried_out()],
]
"""Everything that may go wrong with a request; those in one line look alike to all that decides what comes next."""

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

    def __str__(self) -> str:
        often = {1: "once", 2: "twice", FOR_EVER: "for ever"}[self.times]
        late = " late" if self.fault.delay else ""
        return f"{self.way}, {self.operation} {self.call}: {self.fault.name}{late} {often}"


def quick_cases() -> Iterator[Case]:
    """List the cases of the default suite: each path's operations, by turns at first and last calls."""
    for place, (name, way) in enumerate(WAYS.items()):
        for operation, calls in way.steps.items():
            if operation in {"AssumeRole", "AbortMultipartUpload"}:
                yield Case(name, operation, 1, faults.DENIED, 1)
                continue
            for turn, fault in enumerate(QUICK, place):
                yield Case(name, operation, calls if turn % 2 else 1, fault, 1)
            if operation in CREATING:
                yield Case(name, operation, 1, faults.ANSWER_TIMED_OUT, FOR_EVER)


OTHER_STORES: dict[str, Callable[[Store], None]] = {
    "repetitions unknown": lambda store: setattr(store, "repeated_complete", "NoSuchUpload"),
    "repetitions refused": lambda store: setattr(store, "repeated_complete", "412"),
    "aborts allowed": lambda store: store.allowed.add("s3:AbortMultipartUpload"),
}


class Turns:
    """How the faults of one kind take turns at the calls of one operation, for a while, and in which store."""

    def __init__(self, kind: list[Fault]) -> None:
        self.once = cycle(kind)
        self.lasting = cycle(product(kind, (2, FOR_EVER)))
        self.elsewhere = cycle(product(kind, OTHER_STORES))


def sweep() -> Iterator[tuple[Case, str]]:
    """Cross the first and last calls of each path's operations with each kind of fault.

    Each kind lasts at one of the two; and comes at a call between them on every third path, since all that is different
    there is how many others are done.
    """
    turns = {(operation, number): Turns(kind) for operation in STEPS for number, kind in enumerate(KINDS)}
    for place, (name, way) in enumerate(WAYS.items()):
        for operation, calls in way.steps.items():
            for call, number in product(range(1, calls + 1), range(len(KINDS))):
                turn = turns[operation, number]
                middle = 1 < call < calls
                if middle and (operation == "AssumeRole" or (place + number) % 3):
                    continue
                yield Case(name, operation, call, next(turn.once), 1), "as AWS"
                if middle:
                    continue
                if (place + number + (call == 1)) % 2:
                    yield Case(name, operation, call, *next(turn.lasting)), "as AWS"
                if operation.endswith("MultipartUpload"):
                    fault, store = next(turn.elsewhere)
                    yield Case(name, operation, call, fault, 1), store


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


@pytest.mark.parametrize("case", list(quick_cases()), ids=str)
def test_a_fault_never_breaks_a_promise(aws: FakeAws, tmp_path: Path, case: Case) -> None:
    """All rows exactly once, or a typed error and nothing committed; repeated, all rows exactly once."""
    drive(aws, tmp_path, case)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "operation"), [(name, each) for name, way in WAYS.items() for each in way.steps])
def test_no_fault_ever_breaks_a_promise(aws: FakeAws, tmp_path: Path, way: str, operation: str) -> None:
    """Each kind of fault at each step of each path, also on stores that answer a repeated completion in other ways."""
    for number, (case, store) in enumerate(sweep()):
        if (case.way, case.operation) != (way, operation) or case.cannot_be_told:
            continue
        emptied(aws)
        if store in OTHER_STORES:
            OTHER_STORES[store](aws.store)
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            drive(aws, folder, case)
        except BaseException as error:
            error.add_note(f"{case}, store: {store}")
            raise


def test_the_sweep_leaves_nothing_out() -> None:
    """Each fault comes at each operation, and each kind at each path's first and last calls, between, and elsewhere."""
    swept = list(sweep())
    once: dict[tuple[str, str, int], set[Fault]] = {}
    for case, _ in swept:
        once.setdefault((case.way, case.operation, case.call), set()).add(case.fault)
    for operation in STEPS - {"AbortMultipartUpload"}:
        met = {case.fault for case, store in swept if (case.operation, case.times, store) == (operation, 1, "as AWS")}
        assert met == {fault for kind in KINDS for fault in kind}
        lasting = {case.fault for case, _ in swept if case.operation == operation and case.times > 1}
        between = {case.fault for case, _ in swept if (case.operation, case.call) == (operation, 2)}
        assert all(lasting & set(kind) and between & set(kind) for kind in KINDS)
    for name, way in WAYS.items():
        for operation, calls in way.steps.items():
            assert all(once[name, operation, call] & set(kind) for call in (1, calls) for kind in KINDS)
    for store in OTHER_STORES:
        met = {case.fault for case, where in swept if (case.operation, where) == ("CompleteMultipartUpload", store)}
        assert all(met & set(kind) for kind in KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if len(kind) > 1], ids=lambda kind: kind[0].name)
def test_faults_of_one_kind_are_alike(aws: FakeAws, kind: list[Fault]) -> None:
    """Whether it is tried again, whether it may have been carried out, and what is there: all but the words."""
    outcomes = set()
    for fault in kind:
        emptied(aws)
        aws.faults.always("CompleteMultipartUpload", fault)
        with Run(aws, Path(), as_role=False).to(MEMORY) as target:
            append = target.append("orders", transfer_id=ID, format=PLAIN)
            append.write_many(ROWS[:1])
            prepared = append.prepare()
            with pytest.raises(S3DestError) as caught:
                target.commit(prepared)
        error = caught.value
        ambiguous = isinstance(error, RequestError) and error.ambiguous
        tried_again = len(aws.requests("CompleteMultipartUpload")) > 1
        outcomes.add((error.retryable, ambiguous, tried_again, len(aws.store.objects)))
    assert len(outcomes) == 1


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
