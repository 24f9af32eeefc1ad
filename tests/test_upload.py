"""Objects on their way up: equal parts, several at once, begun anew if an upload vanishes, given up on demand."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import logging
import socket
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake import FakeAws, faults
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback, config

from s3dest import (
    AccessDeniedError,
    AmbientIdentity,
    ConfigError,
    Destination,
    JsonLines,
    LocalFileError,
    PendingUpload,
    PreparedPart,
    RequestError,
    RoleAuth,
    S3DestError,
    StateError,
    TransferOptions,
    TransportError,
    multipart,
)
from s3dest.budget import Budget
from s3dest.digests import Digester
from s3dest.finished import FinishedObject
from s3dest.local_file import temporary
from s3dest.options import MIB
from s3dest.piece import MAX_PARTS, Piece, part_size
from s3dest.shelf import Shelf, Spill
from s3dest.upload import OBJECTS_AT_ONCE, UploadPool, Uploads, abort_uploads

TIMEOUT = 20
"""Seconds after which a thread that hangs fails its test."""


class StubBucket:
    """A bucket, and its multipart uploads, of which a test decides when a part arrives, and whether."""

    def __init__(self, on_part: Callable[[int], object] = bool) -> None:
        self.parts: dict[str, dict[int, bytes]] = {}
        self.aborted: list[str] = []
        self.refusals: list[S3DestError] = []
        self._on_part = on_part
        self._numbers = count(1)
        self._denied = False
        self.multipart = self

    def create(self, key: str, *, content_type: str, on_retry: Callable[[], None]) -> str:
        """Begin an upload."""
        del content_type, on_retry
        upload_id = f"{key}/{next(self._numbers)}"
        self.parts[upload_id] = {}
        return upload_id

    def upload_part(
        self, key: str, upload_id: str, number: int, piece: Piece, *, on_retry: Callable[[], None]
    ) -> PreparedPart:
        """Take a part."""
        del key, on_retry
        self._on_part(number)
        self.parts[upload_id][number] = b"".join(piece.blocks())
        return PreparedPart(number=number, etag=str(number))

    def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload, or refuse to."""
        del key
        if self.refusals:
            raise self.refusals.pop(0)
        self.aborted.append(upload_id)

    def is_first_denial(self) -> bool:
        """Tell whether an abort is denied for the first time."""
        first, self._denied = not self._denied, True
        return first


def finished(budget: Budget, data: bytes, number: int = 0) -> FinishedObject:
    """Make an object at hand in memory."""
    digester = Digester(md5=True)
    digester.update(data)
    shelf = Shelf(budget, Spill())
    shelf.add(data)
    return FinishedObject(number, 1, len(data), digester.digests(), shelf=shelf)


class Ground:
    """A pool over a stub, and one writer's uploads in it."""

    def __init__(self, bucket: StubBucket, *, concurrency: int = 4, parts_of: int = 10, limit: int = 10_000) -> None:
        stub: Any = bucket
        self.pool = UploadPool(stub, TransferOptions(concurrency=concurrency))
        self.pool.part_size = parts_of
        self.budget = Budget(limit)
        self.retries = 0
        self.uploads = Uploads(self.pool, content_type="text/plain", budget=self.budget, on_retry=self._count)

    def start(self, data: bytes, number: int = 0) -> Any:
        """Bring an object up, its memory taken as a writer would."""
        assert self.budget.take(len(data))
        return self.uploads.start(finished(self.budget, data, number), f"key-{number}")

    def _count(self) -> None:
        self.retries += 1


@given(st.integers(0, 50 * 1024**4), st.integers(5 * MIB, 5 * 1024 * MIB))
def test_parts_grow_only_as_far_as_their_number_demands(size: int, wanted: int) -> None:
    """As wanted, unless that made more than 10,000 parts; and then not a byte larger than needed."""
    chosen = part_size(size, wanted)
    assert chosen >= wanted
    assert -(-size // chosen) <= MAX_PARTS
    if chosen > wanted:
        assert -(-size // (chosen - 1)) > MAX_PARTS


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, [0]), (1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (30, [10, 10, 10]), (35, [10, 10, 10, 5])],
)
def test_parts_are_equal_but_the_last(size: int, parts: list[int]) -> None:
    """Some stores demand it; an empty object has one empty part, since S3 completes no upload without any."""
    bucket = StubBucket()
    data = bytes(range(size))
    prepared = Ground(bucket).start(data).result(TIMEOUT)
    sent = bucket.parts[prepared.upload_id]
    assert [len(sent[number]) for number in sorted(sent)] == parts
    assert b"".join(sent[number] for number in sorted(sent)) == data
    assert [part.number for part in prepared.parts] == list(range(1, len(parts) + 1))
    assert (prepared.size, prepared.sha256) == (size, hashlib.sha256(data).hexdigest())


