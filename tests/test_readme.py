"""The README holds what it promises: every Python block in it runs.

A block runs by itself, in an embedded S3 with the customer of the README's first example, and finds these names
already there: ``config`` (theirs) and ``s3`` (the embedded S3). The made-up role and keys of the examples stand for the
customer's real ones. A comment in the line before a block says otherwise:

    <!-- continues -->          runs after the block before it, with its names
    <!-- not run: REASON -->    is compiled only
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from s3dest.append import AppendWriter
from s3dest.auth import HmacAuth
from s3dest.cli.report import show_receipt
from s3dest.cli.screen import Screen
from s3dest.destination import Destination
from s3dest.testing import Customer, EmbeddedS3

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(
    r"(?:^<!-- (?P<comment>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
ROLE_ARN = "arn:aws:iam::111122223333:role/transfer-role"
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@dataclass(frozen=True, slots=True)
class Block:
    """One Python block, with all that runs before it."""

    line: int
    runs: bool
    code: str
    before: tuple[str, ...] = ()


def blocks(text: str) -> Iterator[Block]:
    """Yield the Python blocks of a page.

    Raises:
        ValueError: A comment that means nothing here.
    """
    earlier: tuple[str, ...] = ()
    for match in BLOCK.finditer(text):
        if match["language"] != "python":
            continue
        comment = match["comment"] or ""
        if comment and not re.fullmatch(r"continues|not run: .+", comment):
            message = f"unknown comment before a Python block: {comment}"
            raise ValueError(message)
        line = text.count("\n", 0, match.start("code")) + 1
        before = earlier if comment == "continues" else ()
        runs = not comment.startswith("not run")
        yield Block(line, runs, match["code"], before)
        earlier = (*before, match["code"]) if runs else ()


def with_real_names(code: str, customer: Customer) -> str:
    """Put the customer's role or keys where an example has made-up ones."""
    auth = customer.config.auth
    if isinstance(auth, HmacAuth):
        return code.replace(KEY_ID, auth.access_key_id).replace(SECRET, auth.secret_access_key.get_secret_value())
    return code.replace(ROLE_ARN, auth.role_arn)


def run(block: Block, *, times: int = 1) -> dict[str, object]:
    """Run a block as a reader would, perhaps again; returns its names."""
    codes = (*block.before, *times * (block.code,))
    with EmbeddedS3() as s3:
        customer = s3.customer(auth="hmac" if any(KEY_ID in code for code in codes) else "role")
        names: dict[str, object] = {
            "__name__": "__main__",
            "s3": s3,
            "config": customer.config,
        }
        for code in codes:
            exec(compile(with_real_names(code, customer), f"README.md:{block.line}", "exec"), names)  # noqa: S102  # the point
    return names


@pytest.mark.parametrize(
    "block", list(blocks(README.read_text(encoding="utf-8"))), ids=lambda block: f"line {block.line}"
)
def test_python_blocks_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pastes a block gets what the README says."""
    monkeypatch.chdir(tmp_path)
    if block.runs:
        run(block)
    else:
        compile(block.code, f"README.md:{block.line}", "exec")


def test_the_first_example_delivers_once() -> None:
    """Who begins with it and runs it again has the rows once."""
    first = next(blocks(README.read_text(encoding="utf-8")))
    append = run(first, times=2)["append"]
    assert isinstance(append, AppendWriter)
    assert append.receipt.already_committed


def test_only_a_customers_config_is_called_so() -> None:
    """Whoever pastes one block after the other goes on with what the customer handed over, not with a bad example."""
    given = [block.code for block in blocks(README.read_text(encoding="utf-8")) if "\nconfig = " in block.code]
    assert ["auth=RoleAuth" in code or "kit.config(" in code for code in given] == [True, True]


def test_its_test_passes() -> None:
    """Outside of the embedded S3 in which blocks run: it brings one of its own."""
    (code,) = (block.code for block in blocks(README.read_text(encoding="utf-8")) if "\ndef test_" in block.code)
    names: dict[str, Callable[[], None]] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102  # the point
    names["test_orders_are_delivered"]()


def told(text: str) -> str:
    """Leave of a screen what no id, time, number or width changes."""
    return re.sub(r"[\s0-9a-f,.:-]|[\u2500-\u257f]", "", text)


def test_the_screens_are_true() -> None:
    """What the command line shows on a terminal is what the README says that it does."""
    (screen,) = re.findall(
        r"^```text\n(\$ s3dest .*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    output = [line for line in screen.splitlines() if not line.startswith("$ ") and " rows \u2501" not in line]
    shown = io.StringIO()
    console = Console(file=shown, width=88, force_terminal=True, color_system=None)
    with EmbeddedS3() as s3, Destination(s3.customer().config) as destination:
        Screen(console).report(destination.check())
        with destination.append("orders") as append:
            append.write({"id": 1})
        show_receipt(Screen(console), append.receipt)
    assert told("\n".join(output)) == told(shown.getvalue())


def test_the_commands_are_marked() -> None:
    """CI takes the two commands from the README: each mark stands right before a shell block of one line."""
    commands = {
        match["comment"]: match["code"].strip()
        for match in BLOCK.finditer(README.read_text(encoding="utf-8"))
        if (match["comment"] or "").startswith("command: ")
    }
    assert set(commands) == {"command: demo", "command: test"}
    assert all(command and "\n" not in command for command in commands.values())


PAGE = """
```python
first = len(config.bucket)
```

<!-- continues -->
```python
second = first + 1
```

<!-- not run: needs a cluster -->
```python
cluster.start()
```

```sh
not python
```
"""


def test_a_page_is_taken_apart() -> None:
    """Comments before a block decide how it runs; other languages are left alone."""
    first, second, third = blocks(PAGE)
    assert (first.line, first.runs, first.before) == (3, True, ())
    assert run(second)["second"] == len("acme-lake") + 1
    assert (third.runs, third.before) == (False, ())


def test_a_block_that_fails_fails_the_test() -> None:
    """The mechanism itself can fail, at the README's line."""
    with pytest.raises(AssertionError):
        run(Block(1, runs=True, code="assert config.bucket == 'other'"))
    with pytest.raises(ValueError, match="unknown comment"):
        list(blocks("<!-- continue -->\n```python\n```\n"))
