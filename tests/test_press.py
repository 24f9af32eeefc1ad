"""The press: stored bytes do not depend on when and how the raw ones came, and are never more than was said."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import Delayed, Inline, workshop

from s3dest import strand
from s3dest.formats.compression import compressor
from s3dest.formats.encoder import Group
from s3dest.press import BLOCK, Press, block_size


@pytest.fixture(autouse=True, scope="module")
def _no_waiting() -> Iterator[None]:
    """Let any number of blocks wait: nobody runs them before the test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strand, "AT_MOST", 10**6)
        yield


TIMEOUT = 20
"""Seconds after which a thread that hangs fails its test."""

TEXT = b"".join(b'{"id":%d,"name":"row %d"}\n' % (number, number * 7919 % 1000) for number in range(2000))


def pressed(
    pieces: list[bytes], *, name: Any = "gzip", block: int = 1000, limit: int = 2**40, pool: Any = None
) -> bytes:
    """Press pieces into an object, and read it; its digests and the budget are right, too."""
    shop = workshop(limit, pool)
    press = Press(shop, compressor=compressor(name), block=block)
    for piece in pieces:
        press.take(piece)
        if isinstance(pool, Delayed):
            pool.run()
    if isinstance(pool, Delayed):
        pool.at_once = True
    digests = press.finish()
    stored = press.kept.read(0, press.kept.size)
    assert digests.sha256 == hashlib.sha256(stored).digest()
    assert digests.md5 == hashlib.md5(stored, usedforsecurity=False).digest()
    assert digests.crc32 == zlib.crc32(stored)
    assert (shop.budget.held, shop.budget._draining) == (press.kept.in_memory, 0)
    assert shop.presses == set()
    press.discard()
    assert shop.budget.held == 0
    return stored


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 5000), max_size=20),
    st.sampled_from(["gzip", "zstd", "none"]),
    st.sampled_from([2**40, 5000, 100]),
    st.booleans(),
)
def test_equal_bytes_become_equal_objects(cuts: list[int], name: str, limit: int, delayed: bool) -> None:  # noqa: FBT001  # drawn
    """However they are cut, whatever memory there is, and whoever compresses them."""
    pieces, start = [], 0
    for cut in cuts:
        pieces.append(TEXT[start : start + cut])
        start += cut
    pieces.append(TEXT[start:])
    stored = pressed(pieces, name=name, limit=limit, pool=Delayed() if delayed else Inline())
    assert stored == pressed([TEXT], name=name)
    if name == "gzip":
        assert gzip.decompress(stored) == TEXT


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50_000), st.booleans()), max_size=12), st.sampled_from(["gzip", "zstd", "none"])
)
def test_an_object_is_never_larger_than_its_bound(pieces: list[tuple[int, bool]], name: Any) -> None:
    """Whatever it is made of; knowing more lowers the bound, and never raises it."""
    pool = Delayed()
    shop = workshop(pool=pool)
    press = Press(shop, compressor=compressor(name), block=16_384)
    for size, random in pieces:
        press.take(os.urandom(size) if random else bytes(size))
        before = press.bound()
        pool.run()
        assert press.bound() <= before
    bound = press.bound()
    pool.run()
    pool.at_once = True
    press.finish()
    assert press.kept.size <= bound


def test_a_small_object_needs_no_thread() -> None:
    """Another thread would cost more than it saves."""

    def refuse() -> Any:
        raise AssertionError

    shop = workshop()
    shop = type(shop)(shop.budget, shop.spill, refuse, shop.make_room)
    press = Press(shop, compressor=compressor("gzip"), block=1000)
    press.take(b"x" * 999)
    press.finish()
    assert gzip.decompress(press.kept.read(0, press.kept.size)) == b"x" * 999


def group(data: bytes, *, most: int) -> Group:
    """Make rows of a group that become some bytes."""
    return Group(lambda: data, 50, most)


def test_groups_are_put_in_order() -> None:
    """Behind bytes that are there already; an object counts what a group promised until it settles."""
    pool = Delayed()
    shop = workshop(pool=pool)
    press = Press(shop, compressor=None, block=1000)
    press.take(b"head")
    press.take_group(group(b"first", most=100))
    assert (press.bound(), shop.budget.held) == (104, 54)
    pool.run()
    assert press.bound() == 104
    assert press.settle_group()
    assert press.bound() == 9
    assert not press.settle_group()
    press.take_group(group(b"second", most=70))
    press.take_group(group(b"third", most=60))
    assert press.bound() == 139
    making, pool.waiting = pool.waiting, []
    for task in reversed(making):
        task()
    pool.run()
    assert press.bound() == 139
    press.take_group(group(b"fourth", most=50))
    assert press.bound() == 125
    pool.run()
    press.take(b"tail")
    pool.at_once = True
    digests = press.finish()
    assert press.kept.read(0, 100) == b"headfirstsecondthirdfourthtail"
    assert digests.sha256 == hashlib.sha256(b"headfirstsecondthirdfourthtail").digest()
    press.discard()
    assert (shop.budget.held, shop.budget._draining) == (0, 0)


