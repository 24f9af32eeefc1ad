"""The README's table of codes is the catalogue's."""

from __future__ import annotations

import re
from pathlib import Path

from fake import FakeAws, faults

from s3dest import catalogue

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- codes: begin -->\n", "<!-- codes: end -->\n"


def test_the_readme_has_the_table_of_the_catalogue() -> None:
    """To mend it: put what this test expects between the two comments, or run this file with Python."""
    text = README.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == catalogue.table()


def test_every_code_can_be_linked_to() -> None:
    """Once, under its own name; a finding's link leads there."""
    anchors = re.findall(r'<a id="(\w+)"></a>', README.read_text(encoding="utf-8"))
    assert sorted(anchors) == sorted({problem.code for problem in catalogue.ALL})
    with FakeAws() as aws:
        aws.faults.always("PutObject", faults.SLOW_DOWN)
        (finding,) = aws.destination().check().findings
    page, _, anchor = finding.link.partition("#")
    assert page == README.name
    assert anchor in anchors


def test_the_table_shows_no_braces() -> None:
    """Every placeholder has a word that stands for it."""
    assert not re.search(r"\{\w+(!r)?\}", catalogue.table())


if __name__ == "__main__":
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + catalogue.table() + END + rest.partition(END)[2], encoding="utf-8")