def test_a_large_object_has_larger_parts() -> None:
    """10,000 of them, no more, all equal."""
    bucket = StubBucket()
    data = b"x" * (3 * MAX_PARTS - 2)
    prepared = Ground(bucket, parts_of=1, limit=len(data)).start(data).result(TIMEOUT)
    sizes = {number: len(part) for number, part in bucket.parts[prepared.upload_id].items()}
    assert len(sizes) == MAX_PARTS
    assert sizes.pop(MAX_PARTS) == 1
    assert set(sizes.values()) == {3}


def test_parts_go_up_several_at_once_and_no_more() -> None:
    """As many as the destination's concurrency, over all its objects."""
    meeting, inside = threading.Barrier(3), threading.Semaphore(3)

    def meet(_number: int) -> None:
        assert inside.acquire(blocking=False)
        meeting.wait(TIMEOUT)
        inside.release()

    ground = Ground(StubBucket(meet), concurrency=3)
    futures = [ground.start(bytes(90), number) for number in range(4)]
    assert [len(future.result(TIMEOUT).parts) for future in futures] == [9] * 4


def test_so_many_objects_go_up_at_once() -> None:
    """The others wait their turn, and are counted as under way."""
    meeting, go = threading.Barrier(OBJECTS_AT_ONCE + 1), threading.Event()

    def wait(_number: int) -> None:
        meeting.wait(TIMEOUT)
        assert go.wait(TIMEOUT)

    bucket = StubBucket(lambda number: None if go.is_set() else wait(number))
    ground = Ground(bucket, concurrency=16)
    for number in range(OBJECTS_AT_ONCE + 2):
        ground.start(b"data", number)
    meeting.wait(TIMEOUT)
    assert len(bucket.parts) == OBJECTS_AT_ONCE
    assert ground.uploads.under_way == OBJECTS_AT_ONCE + 2
    go.set()
    assert [item.number for item in ground.uploads.results()] == list(range(OBJECTS_AT_ONCE + 2))
    assert ground.uploads.under_way == 0


def test_memory_is_bounded() -> None:
    """A part is read while it is sent: what waits for its turn takes no memory beside the object itself."""
    reads: list[int] = []
    go, come = threading.Event(), threading.Barrier(3)

    def wait(_number: int) -> None:
        if not go.is_set():
            come.wait(TIMEOUT)
            assert go.wait(TIMEOUT)

    ground = Ground(StubBucket(wait), concurrency=2)
    ground.budget.force(1000)
    item = finished(ground.budget, bytes(1000))
    own = item.read

    class Watched(FinishedObject):
        def read(self, offset: int, size: int) -> bytes:
            reads.append(size)
            return own(offset, size)

    watched = Watched(item.number, item.rows, item.size, item.digests, shelf=item.shelf)
    future = ground.uploads.start(watched, "key")
    come.wait(TIMEOUT)
    assert reads == []
    go.set()
    future.result(TIMEOUT)
    assert max(reads) <= 10


def test_memory_is_freed_as_soon_as_an_object_is_up() -> None:
    """Whether it came up or failed; a writer that waits for room goes on."""
    ground = Ground(StubBucket(), limit=100)
    future = ground.start(bytes(100))
    assert ground.budget.take_drained(100)
    future.result(TIMEOUT)
    ground.budget.give_back(100)

    def fail(_number: int) -> None:
        raise TransportError

    ground = Ground(StubBucket(fail), limit=100)
    failing = ground.start(bytes(100))
    assert ground.budget.take_drained(100)
    assert isinstance(failing.exception(TIMEOUT), TransportError)
    assert (ground.budget.held, ground.budget._draining) == (100, 0)


