"""The commands that reach a bucket or a customer: what they do, tell and exit with."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from s3dest import AppendWriter, policies
from s3dest.cli import main
from s3dest.cli.app import app
from s3dest.cli.report import after_commit, sentences, show_receipt
from s3dest.cli.rows import Input
from s3dest.cli.screen import Screen
from s3dest.commit import Committer, Transfer
from s3dest.destination import Destination
from s3dest.errors import TransportError
from s3dest.journal import FileJournal
from s3dest.results import Receipt
from s3dest.testing import Customer, EmbeddedS3

KIT = ["--bucket", "b-1", "--region", "eu-west-1", "--vendor-arn", "arn:aws:iam::444455556666:role/x", "-o", "kit"]
COMMANDS = ["setup", "check", "append", "resume", "review", "schema", "demo"]


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the embedded S3 for one test."""
    with EmbeddedS3() as s3:
        yield s3


@pytest.fixture
def customer(s3: EmbeddedS3) -> Customer:
    """Let a customer set a role up."""
    return s3.customer()


@pytest.fixture
def config(customer: Customer, tmp_path: Path) -> str:
    """Write what the customer handed back to a file."""
    path = tmp_path / "config.json"
    path.write_text(customer.config.model_dump_json())
    return str(path)


def run(*arguments: str, stdin: str | bytes = "") -> Any:
    """Run a command; the type of the result depends on typer's version."""
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_a_screen(command: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns and 24 lines, no sentence cut off, and no option for a secret."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    text = run(*([command] if command else []), "--help").stdout
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "..." not in text.replace("FILE...", "").replace("ARGS]...", "").replace("{FILE}...", "")
    assert "secret" not in text.lower()
    if command is None:
        assert re.findall(r"^  ([a-z]+) {2,}", text, re.MULTILINE) == COMMANDS


# check


def test_a_check_that_passes_exits_with_0(config: str) -> None:
    """Steps and a verdict for people, the report for machines."""
    done = run("check", "--config", config)
    assert done.exit_code == 0, done.output
    assert re.search(r"^  put +ok", done.stdout, re.MULTILINE)
    assert re.search(r"^Check of s3://acme-lake/vendor/exports \(setup, .*\): ok$", done.stdout, re.MULTILINE)
    told = json.loads(run("check", "--config", config, "--json").stdout)
    assert (told["ok"], told["mode"]) == (True, "setup")


def test_a_recheck_deletes_nothing(s3: EmbeddedS3, config: str) -> None:
    """It is the library's recheck."""
    told = json.loads(run("check", "--recheck", "--config", config, "--json").stdout)
    assert (told["ok"], told["mode"]) == (True, "recheck")
    assert "DeleteObject" not in s3.requests


def test_a_check_looks_for_rights_that_are_not_needed_and_waits_for_iam(config: str) -> None:
    """They are the library's audit and its patience."""
    told = json.loads(run("check", "--audit", "--wait", "1", "--config", config, "--json").stdout)
    assert (told["ok"], "audit" in [step["name"] for step in told["steps"]]) == (True, True)


@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["text", "json"])
def test_a_check_that_fails_exits_with_1_and_its_diagnosis(flag: list[str], customer: Customer, config: str) -> None:
    """Code, owner and remedy, and no traceback."""
    elsewhere = customer.config.model_copy(update={"prefix": "elsewhere"})
    customer.put_permission(policies.permission(elsewhere))
    done = run("check", "--config", config, *flag)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    if flag:
        told = json.loads(done.stdout)
        assert told["ok"] is False
        assert told["findings"][0]["owner"] == "customer"
    else:
        assert re.search(r"^  error: \w+ \(to be fixed by: customer\)$", done.stdout, re.MULTILINE)
        assert re.search(r"^Check of .*: FAILED$", done.stdout, re.MULTILINE)


# append


def write_rows(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    """Write rows as the name says."""
    path = folder / name
    if name.endswith(".parquet"):
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), path)
        return str(path)
    text = io.StringIO()
    if ".csv" in name:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    else:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.ndjson.gz", "a.parquet"])
