"""The façade: one customer's destination, to be checked and appended to."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

from s3dest import policies
from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.errors import ConfigError, StateError
from s3dest.findings import CheckReport
from s3dest.formats import format_of
from s3dest.formats.encoder import Format
from s3dest.identity import AmbientIdentity, Identity, WebIdentity
from s3dest.journal import Journal
from s3dest.kind import kind_of
from s3dest.layout import plan
from s3dest.loading import LOADING
from s3dest.options import TransferOptions, within
from s3dest.prepared import PendingUpload, PreparedAppend
from s3dest.results import Progress, Receipt
from s3dest.retry import Clock
from s3dest.signature import ManifestSigner
from s3dest.sts_hosts import require_trusted

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from s3dest.append import AppendWriter
    from s3dest.delivery import Delivery
    from s3dest.recovery import Recovery

log = logging.getLogger(__name__)

FormatName = Literal["jsonl", "csv", "parquet"]
"""A format with its defaults."""


class Destination:
    """One customer's bucket, with one boto3 client a process. Threads may share it, pickling and forking are safe.

    Making one sends nothing, nor does a writer before its end, as long as memory takes its rows. As a context manager
    it closes its connections at the end.

    Args:
        config: What the customer handed over.
        identity: What the vendor brings to STS; default: its ambient AWS credentials. Not used with `HmacAuth`.
        options: The vendor's tuning.
        journal: Where transfers are remembered while they are committed, so that `resume` can finish what a killed
            process left. Costs three requests an object instead of one. Default: none. What a `Journal` of your own
            raises while it saves or loads is raised as it is, and nothing is visible that was not before.
        signer: Signs the manifests. Default: they are not signed.

    Raises:
        ConfigError: An argument is of another type, the session policy would be too long for STS, or the config names
            an STS that the identity's ``sts_hosts`` do not (``sts_host_not_trusted``).
    """

    def __init__(
        self,
        config: DestinationConfig,
        *,
        identity: Identity | None = None,
        options: TransferOptions | None = None,
        journal: Journal | None = None,
        signer: ManifestSigner | None = None,
    ) -> None:
        if not isinstance(config, DestinationConfig):
            message = f"A Destination needs a DestinationConfig, not {kind_of(config)}."
            raise ConfigError(message, remedy="Load JSON with DestinationConfig.model_validate().")
        _require("An identity is an AmbientIdentity or a WebIdentity", identity, AmbientIdentity, WebIdentity)
        _require("The options are TransferOptions", options, TransferOptions)
        _require("A journal is a FileJournal, or has the methods of Journal", journal, Journal)
        _require("A signer is a ManifestSigner", signer, ManifestSigner)
        if isinstance(config.auth, RoleAuth) and config.auth.session_policy:
            policies.session(config, purpose="setup-check")  # the longest of them; better now than at the customer's
        self._identity: Identity = identity or AmbientIdentity()
        require_trusted(config, self._identity.sts_hosts)
        self.config = config
        self.options = options or TransferOptions()
        self._journal = journal
        self._signer = signer
        self._clock = Clock()
        self._closed = False
        self._lock = threading.Lock()
        self._at_work: Recovery | None = None
        _made.add(self)

    def check(
        self,
        mode: Literal["setup", "recheck"] = "setup",
        *,
        multipart: Literal["auto", "always", "never"] = "auto",
        audit: bool = False,
        wait: dt.timedelta | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> CheckReport:
        """Find out whether data can be delivered, by the very requests of a transfer.

        ``"setup"`` assumes the role, puts a probe under the prefix with the headers of production, puts it again (412
        expected: append-only is enforced) and deletes it. ``"recheck"`` begins a multipart upload, uploads a part and
        aborts it, so that nothing is ever visible. In both, the role must refuse the vendor without
        an external id and with a wrong one (for a `WebIdentity` with ``other_audience``, a token of that).

        Actions: ``s3:PutObject``; in setup mode also ``s3:DeleteObject`` on its probe; ``s3:AbortMultipartUpload`` is
        tried where there was a multipart upload, and may be denied. For a role ``sts:AssumeRole`` or
        ``sts:AssumeRoleWithWebIdentity``. An audit tries ``s3:GetObject``, ``s3:ListBucket``, ``s3:DeleteObject`` and
        ``s3:PutObject`` outside of the prefix, and hopes to be refused.

        Args:
            mode: ``"setup"`` or ``"recheck"``.
            multipart: Whether a set-up check completes a multipart upload of two parts (5 MiB) onto its probe, which
                the store must refuse. ``"auto"`` does so where the store answers that it uses a KMS key, and on other
                stores than AWS.
            audit: Whether to find out, with a session that no session policy narrows and requests that change
                nothing, which rights the role or user has beyond those that appending needs.
            wait: How long to repeat the check while all that is wrong may be an IAM policy just saved, which takes
                AWS seconds to minutes to spread. Default: not at all.
            on_wait: Told before each pause what it is waited for, in a sentence.

        Returns:
            A report; what failed is a finding in it and no exception. Call its ``raise_for_failure()``.

        Raises:
            StateError: The destination is closed.
            ConfigError: The mode is unknown, or the time to wait no timedelta or a negative one.
        """
        with LOADING:
            from s3dest.check import STEP_DEADLINE, Check, Plan, repeated  # noqa: PLC0415  # s3dest without boto3 is light
            from s3dest.s3 import Bucket  # noqa: PLC0415

        if mode not in ("setup", "recheck"):
            message = f"A check's mode is 'setup' or 'recheck', not {mode!r}."
            raise ConfigError(
                message, code="mode", remedy="Leave it out at set-up; write mode='recheck' for the checks that follow."
            )
        if multipart not in ("auto", "always", "never"):
            message = f"multipart is 'auto', 'always' or 'never', not {multipart!r}."
            raise ConfigError(message, code="mode", remedy="Leave it out for 'auto'.")
        _require("The time to wait is a timedelta", wait, dt.timedelta)
        _require_function("on_wait", on_wait)
        if wait is not None and wait < dt.timedelta(0):
            message = f"The time to wait is {wait.total_seconds():g} s: it cannot be negative."
            raise ConfigError(message, code="wait", remedy="Leave it out to check once.")
        self._require_open()
        options, plan = within(STEP_DEADLINE, self.options), Plan(mode=mode, multipart=multipart, audit=audit)
        purpose: Literal["append", "setup-check"] = "setup-check" if mode == "setup" else "append"

        def once() -> CheckReport:
            # A client of its own: only a set-up check's session may delete, and only in the probe folder.
            bucket = Bucket(self.config, self._identity, options, purpose=purpose, clock=self._clock)
            try:
                return Check(bucket, self._identity, options, plan=plan, clock=self._clock).run()
            finally:
                bucket.close()

        return repeated(once, config=self.config, wait=wait or dt.timedelta(0), clock=self._clock, on_wait=on_wait)

    def append(  # each is its own word
        self,
        table: str,
        *,
        format: FormatName | Format = "jsonl",  # noqa: A002  # the field's word
        transfer_id: str | None = None,
        transfer_date: dt.date | str | None = None,
        writer_id: int = 0,
        schema: object = None,
        partition_by: Sequence[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> AppendWriter:
        """Open a transfer: rows are written to it, and become visible all at once, or never.

        Sends nothing, unless the journal knows the transfer: then it is finished first, and what is written to the
        writer is not needed any more. Actions in that case: those of `resume`, which are ``s3:PutObject``, for a role
        ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``; ``s3:AbortMultipartUpload`` is tried and may be
        denied. The writer's methods say what they need.

        Args:
            table: The name under which rows are appended; not beginning with ``_`` or ``.``.
            format: ``"jsonl"`` (JSON Lines with gzip), ``"csv"`` (with gzip), ``"parquet"`` (with zstd; extra
                ``parquet``), or a format with options: `JsonLines`, `Csv`, `Parquet`, or your own `Format`.
            transfer_id: Identity of the transfer; repeating one never commits it twice. It counts to the letter: a UUID
                in capitals is another transfer. Default: a new UUIDv7.
            transfer_date: Its date in the keys, a date or ISO text. Default: the UTC date inside a UUIDv7; another
                kind of id needs one.
            writer_id: Which of several writers of the transfer this is, 0 to 99999. Each of several has to
                `~AppendWriter.prepare`, and somebody to `commit` all shares at once: a writer that commits by itself
                writes the transfer's only manifest, and who comes after it is told by its receipt that its rows are
                not in there (`already_committed`, `orphans`).
            schema: The columns: a mapping of names to types (Arrow's names, or Python types), a pydantic model class
                or a pyarrow schema. Default: found in the rows. Other formats than Parquet only tell the types.
            partition_by: Columns whose values name folders below the date's, as Hive writes them
                (``country=DE/``, ``__HIVE_DEFAULT_PARTITION__`` for null), and are left out of the objects. Each
                object has rows of one partition; the manifest names its values. Default: no partitions.
            on_progress: Called with a `Progress` after each batch of rows and each object; what it raises is logged.
                It cannot use the writer: to give up, raise where the rows come from, or in the ``with`` block.

        Raises:
            ConfigError: Table name, id, date, format, schema, partitions or ``on_progress`` are none, or would make a
                key of more than 1,024 bytes.
            StateError: The destination is closed, or the journal had the transfer by other writers (``other_writers``).
        """
        with LOADING:
            from s3dest.append import AppendWriter  # noqa: PLC0415  # importing s3dest shall not import boto3

        _require_function("on_progress", on_progress)
        file_format = format_of(format)
        recovery = self._recovery()
        layout = plan(
            self.config.key_prefix, table, transfer_id=transfer_id, transfer_date=transfer_date, writer_id=writer_id
        )
        resumed = recovery.resume_before(layout, writer_id) if transfer_id is not None else None
        return AppendWriter(
            layout,
            recovery,
            file_format=file_format,
            writer_id=writer_id,
            on_progress=on_progress,
            resumed=resumed,
            schema=schema,
            partition_by=partition_by,
        )

    def commit(self, *prepared: PreparedAppend) -> Receipt:
        """Commit what writers of one transfer prepared, in this process or others, with one manifest.

        May be repeated, in any process, any number of times. Of two attempts of one ``writer_id`` the first given
        counts. Give it the shares of all writers: a transfer has one manifest, and rows that come later are in none.
        Actions: ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``;
        ``s3:AbortMultipartUpload`` is tried, and may be denied, for uploads that are not needed.

        Raises:
            ConfigError: None was given, or they belong to several transfers or another destination.
            RequestError: A request failed for good; with code ``upload_lost`` an upload is gone.
            StateError: The destination is closed, or the journal had the transfer by other writers (``other_writers``).
        """
        return self._recovery().commit(prepared)

    def abort(self, *prepared: PreparedAppend) -> tuple[PendingUpload, ...]:
        """Give up what was prepared: abort its uploads as far as that is allowed. Do not commit it afterwards.

        If its commit was begun with a journal, the journal forgets it; its uploads are left to a lifecycle rule if
        another process may be finishing it. A journal that fails is told in the log.

        Actions: ``s3:AbortMultipartUpload``, which may be denied; for a role ``sts:AssumeRole`` or
        ``sts:AssumeRoleWithWebIdentity``.

        Returns:
            The uploads that are left over; nobody sees them, and a lifecycle rule removes them.

        Raises:
            ConfigError: None was given, or they belong to several transfers or another destination.
            StateError: The destination is closed.
        """
        return self._recovery().abort(prepared)

    def resume(self) -> list[Receipt]:
        """Finish the transfers that a killed process left in the journal; nothing without a journal.

        Actions: ``s3:PutObject``, for a role ``sts:AssumeRole`` or ``sts:AssumeRoleWithWebIdentity``;
        ``s3:AbortMultipartUpload`` is tried, and may be denied, for uploads that are not needed.

        Returns:
            A receipt for each.

        Raises:
            ConfigError: The journal is damaged; what can be read of it is finished all the same.
            S3DestError: One could not be finished, and stays in the journal; the others are finished all the same.
            StateError: The destination is closed.
        """
        return self._recovery().resume()

    def client(self) -> S3Client:
        """Return the boto3 client with the destination's own narrowed credentials, for what s3dest does not do.

        It sends nothing by itself; what its methods need is theirs to say. From now on s3dest sends all by its methods,
        small objects too, which takes longer: whoever has it may change what it sends, or want to see it.
        """
        return self._delivery().bucket.client

    def close(self) -> None:
        """Close the connections; the destination cannot be used any more. Sends nothing, needs no action.

        It waits for requests under way, and is not to be called by a signal handler: what that interrupts may be needed
        for them to end. Let the handler raise KeyboardInterrupt, and close where that is caught.
        """
        self._closed = True
        at_work = self._at_work
        if at_work is not None and at_work.delivery.process == os.getpid():
            at_work.delivery.close()

    def __enter__(self) -> Self:
        """Return the destination itself."""
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Show where it leads."""
        config = vars(self).get("config")  # not there yet where the arguments were refused
        return f"Destination({config.uri if config else None!r})"

    def __getstate__(self) -> dict[str, object]:
        """Take along what a worker needs to connect by itself; with `HmacAuth` that is the secret too."""
        left_behind = {"_lock", "_at_work", "_clock"}
        return {name: value for name, value in vars(self).items() if name not in left_behind}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Begin anew in another process."""
        vars(self).update(state, _clock=Clock(), _lock=threading.Lock(), _at_work=None)
        _made.add(self)

    def _require_open(self) -> None:
        if self._closed:
            message = f"The destination {self.config.uri} is closed."
            raise StateError(message, code="closed", remedy="Make another Destination.")

    def _tell_weaknesses(self) -> None:
        """Say it loudly, once a process, where the vendor knowingly uses a store that can overwrite."""
        weaknesses = self.config.capabilities.weaknesses if self.config.capabilities else ()
        if weaknesses:
            log.warning("%s does not enforce append-only (%s)", self.config.uri, ", ".join(weaknesses))

    def _delivery(self) -> Delivery:
        return self._recovery().delivery

    def _recovery(self) -> Recovery:
        with LOADING:
            from s3dest.delivery import Delivery  # noqa: PLC0415  # importing s3dest shall not import boto3
            from s3dest.recovery import Recovery  # noqa: PLC0415

        self._require_open()
        at_work = self._at_work
        if at_work is not None and at_work.delivery.process == os.getpid():
            return at_work
        with self._lock:
            at_work = self._at_work
            if at_work is None or at_work.delivery.process != os.getpid():
                self._tell_weaknesses()
                delivery = Delivery(self.config, self._identity, self.options, clock=self._clock, signer=self._signer)
                at_work = self._at_work = Recovery(delivery, self._journal)
            return at_work


def _require(what: str, given: object, *kinds: type) -> None:
    """Refuse an argument of another type at once, and not when it is needed, in the middle of a commit say.

    Raises:
        ConfigError: It is of another type.
    """
    if given is not None and not isinstance(given, kinds):
        message = f"{what}, not {kind_of(given)}."
        raise ConfigError(message, remedy="Give an instance of it, or leave it out for the default.")


def _require_function(name: str, given: object) -> None:
    """Refuse what cannot be called.

    Raises:
        ConfigError: It is none, and not ``None``.
    """
    if given is not None and not callable(given):
        message = f"{name} is a function, not {kind_of(given)}."
        raise ConfigError(message, remedy="Give one, or leave it out.")


_made: Final[weakref.WeakSet[Destination]] = weakref.WeakSet()


@contextmanager
def closing_what_is_made() -> Iterator[None]:
    """Close, in the end, the destinations that were made meanwhile, for what they talk to is gone then."""
    before = weakref.WeakSet(_made)
    try:
        yield
    finally:
        for destination in set(_made) - set(before):
            destination.close()


def _begin_anew() -> None:
    """Give each destination a lock of its own: another thread of the parent may have held it."""
    for destination in _made:
        destination._lock = threading.Lock()  # noqa: SLF001  # its own module


os.register_at_fork(after_in_child=_begin_anew)
