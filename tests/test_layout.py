"""Keys: decided by identity and bytes, and never outside the prefix."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from s3dest.errors import ConfigError
from s3dest.layout import MANIFEST_FOLDER, PROBE_FOLDER, escape, instant_in, new_transfer_id, plan, probe_key
from s3dest.names import MAX_KEY_BYTES

DAY = dt.date(2026, 11, 23)
DIGEST = "0123456789abcdef" * 4
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
HOSTILE = st.one_of(TEXTS, st.text("./\\%_-=*\0\n ab"))


def make(**changes: Any) -> Any:
    """Plan a transfer with sound defaults."""
    given: dict[str, Any] = {"transfer_id": "t-1", "transfer_date": DAY, "writer_id": 0, **changes}
    return plan(given.pop("key_prefix", "vendor/"), given.pop("table", "orders"), **given)


def refusal(**changes: Any) -> ConfigError:
    """Tell how a plan is refused."""
    with pytest.raises(ConfigError) as caught:
        make(**changes)
    return caught.value


def test_keys_are_those_of_the_design() -> None:
    """Readers of a bucket rely on these names."""
    layout = make(transfer_id="0192f0c1-0000-7000-8000-000000000000", writer_id=3)
    key = layout.data_key(writer_id=3, number=7, digest=DIGEST, extension="jsonl.gz")
    assert key == (
        "vendor/orders/dt=2026-11-23/0192f0c1-0000-7000-8000-000000000000-00003-00007-0123456789abcdef01234567.jsonl.gz"
    )
    assert layout.manifest_key == (
        "vendor/_manifests/orders/dt=2026-11-23/manifest_0192f0c1-0000-7000-8000-000000000000.json"
    )


def test_without_a_prefix_keys_begin_with_the_table() -> None:
    """No slash at the front: S3 would take it for a folder without a name."""
    layout = make(key_prefix="")
    assert layout.data_key(writer_id=0, number=0, digest=DIGEST, extension="x").startswith("orders/dt=")
    assert layout.manifest_key.startswith("_manifests/orders/")
    assert probe_key("").startswith(f"{PROBE_FOLDER}/")


@given(TEXTS)
@example("%41")
@example(".a")
@example("_a")
@example("a/b")
def test_escaping_is_reversible(text: str) -> None:
    """Any reader can undo it with a URL decoder; what comes out is plain ASCII without a slash."""
    escaped = escape(text)
    assert unquote(escaped) == text
    assert re.fullmatch(r"|([A-Za-z0-9-]|%[0-9A-F]{2})([A-Za-z0-9._-]|%[0-9A-F]{2})*", escaped)


@given(HOSTILE, HOSTILE)
@example("a/b", "a%2Fb")
@example("_a", "%5Fa")
def test_escaping_is_injective(one: str, other: str) -> None:
    """Two tables never share a folder."""
    assert (escape(one) == escape(other)) == (one == other)


@given(table=HOSTILE, transfer_id=HOSTILE)
def test_no_table_and_no_id_leaves_its_place(table: str, transfer_id: str) -> None:
    """Whatever they hold, keys have exactly their folders under the prefix."""
    assume(table and table[0] not in "._" and transfer_id and len(table) + len(transfer_id) < 60)
    layout = make(table=table, transfer_id=transfer_id)
    data = layout.data_key(writer_id=0, number=0, digest=DIGEST, extension="jsonl").split("/")
    manifest = layout.manifest_key.split("/")
    assert data[:3] == ["vendor", escape(table), "dt=2026-11-23"]
    assert manifest[:4] == ["vendor", MANIFEST_FOLDER, escape(table), "dt=2026-11-23"]
    assert (len(data), len(manifest)) == (4, 5)
    assert not {"", ".", ".."} & {*data, *manifest}
    assert unquote(manifest[4]) == f"manifest_{transfer_id}.json"


@given(st.tuples(HOSTILE, HOSTILE), st.tuples(HOSTILE, HOSTILE))
def test_two_transfers_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Not in data and not in manifests, even where one id looks like another's object."""
    assume(one != other)
    for table, transfer_id in (one, other):
        assume(table and table[0] not in "._" and transfer_id and len(table) + len(transfer_id) < 60)
    first, second = (make(table=table, transfer_id=transfer_id) for table, transfer_id in (one, other))
    arguments: dict[str, Any] = {"writer_id": 0, "number": 0, "digest": DIGEST, "extension": "jsonl"}
    assert first.data_key(**arguments) != second.data_key(**arguments)
    assert first.manifest_key != second.manifest_key