def test_files_of_each_kind_are_appended(name: str, customer: Customer, config: str, tmp_path: Path) -> None:
    """Two files are one transfer; the receipt is told."""
    rows = [{"id": number, "name": f"n{number}"} for number in range(3)]
    first = write_rows(tmp_path, name, rows)
    second = write_rows(tmp_path, f"second-{name}", rows)
    done = run("append", first, second, "--table", "orders", "--config", config, "--json")
    assert done.exit_code == 0, done.output
    receipt = json.loads(done.stdout)
    assert (receipt["rows"], receipt["table"], len(customer.manifests("orders"))) == (6, "orders", 1)
    delivered = customer.rows("orders")
    assert [{"id": int(row["id"]), "name": row["name"]} for row in delivered] == rows * 2


def test_rows_are_parted_into_folders(customer: Customer, config: str) -> None:
    """By each column that is named, in this order."""
    data = b'{"id": 1, "a": "x", "b": null}\n'
    more = ["--partition-by", "b", "--partition-by", "a", "--json"]
    done = run("append", "-", "--table", "orders", "--config", config, *more, stdin=data)
    assert done.exit_code == 0, done.output
    ((key,),) = [[item["key"] for item in json.loads(done.stdout)["objects"]]]
    assert "/b=__HIVE_DEFAULT_PARTITION__/a=x/" in key
    assert customer.rows("orders") == [{"id": 1}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_column_that_no_row_has_parts_none(name: str, customer: Customer, config: str, tmp_path: Path) -> None:
    """It was misspelt: all rows would go into the folder of those without a value."""
    file = write_rows(tmp_path, name, [{"id": 1, "country": "fr"}])
    done = run("append", file, "-t", "orders", "-c", config, "--partition-by", "county")
    assert (done.exit_code, "'county'" in done.stderr) == (1, True), done.output
    assert customer.objects() == []


def test_an_id_forges_no_verdict(customer: Customer, config: str) -> None:
    """It is shown as keys have it."""
    odd = "run\nok       Committed 9 rows to payroll."
    more = ["--transfer-id", odd, "--transfer-date", "2026-11-23"]
    done = run("append", "-", "--table", "orders", "--config", config, *more, stdin=b'{"id": "1"}\n')
    assert done.exit_code == 0, done.output
    assert "run%0Aok" in done.stdout
    assert "\nok       Committed 9" not in done.output
    assert customer.rows("orders") == [{"id": "1"}]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (None, b'{"id": "1"}\n'),
        ("jsonl", gzip.compress(b'{"id": "1"}\n', mtime=0)),
        ("csv", b"id\n1\n"),
        ("csv", gzip.compress(b"id\n1\n", mtime=0)),
    ],
)
def test_standard_input_is_appended(kind: str | None, data: bytes, customer: Customer, config: str) -> None:
    """JSON Lines unless said otherwise, compressed or not."""
    more = ["--input", kind] if kind else []
    done = run("append", "-", "--table", "orders", "--config", config, *more, stdin=data)
    assert done.exit_code == 0, done.output
    assert customer.rows("orders") == [{"id": "1"}]
    assert re.match(r"ok +Committed 1 rows to orders\.\s", done.stdout)
    assert "\x1b" not in done.output
    assert done.stderr == ""  # no bar and no log in a pipe
    assert not [line for line in done.stdout.splitlines() if line.endswith(" ")]


@pytest.mark.parametrize(
    "arguments", [["append", "-", "-", "-t", "orders"], ["review", "--permission", "-", "--trust", "-"]]
)
def test_standard_input_is_read_once(arguments: list[str], config: str) -> None:
    """The second reading would find nothing, and say something else."""
    done = run(*arguments, "-c", config, stdin="{}")
    assert (done.exit_code, "can be read once only" in done.stderr) == (2, True)


def test_a_repeated_transfer_says_so(customer: Customer, config: str, tmp_path: Path) -> None:
    """By its id it is there once."""
    file = write_rows(tmp_path, "a.jsonl", [{"id": 1}])
    arguments = ["append", file, "-t", "orders", "-c", config, "--transfer-id", "7", "--transfer-date", "2026-11-23"]
    assert run(*arguments).exit_code == 0
    again = run(*arguments)
    assert "(it had been committed before)" in again.stdout
    other = run(*arguments[:1], write_rows(tmp_path, "b.jsonl", [{"id": 2}, {"id": 3}]), *arguments[2:])
    assert (other.exit_code, "Committed 2" in other.stdout) == (0, False)
    assert "unless its rows were the same, none of these 2 is in it" in other.stdout
    assert customer.rows("orders") == [{"id": 1}]