def test_what_is_up_is_not_looked_at_again() -> None:
    """Nor kept: a writer brings up thousands of objects, and looks for failures at each batch."""
    ground = Ground(StubBucket())
    for number in range(20):
        ground.start(b"x", number).result(TIMEOUT)
        ground.uploads.raise_failure()
        assert len(ground.uploads._on_their_way) <= 1
    assert sorted(item.number for item in ground.uploads.results()) == list(range(20))
    assert ground.uploads.results() == ground.uploads.results()


def test_after_a_failed_part_no_other_is_sent() -> None:
    """The object has failed, and its writer is told by the next look, by waiting, and by asking for results."""
    sent: list[int] = []

    def fail_at_second(number: int) -> None:
        sent.append(number)
        if number == 2:
            raise TransportError

    ground = Ground(StubBucket(fail_at_second), concurrency=1)
    future = ground.start(bytes(1000))
    assert isinstance(future.exception(TIMEOUT), TransportError)
    assert len(sent) < 10
    with pytest.raises(TransportError):
        ground.uploads.raise_failure()
    with pytest.raises(TransportError):
        ground.uploads.results()


def test_giving_up_stops_what_is_under_way() -> None:
    """Parts on their way end, no other begins, the uploads begun are aborted."""
    started, go = threading.Event(), threading.Event()

    def wait(_number: int) -> None:
        started.set()
        assert go.wait(TIMEOUT)

    bucket = StubBucket(wait)
    ground = Ground(bucket, concurrency=1)
    future = ground.start(bytes(1000))
    assert started.wait(TIMEOUT)
    ground.uploads._cancelled.set()
    go.set()
    assert ground.uploads.abort() == ()
    error = future.exception(TIMEOUT)
    assert isinstance(error, S3DestError)
    assert error.code == "aborted"
    ((upload_id, parts),) = bucket.parts.items()
    assert len(parts) < 10
    assert bucket.aborted == [upload_id]
    assert ground.budget.held == 0


def test_giving_up_frees_what_had_not_begun() -> None:
    """Objects that wait for a thread never run: their memory is given back all the same, or others waited for ever."""
    meeting, go = threading.Barrier(OBJECTS_AT_ONCE + 1), threading.Event()

    def wait(_number: int) -> None:
        meeting.wait(TIMEOUT)
        assert go.wait(TIMEOUT)

    ground = Ground(StubBucket(wait), concurrency=16, limit=100)
    futures = [ground.start(bytes(10), number) for number in range(10)]
    meeting.wait(TIMEOUT)
    futures[-1].add_done_callback(lambda _: go.set())
    assert ground.uploads.abort() == ()
    assert [future.cancelled() for future in futures] == [False] * OBJECTS_AT_ONCE + [True] * (10 - OBJECTS_AT_ONCE)
    assert (ground.budget.held, ground.budget._draining) == (0, 0)


def test_a_retry_after_giving_up_is_the_last() -> None:
    """The retry layer asks before each further try, and is told to stop; before, retries are counted."""
    ground = Ground(StubBucket())
    ground.uploads._on_retry()
    assert ground.retries == 1
    ground.uploads.abort()
    with pytest.raises(S3DestError) as caught:
        ground.uploads._on_retry()
    assert (caught.value.code, ground.retries) == ("aborted", 1)


