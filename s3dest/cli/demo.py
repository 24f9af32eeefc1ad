"""The demo: a customer and a vendor meet in an embedded S3, and each claim of s3dest is put to the test."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

from s3dest.auth import RoleAuth
from s3dest.cli.report import show_steps
from s3dest.cli.rows import RowSource
from s3dest.cli.screen import Screen
from s3dest.destination import Destination
from s3dest.results import Receipt
from s3dest.testing import BucketObject, Customer, EmbeddedS3

_SHOWN_ENTRIES: Final = 2

State = dict[BucketObject, str]
"""All objects of a bucket, each with the SHA-256 of its bytes."""


def run(source: RowSource, screen: Screen) -> dict[str, bool]:
    """Tell the story from the first set-up to the last refusal; return each claim and whether it held."""
    began = time.monotonic()
    with EmbeddedS3() as s3:
        screen.say(f"An S3 inside this process. Rows: {source.title} ({source.count:,}).")
        customer = s3.customer()
        with Destination(customer.config) as destination:
            demo = _Demo(source, screen, s3, customer, destination)
            demo.tell()
    screen.say()
    failed = [*demo.claims.values()].count(False)
    if failed:
        screen.verdict("FAILED", f"{failed} of {len(demo.claims)} claims did not hold.")
    else:
        screen.verdict("ok", f"All {len(demo.claims)} claims held, in {time.monotonic() - began:.1f} s.")
    return demo.claims


class _Demo:
    """One telling of the story."""

    def __init__(
        self, source: RowSource, screen: Screen, s3: EmbeddedS3, customer: Customer, destination: Destination
    ) -> None:
        self.claims: dict[str, bool] = {}
        self._source = source
        self._screen = screen
        self._s3 = s3
        self._customer = customer
        self._destination = destination

    def tell(self) -> None:
        self._set_up()
        self._check()
        first = self._append()
        self._look(first)
        self._repeat(first)
        self._do_without_delete()
        self._attack(first)

    def _set_up(self) -> None:
        config = self._customer.config
        self._screen.chapter("The customer sets up a bucket and a role")
        facts = {"bucket": config.bucket, "region": config.region, "prefix": config.prefix}
        if isinstance(config.auth, RoleAuth):
            facts |= {"role": config.auth.role_arn, "external id": str(config.auth.external_id)}
        self._screen.facts(facts)
        self._screen.document("The role trusts the vendor", self._customer.trust)
        self._screen.document("The role may", self._customer.permission)

    def _check(self) -> None:
        self._screen.chapter("The vendor checks the connection")
        report = self._destination.check()
        show_steps(self._screen, report)
        report.raise_for_failure()
        self._claim("The check passes and leaves nothing behind.", not self._customer.objects())

    def _append(self) -> Receipt:
        self._screen.chapter(f"The vendor appends {self._source.count:,} rows")
        self._s3.forget_requests()
        receipt = self._transfer()
        self._screen.facts(
            {
                "transfer": receipt.transfer_id,
                "stored": f"{receipt.rows:,} rows, {receipt.bytes:,} bytes, {len(receipt.objects)} data object(s)",
                "requests": _counted(self._s3.requests),
            }
        )
        self._claim(
            "Nothing was sent but AssumeRole and PutObject.", {*self._s3.requests} <= {"AssumeRole", "PutObject"}
        )
        return receipt

    def _look(self, receipt: Receipt) -> None:
        self._screen.chapter("The customer looks into the bucket")
        rows = {stored.key: f"{stored.rows:,}" for stored in receipt.objects}
        self._screen.table(
            (">size", ">rows", "key"),
            [(f"{stored.size:,}", rows.get(stored.key, ""), stored.key) for stored in self._customer.objects()],
        )
        (manifest,) = self._customer.manifests(receipt.table)
        self._screen.document("The manifest", _shortened(manifest))
        delivered = self._customer.rows(receipt.table)
        self._claim("The customer reads the very rows that were sent.", delivered == list(self._source.read()))

    def _repeat(self, first: Receipt) -> None:
        self._screen.chapter("The vendor tries the same transfer once more, as after a crash")
        before = self._state()
        again = self._transfer(transfer_id=first.transfer_id)
        self._claim("The receipt says that it was committed already.", again.already_committed)
        self._claim("Not one object was added, and not one byte changed.", self._state() == before)

    def _do_without_delete(self) -> None:
        self._screen.chapter("The customer takes s3:DeleteObject away")
        self._customer.revoke_delete()
        self._screen.document("The role may now", self._customer.permission)
        before = self._state()
        report = self._destination.check(mode="recheck")
        show_steps(self._screen, report)
        self._claim("A recheck passes with s3:PutObject alone, and nothing of it is visible.", self._state() == before)
        report.raise_for_failure()
        receipt = self._transfer()
        after = self._state()
        self._claim(
            f"A new transfer adds its {receipt.rows:,} rows, and all that lay there lies there still.",
            before.items() < after.items() and not receipt.already_committed,
        )

    def _attack(self, receipt: Receipt) -> None:
        self._screen.chapter("A thief takes the vendor's session; the bucket guard is in place")
        self._customer.put_guard()
        before = self._state()
        client: Any = self._destination.client()
        place = {"Bucket": self._customer.config.bucket, "Key": receipt.objects[0].key}
        attempts: dict[str, Callable[[], object]] = {
            "read": lambda: client.get_object(**place),
            "list": lambda: client.list_objects_v2(Bucket=place["Bucket"]),
            "overwrite": lambda: client.put_object(**place, Body=b"gone"),
            "delete": lambda: client.delete_object(**place),
        }
        answers = {name: _answer(attempt) for name, attempt in attempts.items()}
        self._screen.table(("attempt", "answer"), answers.items())
        for name, answer in answers.items():
            self._claim(f"The session cannot {name}.", answer.startswith("403"))
        self._claim("Everything lies in the bucket as before.", self._state() == before)
        self._screen.say(
            "The embedded S3 is moto, which enforces the role's policy. It evaluates neither session policies nor the "
            "guard's condition; s3dest's test kit enforces these two in front of it. Without the guard, s3:PutObject "
            "includes overwriting on AWS; s3dest itself never does it.",
            style="dim",
        )

    def _transfer(self, transfer_id: str | None = None) -> Receipt:
        with (
            self._screen.progress("appending", self._source.count) as show,
            self._destination.append(
                self._source.table, transfer_id=transfer_id, on_progress=lambda progress: show(progress.rows)
            ) as append,
        ):
            append.write_many(self._source.read())
        return append.receipt

    def _state(self) -> State:
        return {stored: hashlib.sha256(stored.read()).hexdigest() for stored in self._customer.objects()}

    def _claim(self, text: str, holds: bool) -> None:  # noqa: FBT001  # the claim itself
        self.claims[text] = holds
        self._screen.verdict("ok" if holds else "FAILED", text)


def _answer(attempt: Callable[[], object]) -> str:
    """Make an attempt and tell S3's answer, less the names of user and object, which are long."""
    try:
        attempt()
    except ClientError as error:
        answer: Any = error.response
        code, message = answer["Error"]["Code"], answer["Error"]["Message"]
        reason = message.rpartition('"')[2].strip()
        return f"{answer['ResponseMetadata']['HTTPStatusCode']} {code}: … {reason}"
    return "it was allowed"


def _counted(requests: list[str]) -> str:
    return ", ".join(f"{count} {operation}" for operation, count in Counter(requests).items())


def _shortened(manifest: dict[str, Any]) -> dict[str, Any]:
    """Cut the list of entries down to a glance."""
    entries = manifest["entries"]
    hidden = len(entries) - _SHOWN_ENTRIES
    if hidden <= 0:
        return manifest
    return {**manifest, "entries": [*entries[:_SHOWN_ENTRIES], f"… and {hidden} more"]}