def test_bytes_of_a_whole_block_come_behind_the_groups_before() -> None:
    """They wait for these."""

    def slowly() -> bytes:
        time.sleep(0.01)
        return b"first"

    with ThreadPoolExecutor(2) as pool:
        press = Press(workshop(pool=pool), compressor=None, block=4)
        press.take_group(Group(slowly, 50, 100))
        press.take_group(group(b"second", most=100))
        press.take(b"tail")
        press.finish()
    assert press.kept.read(0, 100) == b"firstsecondtail"


def test_groups_are_made_at_the_same_time() -> None:
    """Two of them; a third one waits for the first."""
    meeting = threading.Barrier(2)

    def meet() -> bytes:
        meeting.wait(TIMEOUT)
        return b"x"

    with ThreadPoolExecutor(3) as pool:
        press = Press(workshop(pool=pool), compressor=None, block=1000)
        for _ in range(4):
            press.take_group(Group(meet, 50, 100))
        press.finish()
    assert press.kept.read(0, 100) == b"xxxx"


def test_one_thread_is_enough_for_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they became never waits for the thread that they are on, however much is to be digested before it."""
    monkeypatch.setattr(strand, "AT_MOST", 3)
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait, TIMEOUT)
        press = Press(workshop(pool=pool), compressor=None, block=4)
        press.take(b"four" * 3)
        press.take_group(group(b"first", most=9))
        press.take_group(group(b"second", most=9))
        gate.set()
        press.finish()
    assert press.kept.read(0, 100) == b"four" * 3 + b"firstsecond"


def test_a_group_that_fails_is_raised_and_freed() -> None:
    """To whoever brings the next one, or closes the object; one that is given up goes nowhere."""

    def fail() -> bytes:
        message = "cannot write"
        raise ValueError(message)

    pool = Delayed()
    shop = workshop(pool=pool)
    for last in (Press.finish, Press.settle, lambda press: press.take_group(group(b"x", most=9))):
        press = Press(shop, compressor=None, block=1000)
        press.take_group(Group(fail, 50, 100))
        press.take_group(group(b"x", most=9))
        pool.run()
        with pytest.raises(ValueError, match="cannot write"):
            last(press)
        press.discard()
    for done in (False, True):
        press = Press(shop, compressor=None, block=1000)
        press.take_group(group(b"x", most=9))
        if done:
            pool.run()
        press.discard()
        pool.run()
        press.settle()
    assert (shop.budget.held, shop.budget._draining) == (0, 0)


@pytest.mark.parametrize("call", ["force", "give_back", "drain"])
def test_a_finaliser_may_give_up_in_the_middle(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """It runs wherever the collector does, in a thread that makes a group, too."""
    shop = workshop()
    press = Press(shop, compressor=None, block=1000)
    pool = Delayed()
    press._workshop = replace(shop, pool=lambda: pool)
    press.take_group(group(b"x" * 100, most=100))
    real = getattr(shop.budget, call)

    def collected(size: int, **more: Any) -> None:
        monkeypatch.setattr(shop.budget, call, real)
        press.discard()
        real(size, **more)

    monkeypatch.setattr(shop.budget, call, collected)
    thread = threading.Thread(target=pool.run, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    pool.run()
    assert (shop.budget.held, shop.budget._draining) == (0, 0)


def test_what_is_given_up_under_way_is_freed() -> None:
    """A block that a thread has still in its hands goes nowhere, and its memory is given back when it is done."""
    pool = Delayed()
    shop = workshop(pool=pool)
    press = Press(shop, compressor=compressor("gzip"), block=1000)
    press.take(bytes(2500))
    press.discard()
    assert shop.budget.held == 2000
    pool.run()
    assert (shop.budget.held, shop.budget._draining) == (0, 0)


def test_what_fails_on_a_thread_is_raised_and_freed() -> None:
    """To whoever brings the next bytes, or closes the object."""

    class Broken:
        def compress(self, block: bytes) -> bytes:
            message = f"cannot compress {len(block)}"
            raise ValueError(message)

        def finish(self) -> bytes:
            return b""

    shop = workshop()
    press = Press(shop, compressor=Broken(), block=10)
    with pytest.raises(ValueError, match="cannot compress 10"):
        press.take(bytes(35))
    with pytest.raises(ValueError, match="cannot compress 10"):
        press.finish()
    press.discard()
    assert (shop.budget.held, shop.budget._draining) == (0, 0)


@pytest.mark.parametrize(
    ("object_size", "block"), [(1, 16_384), (2**20, 65_536), (2**24, 2**20), (2**27, BLOCK), (2**32, BLOCK)]
)
def test_blocks_suit_the_object(object_size: int, block: int) -> None:
    """Large enough to compress well, small enough that the last one does not matter."""
    assert block_size(object_size) == block