def test_aborts_are_denied_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever may not abort one may not abort the others: one request, one line in the log, all uploads returned."""
    bucket: Any = StubBucket()
    uploads = [PendingUpload(key=f"key-{number}", upload_id=str(number)) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            bucket.refusals = [AccessDeniedError("may not"), AccessDeniedError("may not")]
            assert abort_uploads(bucket, uploads) == tuple(uploads)
            assert len(bucket.refusals) == 1
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["3 pending uploads are left over"]


def test_an_upload_that_is_gone_counts_as_aborted() -> None:
    """The others are aborted all the same."""
    bucket: Any = StubBucket()
    bucket.refusals = [RequestError("gone", code="upload_lost")]
    uploads = [PendingUpload(key="key", upload_id=str(number)) for number in range(3)]
    assert abort_uploads(bucket, uploads) == ()
    assert bucket.aborted == ["1", "2"]


def test_an_abort_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    """It tidies up after an error that must not be hidden."""
    bucket: Any = StubBucket()
    bucket.refusals = [TransportError("no answer")]
    uploads = [PendingUpload(key="key", upload_id=str(number)) for number in range(2)]
    with caplog.at_level(logging.WARNING):
        assert abort_uploads(bucket, uploads) == tuple(uploads)
    assert "no answer" in caplog.text


def test_an_abort_does_not_wait_as_long_as_a_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store takes the request and never answers, whoever gives up goes on long before the read timeout."""
    monkeypatch.setattr(multipart, "_ABORT_TIME", dt.timedelta(seconds=0.2))
    silent, hanging = threading.Event(), threading.Event()
    left: list[tuple[PendingUpload, ...]] = []
    upload = PendingUpload(key="key", upload_id="id")
    options = TransferOptions(concurrency=1, deadline=dt.timedelta(seconds=0.1))
    with Loopback() as server, Destination(config(server.url), options=options) as target:
        bucket = target._delivery().bucket

        def hold(_number: int) -> None:
            hanging.set()
            silent.wait(TIMEOUT)

        def take_the_only_lane() -> None:
            with pytest.raises(RequestError):
                bucket.multipart.upload_part("key", "id", 1, b"abc")

        server.before = hold
        other = threading.Thread(target=take_the_only_lane)
        other.start()
        hanging.wait(TIMEOUT)
        thread = threading.Thread(target=lambda: left.append(abort_uploads(bucket, [upload])))
        thread.start()
        thread.join(TIMEOUT / 2)
        silent.set()
        for each in (thread, other):
            each.join()
        assert left == [(upload,)]
        assert [request.operation for request in server.log[:2]] == ["UploadPart", "AbortMultipartUpload"]


def test_an_abort_does_not_wait_for_an_sts_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives up what another process prepared has no session yet."""
    monkeypatch.setattr(multipart, "_ABORT_TIME", dt.timedelta(seconds=0.2))
    upload, options = PendingUpload(key="key", upload_id="id"), TransferOptions(deadline=dt.timedelta(seconds=0.1))
    left: list[tuple[PendingUpload, ...]] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        role = RoleAuth(role_arn="arn:aws:iam::111122223333:role/transfer-role", external_id=None)
        theirs = config(url).model_copy(update={"auth": role})
        ours = AmbientIdentity(boto3.Session("AKIAVENDOR", "vendor-secret", region_name="eu-west-1"))
        with Destination(theirs, identity=ours, options=options) as target:
            bucket = target._delivery().bucket
            thread = threading.Thread(target=lambda: left.append(abort_uploads(bucket, [upload])))
            thread.start()
            thread.join(TIMEOUT / 2)
            soon = list(left)
            silent.close()
            thread.join()
    assert soon == [(upload,)]


@pytest.mark.parametrize(
    ("operation", "fault", "sessions"),
    [
        ("AssumeRole", faults.sts_refusal(403, "AccessDenied", "no"), 1),
        ("AbortMultipartUpload", faults.EXPIRED_TOKEN, 2),
    ],
    ids=["STS fails", "S3 does not take the session any more"],
)
def test_an_abort_takes_the_session_that_there_is(
    aws: FakeAws, operation: str, fault: faults.Fault, sessions: int
) -> None:
    """STS may be what has failed the transfer; another session is opened only where S3 refuses this one."""
    aws.store.allowed.add("s3:AbortMultipartUpload")
    with aws.destination() as target:
        bucket = target._delivery().bucket
        upload = PendingUpload(
            key="vendor/exports/x", upload_id=bucket.multipart.create("vendor/exports/x", content_type="a/b")
        )
        aws.faults.next(operation, fault)
        assert abort_uploads(bucket, [upload]) == ()
    assert aws.operations.count("AssumeRole") == sessions


def test_a_body_that_cannot_be_read_is_no_fault_of_the_network() -> None:
    """Botocore wraps what reading it raised; it is told as it is, and not tried again until the deadline."""

    def read(_offset: int, _size: int) -> bytes:
        tries.append(_offset)
        with temporary():
            raise OSError(errno.EIO, "Input/output error")

    tries: list[int] = []
    options = TransferOptions(deadline=dt.timedelta(seconds=1), checksums="aws")
    with Loopback() as server, Destination(config(server.url), options=options) as target:
        bucket = target._delivery().bucket
        with pytest.raises(LocalFileError, match="Input/output error") as caught:
            bucket.multipart.upload_part("key", "id", 1, Piece(read, 0, 10, crc32=0, sha256=bytes(32)))
    assert (caught.value.code, caught.value.owner) == ("temporary_file", "vendor")
    assert tries == [0]


def test_a_vanished_upload_is_begun_anew(aws: FakeAws) -> None:
    """A store may lose one, and its part's answer says so: the object goes up once more, and arrives."""
    aws.faults.at("UploadPart", 1, faults.NO_SUCH_UPLOAD)
    with aws.destination() as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        prepared = append.prepare()
        assert aws.operations[1:] == ["CreateMultipartUpload", "UploadPart"] * 2
        assert prepared.objects[0].upload_id == list(aws.store.uploads)[1]
        assert destination.commit(prepared).rows == 1


