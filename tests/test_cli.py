"""The command line: exit codes, sentences instead of tracebacks, rows from files."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console
from typer.testing import CliRunner

from s3dest.cli.app import app
from s3dest.cli.rows import InputError, RowSource
from s3dest.cli.screen import Screen
from s3dest.version import __version__


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python, without raising for its exit code."""
    return subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True)


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file, compressed if its name says so."""
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def test_the_version_is_told() -> None:
    """``python -m s3dest`` is the command, too."""
    done = python("-m", "s3dest", "--version")
    assert (done.returncode, done.stdout) == (0, f"s3dest {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["append", "-", "--table", "t"], ["review", "--permission", "-"]], ids=["append", "review"]
)
def test_closed_standard_input_is_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    """A cron job has none."""
    text = b'{"bucket": "acme", "region": "eu-west-1", "auth": {"role_arn": "arn:aws:iam::111122223333:role/x", '
    config = write(tmp_path, "config.json", text + b'"external_id": null}}')
    command = [sys.executable, "-m", "s3dest", *arguments, "--config", str(config)]
    code = f"import os, sys; os.close(0); os.execv(sys.executable, {command!r})"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("s3dest: Standard input is closed")


def test_a_configuration_nested_without_end_is_a_sentence(tmp_path: Path) -> None:
    """Python's parsers give up in their own way."""
    for name in ("deep.json", "deep.yaml"):
        done = CliRunner().invoke(app, ["check", "--config", str(write(tmp_path, name, b"[" * 100_000))])
        assert (done.exit_code, type(done.exception)) == (2, SystemExit)


def test_a_wait_of_centuries_is_misuse() -> None:
    """And no overflow."""
    assert CliRunner().invoke(app, ["check", "--wait", "99999999999999"]).exit_code == 2


def test_the_command_is_installed() -> None:
    """The entry point of the distribution is the very function of ``python -m``."""
    (entry,) = metadata.entry_points(group="console_scripts", name="s3dest")
    assert entry.value == "s3dest.cli:main"


@pytest.mark.parametrize("arguments", [["demo", "--no-such-option"], ["no-such-command"], ["demo", "a.csv", "b.csv"]])
def test_misuse_exits_with_2(arguments: list[str]) -> None:
    """Usage errors can be told from failures."""
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("missing", "package"),
    [("typer", "typer"), ("rich", "rich"), ("yaml", "PyYAML"), ("pydantic_settings", "pydantic-settings")],
)
def test_without_the_extra_one_line_says_how_to_get_it(missing: str, package: str) -> None:
    """A plain installation has the command, but not its packages."""
    code = f"import sys; sys.modules[{missing!r}] = None; from s3dest.cli import main; main()"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"s3dest: the command line needs {package}, which comes with: pip install 's3dest[cli]'"
    ]


def test_without_moto_the_demo_names_its_extra() -> None:
    """The command line works without the test kit, but the demo does not."""
    code = "import sys; sys.modules['moto'] = None; sys.argv = ['s3dest', 'demo']; from s3dest.cli import main; main()"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("s3dest: The embedded S3 runs on moto")
    assert done.stderr.endswith("pip install 's3dest[testing]'\n")
    assert len(done.stderr.splitlines()) == 1


