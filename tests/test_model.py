"""The base of the models: frozen, strict about names, silent about input."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from s3dest.model import HIDDEN, Location, Model, Written, rejection, without_input


class Box(Written):
    """A model of two fields that contradict each other when equal."""

    left: int
    """Left side."""

    right: int = 0
    """Right side."""

    name: str = ""
    """Its name."""

    def _contradictions(self) -> Iterator[tuple[Location, str]]:
        if self.left == self.right:
            yield ("right",), "must differ from left"


class Shelf(Model):
    """A model that holds others."""

    boxes: list[Box]
    """What stands on it."""


def test_a_refused_model_can_be_shown() -> None:
    """Crash reporters show local variables, and among them one that never got so far."""
    with pytest.raises(ValidationError) as caught:
        Box.model_validate({"right": 1})
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "ValidationError" in "".join(shown.format())
    assert repr(Box.__new__(Box)) == "Box()"


def lines(error: ValidationError) -> list[tuple[Location, str, object]]:
    """Tell location, message and input of each line of an error."""
    return [(line["loc"], line["msg"], line["input"]) for line in error.errors()]


def test_errors_name_the_field_and_hide_the_input() -> None:
    """However deep the model is nested."""
    with pytest.raises(ValidationError) as caught:
        Shelf.model_validate({"boxes": [{"left": 1}, {"left": "s3kr1t"}]})
    ((location, _, given),) = lines(caught.value)
    assert (location, given) == (("boxes", 1, "left"), HIDDEN)


def test_contradictions_are_reported_at_their_field() -> None:
    """Fields that are valid one by one can be wrong together."""
    with pytest.raises(ValidationError) as caught:
        Shelf.model_validate({"boxes": [{"left": 1, "right": 1}]})
    assert lines(caught.value) == [(("boxes", 0, "right"), "must differ from left", HIDDEN)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("lefft", "lefft"),
        ("left-side", "left-side"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", HIDDEN),
        ("AKIAIOSFODNN7EXAMPLE", HIDDEN),
        ("a" * 33, HIDDEN),
    ],
)
def test_misspelt_names_are_shown_and_values_in_their_place_are_not(name: str, shown: str) -> None:
    """A secret has 40 characters, an access key ID has digits; field names have neither."""
    with pytest.raises(ValidationError) as caught:
        Box.model_validate({"left": 1, name: 2})
    assert [location for location, _, _ in lines(caught.value)] == [(shown,)]
    if shown is HIDDEN:
        assert name not in str(caught.value)


class Label(Model):
    """A model that no person writes."""

    text: str


def test_what_people_write_is_trimmed() -> None:
    """Forms and consoles add spaces; elsewhere they are part of a text."""
    assert Box(left=1, name=" a ").name == "a"
    assert Label(text=" a ").text == " a "


def test_models_are_frozen() -> None:
    """Changed by copy alone; the value that was refused is not repeated."""
    box = Box(left=1)
    with pytest.raises(ValidationError, match="frozen") as caught:
        box.name = "s3kr1t"  # type: ignore[misc]  # the point
    assert lines(caught.value)[0][2] == HIDDEN
    assert box == Box(left=1)


def test_a_copy_is_validated() -> None:
    """Pydantic's own copy would take anything."""
    box = Box(left=1, name="a")
    assert box.model_copy(update={"left": 2}) == Box(left=2, name="a")
    assert box.model_copy().model_fields_set == {"left", "name"}
    for change in ({"left": "s3kr1t"}, {"left": 0}, {"top": 1}):
        with pytest.raises(ValidationError) as caught:
            box.model_copy(update=change)
        assert "s3kr1t" not in f"{caught.value} {caught.value.errors()}"


def test_the_repr_shows_what_was_set() -> None:
    """Defaults would bury it."""
    assert repr(Box(left=1, name="a")) == "Box(left=1, name='a')"


@pytest.mark.parametrize("text", ['{"left": "s3kr1t"', b'{"left": "s3kr1t"', "s3kr1t"])
def test_text_that_is_no_json_is_not_repeated(text: str | bytes) -> None:
    """A cut-off config may hold its secret in the part that is there."""
    with pytest.raises(ValidationError, match="Invalid JSON") as caught:
        Box.model_validate_json(text)
    assert "s3kr1t" not in f"{caught.value} {caught.value.errors()} {caught.value.json()}"


def test_braces_in_a_message_are_text() -> None:
    """Messages quote names, which may look like a template."""
    error = rejection("Box", [(("left",), "not {name} or {0}")])
    assert lines(error) == [(("left",), "not {name} or {0}", HIDDEN)]
    assert lines(without_input(error)) == lines(error)