@pytest.mark.parametrize("table", ["", "_orders", ".orders", "..", None, 7])
def test_tables_that_engines_skip_are_refused(table: object) -> None:
    """Folders that begin with a dot or an underscore are invisible to query engines, and one is ours."""
    assert refusal(table=table).code == "table_name"


@pytest.mark.parametrize("writer_id", [-1, 100_000, True, "0", 1.0])
def test_writer_ids_have_five_digits(writer_id: object) -> None:
    """Keys sort by them."""
    assert refusal(writer_id=writer_id).code == "writer_id"


@pytest.mark.parametrize("transfer_id", ["", 7, b"t"])
def test_transfer_ids_are_texts(transfer_id: object) -> None:
    """An empty one would merge all transfers."""
    assert refusal(transfer_id=transfer_id).code == "transfer_id"


def test_a_uuid_is_told_to_become_a_text() -> None:
    """Pipelines have them as objects."""
    assert refusal(transfer_id=UUID(int=7)).remedy == "Give its text: str(transfer_id)."


def test_half_a_surrogate_is_refused() -> None:
    """No key can hold it."""
    assert refusal(table="a\ud800").code == "key_not_text"
    assert refusal(transfer_id="\udfff").code == "key_not_text"


def test_keys_stay_within_the_limit_of_s3() -> None:
    """The longest key that the transfer could need counts, not the first."""
    assert refusal(table="ä" * 160).code == "key_too_long"  # six bytes each, escaped
    layout = make(table="a" * 800)
    longest = layout.data_key(writer_id=99_999, number=99_999, digest=DIGEST, extension="jsonl.gz")
    assert len(longest) <= MAX_KEY_BYTES


@pytest.mark.parametrize("given", [DAY, "2026-11-23", "20261123"])
def test_a_date_is_a_date_or_its_iso_text(given: object) -> None:
    """All spellings meet the same key."""
    assert make(transfer_date=given).transfer_date == DAY


@pytest.mark.parametrize("given", [dt.datetime(2026, 11, 23, tzinfo=dt.UTC), "23.11.2026", "", 20261123])
def test_other_dates_are_refused(given: object) -> None:
    """A datetime leaves open in which zone its day counts."""
    assert refusal(transfer_date=given).code == "transfer_date"


def test_an_id_without_a_date_needs_one() -> None:
    """A retry after midnight must meet the same keys."""
    error = refusal(transfer_date=None)
    assert error.code == "transfer_date"
    assert "the same at every attempt" in error.remedy


def test_a_uuid7_brings_its_date() -> None:
    """The id alone decides the keys, whatever the clock of the attempt; RFC 9562's own example is read right."""
    example = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"  # RFC 9562, appendix A.6: 2022-02-22T19:22:22Z
    assert instant_in(example) == dt.datetime(2022, 2, 22, 19, 22, 22, tzinfo=dt.UTC)
    assert make(transfer_id=example.upper(), transfer_date=None).transfer_date == dt.date(2022, 2, 22)
    assert make(transfer_id=example, transfer_date=DAY).transfer_date == DAY


@pytest.mark.parametrize(
    "transfer_id",
    [
        "t-1",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",  # version 4
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f",  # another variant
        "017f22e279b07cc398c4dc0c0c07398f",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",  # beyond the year 9999
    ],
)
def test_other_ids_hold_no_date(transfer_id: str) -> None:
    """Nothing is guessed into them."""
    assert instant_in(transfer_id) is None


def test_an_identity_tells_an_instant() -> None:
    """The one in its UUIDv7, whatever date was given; else midnight of its date."""
    example = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert make(transfer_id=example, transfer_date=DAY).instant == dt.datetime(2022, 2, 22, 19, 22, 22, tzinfo=dt.UTC)
    assert make(transfer_id="t-1", transfer_date="2026-11-23").instant == dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def test_new_ids_are_uuid7_of_now() -> None:
    """Version and variant are right, each is new, and the date inside is today's."""
    before = dt.datetime.now(dt.UTC).date()
    made = make(transfer_id=None, transfer_date=None)
    identity = UUID(made.transfer_id)
    assert (identity.version, identity.variant) == (7, "specified in RFC 4122")
    assert before <= made.transfer_date <= dt.datetime.now(dt.UTC).date()
    assert len({new_transfer_id() for _ in range(1000)}) == 1000


def test_probes_are_hidden_and_never_shared() -> None:
    """Query engines skip the folder, and two checks at once do not meet."""
    keys = {probe_key("vendor/") for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("vendor/.s3dest-probe/probe_") for key in keys)