def test_csv_can_be_written(customer: Customer, config: str, tmp_path: Path) -> None:
    """What is written is chosen apart from what is read."""
    file = write_rows(tmp_path, "a.jsonl", [{"id": 1}])
    done = run("append", file, "-t", "orders", "-c", config, "--format", "csv")
    assert done.exit_code == 0, done.output
    assert [stored.key.rpartition(".csv")[2] for stored in customer.objects() if ".csv" in stored.key] == [".gz"]


DAMAGED = {
    "cut.jsonl": (b'{"id": 1}\n{"id":', "line 2: not JSON"),
    "cut.csv.gz": (gzip.compress(b"id\n" + bytes(range(48, 58)) * 99)[:-9], "is not a whole gzip file"),
    "plain.csv.gz": (b"id\n1\n", "is not a whole gzip file"),
    "long.jsonl": (b'{"id": 0.5}\n{"id": 0.1234567890123456789012}\n', "line 2: 0.1234567890123456789012 has more"),
    "huge.jsonl": (b'{"id": 1e400}\n', "line 1: 1e400 has more to it than a float holds"),
    "nearly.jsonl": (b'{"id": 1e-400}\n', "line 1: 1e-400 has more to it than a float holds"),
    "tiny.jsonl": (b'{"id": 1e-99999999999999999999}\n', "line 1: 1e-99999999999999999999 has more"),
    "twice.jsonl": (b'{"id": 1, "a": [{"b": 1, "b": 2}]}\n', "line 1: the key 'b' comes twice"),
    "latin.csv": ("name\nAndré\n".encode("latin-1"), "is not text in UTF-8"),
    "blank.csv": (b"id\n1\n\n", "line 3: empty, in a file of one column"),
    "none.csv": (b"id\n", "holds no rows"),
    "no.parquet": (b"PAR1", "is not a Parquet file"),
    "gone.csv": (None, "cannot be read: No such file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_a_sentence_and_nothing_is_visible(
    name: str, customer: Customer, config: str, tmp_path: Path
) -> None:
    """Half a file is not half a transfer."""
    data, problem = DAMAGED[name]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    done = run("append", str(path), "-t", "orders", "-c", config)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1), done.output
    assert problem in done.stderr
    assert customer.objects() == []


@pytest.mark.parametrize("delimiter", [";", "|", "\\t"])
def test_other_delimiters_are_read(delimiter: str, customer: Customer, config: str, tmp_path: Path) -> None:
    """A tab is written as a shell lets one write it; an empty field is an empty text, like all of CSV."""
    path = tmp_path / "a.csv"
    path.write_text("id{0}name\n1{0}a,b\n2{0}\n".format(delimiter.replace("\\t", "\t")))
    done = run("append", str(path), "-t", "orders", "-c", config, "--delimiter", delimiter)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert customer.rows("orders") == [{"id": "1", "name": "a,b"}, {"id": "2", "name": ""}]


@pytest.mark.parametrize(
    ("header", "warned"), [("id;name", True), ("id\tname", True), ("id|name", True), ("id", False), ("a;b,c", False)]
)
def test_a_single_column_that_looks_like_several_is_warned_of(
    header: str, *, warned: bool, config: str, tmp_path: Path
) -> None:
    """It is delivered as it is: a name may hold these characters."""
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n{header}\n")
    done = run("append", str(path), "-t", "orders", "-c", config)
    assert (done.exit_code, "--delimiter" in done.stderr) == (0, warned), done.output


def test_a_wrong_delimiter_is_warned_of(config: str, tmp_path: Path) -> None:
    """The comma may be the right one."""
    path = tmp_path / "a.csv"
    path.write_text("id,name\n1,a\n")
    done = run("append", str(path), "-t", "orders", "-c", config, "--delimiter", ";")
    assert (done.exit_code, "--delimiter ','" in done.stderr) == (0, True), done.output


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("parquet", [{"id": 1}, {"id": 1, "name": "a"}]), ("jsonl", [{"id": None}])],
    ids=["columns", "null"],
)
def test_a_remedy_is_one_of_the_command_line(
    kind: str, rows: list[dict[str, Any]], config: str, tmp_path: Path
) -> None:
    """Python's arguments are none of its options."""
    files = [write_rows(tmp_path, f"{number}.{kind}", [row]) for number, row in enumerate(rows)]
    done = run("append", *files, "-t", "orders", "-c", config, "--format", "csv")
    assert (done.exit_code, done.stderr.endswith("or write --format jsonl.\n")) == (1, True), done.output
    assert not re.search(r"schema|Csv\(", done.stderr)


