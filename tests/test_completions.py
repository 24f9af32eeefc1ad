"""What a process knows of its uploads' completions, and for how long."""

from __future__ import annotations

from unittest import mock

from s3dest import completions
from s3dest.completions import Completions
from s3dest.creation import Creation


def test_a_completion_is_surely_the_first_once() -> None:
    """Of an upload that was begun here; of another nobody knows."""
    known = Completions()
    known.begin("1")
    assert (known.send("1"), known.send("1"), known.send("2")) == (True, False, False)


def test_after_an_abort_was_tried_no_completion_is_the_first() -> None:
    """It may have been sent because somebody else completes the upload."""
    known = Completions()
    known.begin("1")
    known.give_up("1")
    assert not known.send("1")


def test_an_aborted_upload_was_not_completed() -> None:
    """That it is gone has another reason, whatever an answer that was lost had said."""
    known = Completions()
    known.lose("1")
    assert known.is_lost("1")
    known.abort("1")
    assert not known.is_lost("1")


def test_how_a_completion_ended_is_remembered() -> None:
    """Also when a repetition of it is lost."""
    known, outcome = Completions(), Creation(created=True, etag="e")
    assert known.outcome("1") is None
    assert known.end("1", outcome) is outcome
    known.lose("1")
    known.abort("1")
    assert known.outcome("1") is outcome


@mock.patch.object(completions, "REMEMBERED", 3)
def test_memory_does_not_grow_with_the_uploads() -> None:
    """A process that prepares for years, and lets others commit, knows of the last ones."""
    known = Completions()
    for upload in range(9):
        known.begin(str(upload))
    assert len(known._known) == 3
    assert (known.send("5"), known.send("6")) == (False, True)