BAD_FILES = {
    "empty.csv": (b"", "holds no rows"),
    "header.csv": (b"id,name\n", "holds no rows"),
    "empty.jsonl": (b"\n\n", "holds no rows"),
    "blank.csv": (b'id\n""\n\n1\n', "line 3: empty, in a file of one column"),
    "short.csv": (b'id,name\n1,"a\nb"\n2\n', "line 4: 1 fields, where the header names 2"),
    "twice.csv": (b"id,id\n1,2\n", "line 1: the header must name each column"),
    "quote.csv": (b'id\n"a"b\n', "line 2: not CSV"),
    "latin.csv": ("name\nAndré\n".encode("latin-1"), "is not text in UTF-8"),
    "cut.jsonl": (b'{"id": 1}\n{"id":\n', "line 2: not JSON: Expecting value"),
    "list.jsonl": (b'{"id": 1}\n\n[2]\n', "line 3: each line must be a JSON object"),
    "number.jsonl": (b'{"id": NaN}\n', "line 1: not JSON: NaN is no number"),
    "deep.jsonl": (b"[" * 100_000, "line 1: not JSON"),
    "cut.csv.gz": (b"id,name\n1\n", "line 2: 1 fields"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_a_sentence(name: str, tmp_path: Path) -> None:
    """What cannot be delivered is named by file and line, on stderr, before anything is shown."""
    content, problem = BAD_FILES[name]
    path = write(tmp_path, name, content)
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"s3dest: {path}")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_of_another_kind_is_misuse(tmp_path: Path) -> None:
    """Another argument is all that it takes."""
    path = write(tmp_path, "orders.parquet", b"PAR1")
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the name must end in .csv, .jsonl or .ndjson" in done.stderr


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """A wrong path is no traceback."""
    path = tmp_path / "[bold]orders.csv"  # and no markup
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert (done.exit_code, done.stderr) == (1, f"s3dest: {path} cannot be read: No such file or directory.\n")


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-9], lambda packed: b"id\n" + packed], ids=["cut off", "no gzip"]
)
def test_a_damaged_gzip_file_is_a_sentence(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Damage is found before rows are delivered."""
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(damage(gzip.compress(b"id\n1\n")))
    with pytest.raises(InputError, match="not a whole gzip file"):
        RowSource.of_file(path)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "CSV"])
def test_csv_rows_are_read(ending: str, tmp_path: Path) -> None:
    """The header names the columns; blank lines, a byte order mark and line breaks within a value are no trouble."""
    content = '\ufeffid,note\r\n1,"a\r\nb"\r\n\r\n2,ä\r\n'.encode()
    source = RowSource.of_file(write(tmp_path, f"orders.{ending}", content))
    assert (source.table, source.count) == ("orders", 2)
    for _ in range(2):  # each reading begins anew
        assert list(source.read()) == [{"id": "1", "note": "a\r\nb"}, {"id": "2", "note": "ä"}]


def test_a_long_csv_field_is_read(tmp_path: Path) -> None:
    """Whole documents lie in fields."""
    field = "x" * 200_000
    source = RowSource.of_file(write(tmp_path, "orders.csv", f"id,text\n1,{field}\n".encode()))
    assert list(source.read()) == [{"id": "1", "text": field}]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "jsonl.gz"])
def test_json_rows_are_read(ending: str, tmp_path: Path) -> None:
    """One object a line, blank lines skipped."""
    source = RowSource.of_file(write(tmp_path, f"_orders.{ending}", b'{"id": 1}\n\n{"id": 2, "tags": ["a"]}'))
    assert (source.table, source.count) == ("orders", 2)  # a table's name must not begin with an underscore
    assert list(source.read()) == [{"id": 1}, {"id": 2, "tags": ["a"]}]


@pytest.mark.parametrize(
    "number",
    [
        "0.10000000000000001",
        "0.1000000000000000055511151231257827",
        "1.00000000000000000",
        "1.10000000000000000000",
        "-2.50e-3",
        "5e-324",
        "-0.0",
        "0e-400",
    ],
)
def test_a_number_written_from_a_float_is_read(number: str, tmp_path: Path) -> None:
    """With 17 digits, as C's %.17g has it, or with all that there are."""
    source = RowSource.of_file(write(tmp_path, "orders.jsonl", f'{{"x": {number}}}'.encode()))
    assert list(source.read()) == [{"x": float(number)}]


def test_the_inventory_names_this_environments_files() -> None:
    """By default the demo has thousands of real rows."""
    source = RowSource.of_environment()
    rows = list(source.read())
    assert len(rows) == source.count > 1000
    assert any(row["package"] == "pydantic" and row["type"] == "py" and row["size"] and row["hash"] for row in rows)
    assert list(source.read()) == rows


def screen_of(width: int, *, terminal: bool) -> tuple[Screen, io.StringIO]:
    """Make a screen whose text can be looked at."""
    shown = io.StringIO()
    colours: Literal["standard"] | None = "standard" if terminal else None  # as rich finds out by itself
    return Screen(Console(width=width, force_terminal=terminal, color_system=colours, file=shown)), shown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_long_keys_are_folded_and_never_cut(width: int) -> None:
    """A key that does not fit goes on in the next line; nobody has to guess its end."""
    key = "vendor/exports/orders/dt=2026-11-23/" + "0123456789abcdef" * 8 + ".jsonl.gz"
    screen, shown = screen_of(width, terminal=False)
    screen.table((">size", "key"), [("1,024", key)])
    assert max(map(len, shown.getvalue().splitlines())) <= width
    assert "".join(shown.getvalue().split()) == f"sizekey1,024{key}"


def test_a_pipe_gets_neither_boxes_nor_bars() -> None:
    """Output for another program is plain."""
    screen, shown = screen_of(80, terminal=False)
    with screen.progress("appending", 2) as show:
        show(2)
    screen.table(("step", "outcome"), [("put", "ok")])
    assert shown.getvalue().split() == ["step", "outcome", "put", "ok"]


def test_a_terminal_gets_boxes_and_bars() -> None:
    """For eyes there are colours."""
    screen, shown = screen_of(80, terminal=True)
    with screen.progress("appending", 2) as show:
        show(2)
    screen.table(("step", "outcome"), [("put", "ok")])
    assert "╭" in shown.getvalue()
    assert "2/2" in shown.getvalue()
    assert "\x1b[32mok" in shown.getvalue()


def test_values_are_shown_as_they_are() -> None:
    """A key with brackets is no markup, and a colon word no emoji."""
    screen, shown = screen_of(80, terminal=False)
    screen.table(("key",), [("[red]:smile:",)])
    screen.verdict("ok", "[red]:smile:")
    screen.facts({"key": "[red]:smile:"})
    screen.say("[red]:smile:")
    assert shown.getvalue().count("[red]:smile:") == 4