MISUSE = {
    "suffix": (["a.json"], "the name must end in"),
    "long delimiter": (["a.csv", "--delimiter", ";;"], "--delimiter"),
    "quote as delimiter": (["a.csv", "--delimiter", '"'], "--delimiter"),
    "delimiter of no CSV": (["a.jsonl", "--delimiter", ";"], "--delimiter is for CSV"),
    "id without date": (["a.jsonl", "--transfer-id", "x"], "Pass --transfer-date too"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_exits_with_2_and_names_options(name: str, customer: Customer, config: str, tmp_path: Path) -> None:
    """By the names that the command line has for them."""
    (file, *more), problem = MISUSE[name]
    path = tmp_path / file
    path.write_text('{"id": 1}\n')
    done = run("append", str(path), *more, "-t", "orders", "-c", config)
    assert (done.exit_code, problem in done.stderr) == (2, True), done.output
    assert customer.objects() == []


def test_a_row_that_cannot_be_written_is_named_by_its_file(customer: Customer, config: str, tmp_path: Path) -> None:
    """Rows are counted in each file, from 1, and nothing is visible."""
    good = write_rows(tmp_path, "good.jsonl", [{"id": number} for number in range(3)])
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1}\n{"id": "\\ud800"}\n')
    arguments = ["append", good, str(bad), "-t", "orders", "-c", config]
    done = run(*arguments)
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1), done.output
    assert done.stderr.startswith(f"s3dest: {bad}, row 2, column 'id': ")
    assert json.loads(run(*arguments, "--json").stdout)["error"]["code"] == "row_not_encodable"
    assert customer.objects() == []


@pytest.mark.parametrize("wrong", [["-t", "_orders"], ["-t", "orders", "--transfer-id", "x"]])
def test_a_wrong_value_is_misuse(wrong: list[str], config: str, tmp_path: Path) -> None:
    """What other arguments would mend exits with 2."""
    file = write_rows(tmp_path, "a.jsonl", [{"id": 1}])
    assert run("append", file, *wrong, "-c", config).exit_code == 2


