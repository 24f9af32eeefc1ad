"""The README's tables of codes are those of the catalogue, and of what the code raises without it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from fake import FakeAws, faults

from s3dest import S3DestError, catalogue, errors
from s3dest.lifecycle import State

README = Path(__file__).parent.parent / "README.md"
PACKAGE = Path(catalogue.__file__).parent
BEGIN, END = "<!-- codes: begin -->\n", "<!-- codes: end -->\n"
CALLS_BEGIN, CALLS_END = "<!-- codes of calls: begin -->\n", "<!-- codes of calls: end -->\n"

ERRORS = {
    name: error for name, error in vars(errors).items() if isinstance(error, type) and issubclass(error, S3DestError)
}
ELSEWHERE = {
    "problem.code",  # the catalogue's
    "first.code",  # of a finding
    "code",  # given to telling(), which is looked at itself
}
"""Expressions for codes that come from where they are listed already."""


def raised_codes(source: str) -> Iterator[tuple[str, str]]:
    """Yield the errors that a module makes, with their codes; whatever else it gives as a code fails the test."""
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        name = "LocalFileError" if call.func.id == "telling" else call.func.id
        if name not in ERRORS:
            continue
        given = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
        text = "" if given is None else ast.unparse(given)
        if isinstance(given, ast.Constant):
            yield name, str(given.value)
        elif given is None:
            yield name, ERRORS[name].default_code
        elif text == "self.state.value":
            yield from ((name, state.value) for state in State if state is not State.OPEN)
        else:
            assert text in ELSEWHERE, text


def table_of_calls() -> str:
    """Write the table of the codes that are not in the catalogue."""
    codes: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for name, code in raised_codes(path.read_text(encoding="utf-8")):
            codes[name].add(code)
    lines = ["| error | codes |", "|---|---|"]
    lines += (f"| `{name}` | {', '.join(f'`{code}`' for code in sorted(codes[name]))} |" for name in sorted(codes))
    return "".join(f"{line}\n" for line in lines)


def test_the_readme_has_the_table_of_the_catalogue() -> None:
    """To mend it: put what this test expects between the two comments, or run this file with Python."""
    text = README.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == catalogue.table()


def test_the_readme_has_the_codes_of_wrong_calls() -> None:
    """So no error has a code that the README does not know."""
    text = README.read_text(encoding="utf-8")
    assert text.partition(CALLS_BEGIN)[2].partition(CALLS_END)[0] == table_of_calls()


def test_every_code_can_be_linked_to() -> None:
    """Once, under its own name; a finding's link leads there."""
    anchors = re.findall(r'<a id="(\w+)"></a>', README.read_text(encoding="utf-8"))
    assert sorted(anchors) == sorted({problem.code for problem in catalogue.ALL})
    with FakeAws() as aws:
        aws.faults.always("PutObject", faults.SLOW_DOWN)
        (finding,) = aws.destination().check().findings
    assert finding.link == f"{README.name}#throttled"
    assert {problem.link for problem in catalogue.ALL} == {f"{README.name}#{anchor}" for anchor in anchors}


def test_the_table_shows_no_braces() -> None:
    """Every placeholder has a word that stands for it."""
    assert not re.search(r"\{\w+(!r)?\}", catalogue.table())


def put(begin: str, table: str, end: str) -> None:
    """Put a table between its two comments in the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    README.write_text(before + begin + table + end + rest.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    put(BEGIN, catalogue.table(), END)
    put(CALLS_BEGIN, table_of_calls(), CALLS_END)
