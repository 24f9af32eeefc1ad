"""The demo, run as a user runs it: what it proves, what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from s3dest import policies
from s3dest.cli.app import app
from s3dest.testing import Customer, EmbeddedS3

CLAIMS = [
    "The check passes and leaves nothing behind.",
    "Nothing was sent but AssumeRole and PutObject.",
    "The customer reads the very rows that were sent.",
    "The receipt says that it was committed already.",
    "Not one object was added, and not one byte changed.",
    "A recheck passes with s3:PutObject alone, and nothing of it is visible.",
    "A new transfer adds its {rows} rows, and all that lay there lies there still.",
    "The session cannot read.",
    "The session cannot list.",
    "The session cannot overwrite.",
    "The session cannot delete.",
    "Everything lies in the bucket as before.",
]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demo where everything it could leave behind would be seen."""
    home = folder / "home"
    home.mkdir()
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "s3dest", "demo", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=home,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def claims(output: str) -> list[tuple[str, str]]:
    """Find the claims in what was shown, with how they were found."""
    return re.findall(r"^(ok|FAILED) +([A-Z].*?\.)\s*$", output, re.MULTILINE)


@pytest.fixture(params=["inventory", "csv", "jsonl"])
def arguments(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Give the demo each kind of rows there is."""
    match request.param:
        case "csv":
            path = tmp_path / "orders.csv"
            path.write_text("id,name\n1,a\n2,b\n3,c\n")
        case "jsonl":
            path = tmp_path / "orders.jsonl.gz"
            path.write_bytes(gzip.compress(b'{"id": 1}\n{"id": 2}\n{"id": 3}\n'))
        case _:
            return []
    return [str(path)]


@pytest.mark.slow
def test_the_demo_proves_each_claim_and_leaves_nothing_behind(arguments: list[str], tmp_path: Path) -> None:
    """Every claim holds, for the default rows and for those of a file; the folders in its reach stay empty."""
    done = demo(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    rows = "3" if arguments else re.search(r"appends ([\d,]+) rows", done.stdout)[1]  # type: ignore[index]
    expected = [("ok", claim.format(rows=rows)) for claim in CLAIMS]
    assert claims(done.stdout)[: len(CLAIMS)] == expected
    assert re.search(rf"^ok +All {len(CLAIMS)} claims held", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout  # plain in a pipe
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.slow
def test_the_demo_shows_policies_check_bucket_and_manifest(tmp_path: Path) -> None:
    """A reader sees each document and answer as it is."""
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n2\n3\n")
    text = demo(tmp_path, str(path)).stdout

    decoder = json.JSONDecoder()
    documents = [decoder.raw_decode(text, match.start())[0] for match in re.finditer(r"^\{$", text, re.MULTILINE)]
    trust, setup, manifest, steady = documents
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": "acme-7f3c"}}
    assert [statement["Action"] for statement in setup["Statement"]] == [["s3:PutObject"], ["s3:DeleteObject"]]
    assert steady["Statement"][0]["Action"] == ["s3:PutObject"]
    assert (manifest["table"], manifest["rows"]) == ("orders", 3)
    assert re.search(r"^append-only +ok +\d+ +the store refuses to overwrite \(412\)", text, re.MULTILINE)
    key = manifest["entries"][0]["url"].removeprefix("s3://acme-lake/")
    assert re.search(rf"^ *\d+ +3 +{re.escape(key)}\s*$", text, re.MULTILINE)
    assert re.search(r"^delete +403 AccessDenied: … because no session policy allows", text, re.MULTILINE)
    assert re.search(r"^overwrite +403 AccessDenied: … with an explicit deny in a resource-based", text, re.MULTILINE)


def test_a_claim_that_does_not_hold_fails_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing guards the bucket, the attempt to overwrite goes through, and the demo says so and exits with 1."""
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n")
    monkeypatch.setattr(Customer, "put_guard", lambda _: None)
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert done.exit_code == 1
    failed = [claim for word, claim in claims(done.stdout) if word == "FAILED"]
    assert failed == ["The session cannot overwrite.", "Everything lies in the bucket as before."]
    assert re.search(rf"^FAILED +2 of {len(CLAIMS)} claims did not hold", done.stdout, re.MULTILINE)


def test_a_check_that_fails_ends_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a right to put, the demo stops at the check with its diagnosis, and the embedded S3 is gone."""
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n")
    make = EmbeddedS3.customer

    def forgetful(s3: EmbeddedS3) -> Customer:
        customer = make(s3)
        elsewhere = policies.permission(customer.config.model_copy(update={"prefix": "elsewhere"}))
        customer.put_permission(elsewhere)
        return customer

    monkeypatch.setattr(EmbeddedS3, "customer", forgetful)
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert done.exit_code == 1
    assert re.search(r"^put +failed", done.stdout, re.MULTILINE)
    assert done.stderr.startswith("s3dest: The check of s3://acme-lake/vendor/exports failed.")
    with EmbeddedS3():
        pass


def test_a_row_that_cannot_be_encoded_is_a_sentence(tmp_path: Path) -> None:
    """What only the encoder finds is told in its own words."""
    path = tmp_path / "orders.jsonl"
    path.write_text('{"id": 123456789012345678901234567890}\n')
    done = CliRunner().invoke(app, ["demo", str(path)])
    assert done.exit_code == 1
    assert done.stderr.startswith("s3dest: Row 0, column 'id'")