def test_an_upload_that_vanishes_every_time_is_an_error(aws: FakeAws) -> None:
    """Three times is enough; the writer can only be aborted."""
    aws.faults.always("UploadPart", faults.NO_SUCH_UPLOAD)
    with aws.destination() as destination:
        append = destination.append("orders")
        append.write({"id": 1})
        with pytest.raises(RequestError) as caught:
            append.prepare()
        assert caught.value.code == "upload_lost"
        assert aws.operations.count("CreateMultipartUpload") == 3
        with pytest.raises(StateError):
            append.commit()
        append.abort()
    assert aws.store.objects == {}


def test_a_file_goes_up_in_parts_byte_for_byte(aws: FakeAws, tmp_path: Path) -> None:
    """At once, while the writer is open; it may be changed and removed when the call has returned."""
    data = bytes(range(256)) * (4096 * 12)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    with aws.destination(options=TransferOptions(part_size=5 * MIB)) as destination:
        with destination.append("orders", format=JsonLines(compression="none")) as append:
            append.write_file(path, rows=7)
            assert aws.operations.count("UploadPart") == 3
            path.write_bytes(b"something else")
            path.unlink()
        (stored,) = append.receipt.objects
    assert aws.store.objects[stored.key].data == data
    assert (stored.rows, stored.size) == (7, len(data))


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("checksums", ["aws", "md5"])
@pytest.mark.parametrize("change", ["altered", "shortened"])
def test_a_file_that_changes_under_way_is_refused(
    aws: FakeAws, tmp_path: Path, change: str, checksums: Any, scheme: str
) -> None:
    """Its key would promise other bytes: the error says so, and nothing is visible."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(bytes(6 * MIB))

    def interfere() -> None:
        with path.open("r+b") as file:
            if change == "shortened":
                file.truncate(5 * MIB + 1)
            else:
                file.write(b"another row")

    aws.faults.at("CreateMultipartUpload", 1, faults.meanwhile(interfere))
    config = aws.config(endpoint_url=f"{scheme}://s3.eu-west-1.amazonaws.com")
    options = TransferOptions(part_size=5 * MIB, checksums=checksums)
    with aws.destination(config, options=options) as destination:
        append = destination.append("orders", format=JsonLines(compression="none"))
        with pytest.raises(ConfigError) as caught:
            append.write_file(path)
        assert caught.value.code == "file_changed"
        append.abort()
    assert aws.store.objects == {}


def test_bytes_that_have_changed_are_not_sent_again(aws: FakeAws, tmp_path: Path) -> None:
    """Another try could only fail, at the end of the deadline perhaps."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(bytes(6 * MIB))
    aws.faults.at("CreateMultipartUpload", 1, faults.meanwhile(lambda: path.write_bytes(b"another row" * MIB)))
    aws.faults.always("UploadPart", faults.INTERNAL_ERROR)
    with aws.destination(options=TransferOptions(part_size=5 * MIB, concurrency=1)) as destination:
        append = destination.append("orders", format=JsonLines(compression="none"))
        with pytest.raises(ConfigError) as caught:
            append.write_file(path)
        assert caught.value.code == "file_changed"
        append.abort()
    assert [request.query["partNumber"] for request in aws.requests("UploadPart")].count("1") == 1
    assert aws.clock.slept == []
