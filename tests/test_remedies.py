"""Whatever s3dest raises says what to do about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import s3dest
from s3dest import errors

PACKAGE = Path(s3dest.__file__).parent
CLASSES = {name for name in vars(errors) if name.endswith("Error")}


def raised() -> Iterator[tuple[str, ast.Call]]:
    """Yield each error that is made by its class's name, and where."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_error_has_a_remedy() -> None:
    """Those of the catalogue have theirs by its tests."""
    places = dict(raised())
    assert len(places) > 50
    assert [place for place, call in places.items() if "remedy" not in {each.arg for each in call.keywords}] == []


def test_every_remedy_is_a_sentence_or_a_command() -> None:
    """It begins with a capital letter and ends in a full stop, or can be pasted into a shell."""
    texts = {
        place: keyword.value.value
        for place, call in raised()
        for keyword in call.keywords
        if keyword.arg == "remedy" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    assert len(texts) > 50
    commands = ("pip install ", "Make one with: ")
    odd = {
        place: text
        for place, text in texts.items()
        if not text.startswith(commands) and not (text[0].isupper() and text.endswith("."))
    }
    assert odd == {}
