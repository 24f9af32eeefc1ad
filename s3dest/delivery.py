"""One destination at work in one process: its bucket, threads, memory budget, and what commits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from s3dest.budget import Budget
from s3dest.commit import Committer, Transfer
from s3dest.config import DestinationConfig
from s3dest.errors import StateError
from s3dest.identity import Identity
from s3dest.options import TransferOptions
from s3dest.results import Receipt, StoredObject
from s3dest.retry import Clock
from s3dest.s3 import Bucket
from s3dest.signature import ManifestSigner
from s3dest.upload import UploadPool
from s3dest.wire import OnRetry, ignore

_WORKERS: Final = 4
"""Threads that compress and digest, at most: one is as fast as encoding, and several writers share them."""


def disregard(_stored: StoredObject) -> None:
    """Do nothing at an object."""


class Delivery:
    """Made by a `Destination`, once a process. Safe to share between threads."""

    def __init__(
        self,
        config: DestinationConfig,
        identity: Identity,
        options: TransferOptions,
        *,
        clock: Clock,
        signer: ManifestSigner | None,
    ) -> None:
        self.process = os.getpid()
        self.config = config
        self.options = options
        self.clock = clock
        # buffers grow an eighth ahead of their contents
        self.budget = Budget(options.max_memory - options.max_memory // 8)
        self._identity = identity
        self._signer = signer
        self._lock = threading.Lock()
        self._bucket: Bucket | None = None
        self._pool: UploadPool | None = None
        self._workers: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def bucket(self) -> Bucket:
        """The bucket, with its boto3 client."""
        with self._lock:
            return self._get_bucket()

    @property
    def pool(self) -> UploadPool:
        """The threads that bring objects up."""
        with self._lock:
            if self._pool is None:
                self._pool = UploadPool(self._get_bucket(), self.options)
            return self._pool

    @property
    def workers(self) -> ThreadPoolExecutor:
        """The threads that compress and digest."""
        with self._lock:
            self._require_open()
            if self._workers is None:
                self._workers = ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1), "s3dest-press")
            return self._workers

    def close(self) -> None:
        """End the threads, close the connections."""
        with self._lock:
            self._closed = True
            workers, pool, bucket = self._workers, self._pool, self._bucket
        # without the lock, which a thread that is waited for may want
        if workers is not None:
            workers.shutdown()
        if pool is not None:
            pool.close()
        if bucket is not None:
            bucket.close()

    def commit(
        self,
        transfer: Transfer,
        *,
        on_object: Callable[[StoredObject], None] = disregard,
        on_retry: OnRetry = ignore,
    ) -> Receipt:
        """Commit a transfer without the journal."""
        committer = Committer(self.bucket, self.options, self._signer, on_object=on_object, on_retry=on_retry)
        return committer.commit(transfer)

    def _require_open(self) -> None:
        if self._closed:
            message = f"The destination {self.config.uri} is closed."
            raise StateError(message, code="closed", remedy="Make another Destination.")

    def _get_bucket(self) -> Bucket:
        self._require_open()
        if self._bucket is None:
            self._bucket = Bucket(self.config, self._identity, self.options, clock=self.clock)
        return self._bucket