def test_a_refusal_is_the_diagnosis(customer: Customer, config: str, tmp_path: Path) -> None:
    """What S3 said, on which key, and whose it is, on standard error."""
    customer.put_permission(policies.permission(customer.config.model_copy(update={"prefix": "elsewhere"})))
    file = write_rows(tmp_path, "a.jsonl", [{"id": 1}])
    done = run("append", file, "-t", "orders", "-c", config)
    assert (done.exit_code, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("s3dest: ")
    assert "owner customer, operation PutObject, bucket acme-lake, key vendor/exports/orders/" in second
    told = json.loads(run("append", file, "-t", "orders", "-c", config, "--json").stdout)
    assert (told["ok"], told["error"]["owner"], told["error"]["operation"]) == (False, "customer", "PutObject")


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_for_a_terminal(terminal: bool) -> None:  # noqa: FBT001  # pytest passes by name
    """Rows and bytes for eyes, and not one byte in a pipe."""
    shown = io.StringIO()
    screen = Screen(Console(width=100, force_terminal=terminal, file=shown))
    with screen.transfer(2_000_000) as show:
        show(2_000_000, 3)
    assert ("3 rows" in shown.getvalue(), "2.0/2.0 MB" in shown.getvalue()) == (terminal, terminal)
    assert bool(shown.getvalue()) is terminal


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), SystemExit(1)], ids=["pipe", "rich"])
def test_what_is_committed_is_no_failure_though_nobody_reads_it(
    error: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command tells the transfer's id elsewhere."""
    monkeypatch.setattr(sys, "__stdout__", None)
    receipt = Receipt(transfer_id="the-id", table="t", rows=1, bytes=1, objects=(), manifest_key=None)
    with after_commit(receipt):
        raise error
    assert "Committed the-id. Standard output cannot be written: " in capsys.readouterr().err


class FullOutput(io.StringIO):
    """Stands for a file on a disk that is full."""

    def write(self, _text: str, /) -> int:
        """Fail."""
        raise OSError(28, "No space left on device")


UNWRITTEN: dict[str, tuple[list[str], int, str]] = {
    "append": (["append", "a.csv", "-t", "t", "-c", "config.json"], 0, r"Committed [0-9a-f-]{36}\. S"),
    "append --json": (["append", "a.csv", "-t", "t", "-c", "config.json", "--json"], 0, r"Committed [0-9a-f-]{36}\. S"),
    "check": (["check", "-c", "config.json"], 0, r"The check has passed\. S"),
    "check --json": (["check", "-c", "config.json", "--json"], 0, r"The check has passed\. S"),
    "review": (["review", "-c", "config.json", "--trust", "trust.json"], 1, r"There is something to fix \(\w.*\)\. S"),
    "setup": (["setup", *KIT], 0, r"The set-up kit is in kit, with the external id s3dest-\w{26}\. S"),
    "setup --json": (["setup", *KIT, "--json"], 0, r"The set-up kit is in kit, with the external id s3dest-\w{26}\. S"),
    "schema": (["schema"], 1, "s"),
    "--help": (["--help"], 1, "s"),
    "failure": (["append", "gone.csv", "-t", "t", "--json"], 1, r"gone\.csv cannot be read: .*\. S"),
    "misuse": (["append", "a.csv", "-t", "t", "--json", "--delimiter", ";;"], 2, r"--delimiter is one .*\. S"),
}


@pytest.mark.parametrize("output", ["full", "closed"])
@pytest.mark.parametrize("name", UNWRITTEN)
@pytest.mark.usefixtures("config")
def test_where_standard_output_cannot_be_written_a_sentence_says_what_is_done(
    name: str, output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor may have closed it: the exit code is that of what was done, or 1 where telling was all."""
    arguments, code, told = UNWRITTEN[name]
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path, "a.csv", [{"id": 1}])
    Path("trust.json").write_text('{"Statement": []}')
    monkeypatch.setattr(sys, "argv", ["s3dest", *arguments])
    monkeypatch.setattr(sys, "__stdout__", None)
    monkeypatch.setattr(sys, "stdout", FullOutput() if output == "full" else None)
    with pytest.raises(SystemExit) as ended:
        main()
    sys.stdout.close()
    why = "No space left on device" if output == "full" else "it is closed"
    assert re.fullmatch(f"s3dest: {told}tandard output cannot be written: {why}\\.\n", capsys.readouterr().err)
    assert ended.value.code == code


def test_what_nobody_has_seen_is_named() -> None:
    """Who resumes a transfer, say, reads which objects to look for."""
    for keys in ((), ("vendor/exports/orders/a", "vendor/exports/orders/b")):
        receipt = Receipt(transfer_id="i", table="t", rows=1, bytes=1, objects=(), manifest_key=None, unconfirmed=keys)
        shown = io.StringIO()
        show_receipt(Screen(Console(file=shown, width=200)), receipt)
        assert (f"{', '.join(keys)} (an answer was lost: look)" in shown.getvalue()) is bool(keys)


def test_an_interruption_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is no traceback either."""
    with pytest.raises(BaseException, match="1") as caught, sentences():
        raise KeyboardInterrupt
    assert type(caught.value).__name__ == "Exit"
    assert "Interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TransportError("The answer was lost.", code="answer_lost")])
@pytest.mark.parametrize("journaled", [False, True])
def test_a_failure_within_a_commit_says_how_to_repeat_it(
    customer: Customer,
    config: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: BaseException,
    journaled: bool,
) -> None:
    """The rows may be visible: under a new id they would be there twice."""
    command = ["append", write_rows(tmp_path, "a.jsonl", [{"id": 1}]), "-t", "orders", "-c", config]
    if journaled:
        (tmp_path / "journal").mkdir()
        command += ["--journal", str(tmp_path / "journal")]
    one, two = (["--transfer-id", f"run {number}", "--transfer-date", "2026-11-23"] for number in (1, 2))

    def lose(committer: Committer, transfer: Transfer) -> Receipt:
        commit(committer, transfer)
        raise error

    commit = Committer.commit
    with monkeypatch.context() as patch:
        patch.setattr(Committer, "commit", lose)
        done = run(*command, *one)
        told = json.loads(run(*command, *two, "--json").stdout)["error"]
    assert done.exit_code == 1
    assert "--transfer-id 'run 1' --transfer-date 2026-11-23, which commits the rows once" in done.stderr
    assert ("or run `s3dest resume`" in done.stderr) is journaled
    assert "No rows are visible" not in done.stderr
    assert (told["transfer_id"], told["transfer_date"]) == ("run 2", "2026-11-23")
    resume = ["resume", "-c", config, "--journal", str(tmp_path / "journal")]
    for again in [resume] if journaled else [[*command, *one], [*command, *two]]:
        assert run(*again).exit_code == 0
    assert customer.rows("orders") == [{"id": 1}] * 2


def test_an_interruption_before_the_commit_leaves_nothing(
    customer: Customer, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever repeats it needs no id."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(AppendWriter, "write_many", interrupt)
    done = run("append", write_rows(tmp_path, "a.jsonl", [{"id": 1}]), "-t", "orders", "-c", config)
    assert "No rows are visible" in done.stderr
    assert "--transfer-id" not in done.stderr
    assert customer.objects() == []


def test_an_interrupted_resume_is_resumed(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have committed any part."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Destination, "resume", interrupt)
    done = run("resume", "-c", config, "--journal", str(tmp_path))
    assert (done.exit_code, "run `s3dest resume` again" in done.stderr) == (1, True)


def test_bytes_read_are_counted(tmp_path: Path) -> None:
    """The bar ends where the file does, compressed or not."""
    file = Path(write_rows(tmp_path, "a.jsonl.gz", [{"id": number} for number in range(25_000)]))
    source = Input.of(file, None)
    with source.opened() as reading:
        counted = [(len(chunk), reading.advanced()) for chunk in reading.chunks()]
    assert [rows for rows, _ in counted] == [10_000, 10_000, 5_000]
    assert sum(read for _, read in counted) == source.size == file.stat().st_size


# resume


def test_resume_finishes_what_a_killed_process_left(customer: Customer, config: str, tmp_path: Path) -> None:
    """The journal's entry is committed and forgotten; a second time there is nothing."""
    journal = FileJournal(tmp_path / "journal")
    with Destination(customer.config) as destination:
        writer = destination.append("orders")
        writer.write({"id": 1})
        journal.save([writer.prepare()])
    assert customer.rows("orders") == []
    arguments = ["resume", "--config", config, "--journal", str(journal.path)]
    (told,) = json.loads(run(*arguments, "--json").stdout)
    assert (told["rows"], customer.rows("orders")) == (1, [{"id": 1}])
    assert f"Nothing was left to finish in {journal.path}." in run(*arguments).stdout


def test_resume_needs_a_journal(config: str) -> None:
    """Without one it says how to give it."""
    done = run("resume", "--config", config)
    assert (done.exit_code, "give --journal" in done.stderr) == (2, True)
    done = run("resume", "--config", config, "--journal", config)
    assert (done.exit_code, "is no folder" in done.stderr) == (2, True)


def test_a_misspelt_folder_is_no_empty_journal(config: str, tmp_path: Path) -> None:
    """What is pending in the right one would be passed over, and what is written to the wrong one forgotten."""
    folder = tmp_path / "jurnal"
    append = ["append", write_rows(tmp_path, "a.jsonl", [{"id": 1}]), "-t", "orders"]
    for command in (append, ["resume"]):
        done = run(*command, "--config", config, "--journal", str(folder))
        assert (done.exit_code, f"There is no folder {folder}" in done.stderr) == (2, True)
    folder.mkdir()
    for command in (append, ["resume"]):
        assert run(*command, "--config", config, "--journal", str(folder)).exit_code == 0


# demo, and what is common


def test_the_demo_tells_machines_each_claim(tmp_path: Path) -> None:
    """JSON and nothing else."""
    told = json.loads(run("demo", write_rows(tmp_path, "a.csv", [{"id": 1}]), "--json").stdout)
    assert told["ok"] is True
    assert len(told["claims"]) == 12


@pytest.mark.parametrize("arguments", [["append", "a.csv"], ["append", "-t", "x"], ["setup", "--bucket", "b"]])
def test_what_is_missing_is_misuse(arguments: list[str]) -> None:
    """Required arguments exit with 2."""
    assert run(*arguments).exit_code == 2
