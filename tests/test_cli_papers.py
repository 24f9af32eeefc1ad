"""What the commands do with a customer's papers: set-up kit, review, schema. Nothing is sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from s3dest import policies
from s3dest.cli.app import app
from s3dest.config import DestinationConfig
from s3dest.vendor import AwsPrincipal

ARN = "arn:aws:iam::444455556666:role/sync"
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
CONFIG = DestinationConfig.model_validate(
    {"bucket": "acme-lake", "region": "eu-west-1", "prefix": "vendor/exports", "auth": ROLE}
)


def run(*arguments: str, stdin: str = "") -> Any:
    """Run a command; the type of the result depends on typer's version."""
    return CliRunner().invoke(app, list(arguments), input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Write the config to a file."""
    path = tmp_path / "config.json"
    path.write_text(CONFIG.model_dump_json())
    return str(path)


def test_setup_writes_the_kit_and_tells_what_to_keep(tmp_path: Path) -> None:
    """The external id is made once, told, and in the trust policy."""
    folder = tmp_path / "kit"
    arguments = ["setup", "--bucket", "acme-lake", "--region", "eu-west-1", "--prefix", "vendor/exports"]
    done = run(*arguments, "--vendor-arn", ARN, "-o", str(folder), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    trust = json.loads((folder / "policies/trust.json").read_text())
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": told["external_id"]}}
    assert sorted(told["files"]) == sorted(str(path) for path in folder.rglob("*") if path.is_file())
    told["config"]["auth"]["role_arn"] = ROLE["role_arn"]
    assert DestinationConfig.model_validate(told["config"]).prefix == "vendor/exports"
    text = run(*arguments, "--vendor-arn", ARN, "-o", str(folder), "--external-id", "acme-7f3c").stdout
    assert "never change it: acme-7f3c" in text


@pytest.mark.parametrize(
    ("more", "warned"), [(["--existing-bucket", "--guard"], True), (["--existing-bucket"], False), (["--guard"], False)]
)
def test_a_guard_that_no_way_adds_is_told(more: list[str], tmp_path: Path, *, warned: bool) -> None:
    """A bucket that exists may have a policy already, and keeps it."""
    arguments = ["setup", "--bucket", "acme-lake", "--region", "eu-west-1", "--vendor-arn", ARN, *more]
    done = run(*arguments, "-o", str(tmp_path))
    assert (done.exit_code, "to a bucket that exists" in done.stdout) == (0, warned)


def test_a_kit_keeps_its_external_id(tmp_path: Path) -> None:
    """Written anew without it, or for the next customer, it would contradict what the first has set up."""
    arguments = ["setup", "--bucket", "acme-lake", "--region", "eu-west-1", "--vendor-arn", ARN, "-o", str(tmp_path)]
    assert run(*arguments).exit_code == 0
    trust = (tmp_path / "policies/trust.json").read_text()
    done = run(*arguments)
    assert (done.exit_code, "holds a kit already" in done.stderr) == (2, True)
    assert (tmp_path / "policies/trust.json").read_text() == trust


@pytest.mark.parametrize(
    ("vendor", "in_trust"),
    [
        (["--subject", "104029292853099978293", "--audience", "acme"], "accounts.google.com:oaud"),
        (["--subject", "s", "--audience", "a", "--issuer", "https://i.example.com"], "i.example.com:aud"),
    ],
)
def test_setup_knows_each_kind_of_vendor(vendor: list[str], in_trust: str, tmp_path: Path) -> None:
    """Google and any other provider have no external id."""
    done = run("setup", "--bucket", "acme-lake", "--region", "eu-west-1", "-o", str(tmp_path), "--json", *vendor)
    assert json.loads(done.stdout)["external_id"] is None
    assert in_trust in (tmp_path / "policies/trust.json").read_text()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ([], "The vendor is --vendor-arn"),
        (["--vendor-arn", ARN, "--subject", "1"], "The vendor is --vendor-arn"),
        (["--vendor-arn", "*"], "arn: must be the ARN of a role"),
        (["--vendor-arn", ARN, "--key-arn", "alias/x"], "key_arn: must be the ARN"),
    ],
)
def test_setup_refuses_what_would_not_work(more: list[str], problem: str, tmp_path: Path) -> None:
    """Nothing is written then."""
    done = run("setup", "--bucket", "acme-lake", "--region", "eu-west-1", "-o", str(tmp_path / "kit"), *more)
    assert (done.exit_code, problem in done.stderr) == (2, True), done.output
    assert not (tmp_path / "kit").exists()


def test_review_tells_findings_and_exits_by_them(config: str, tmp_path: Path) -> None:
    """0 for a policy that is right, 1 for one that is too wide, with its remedy; standard input is a file, too."""
    good = json.dumps(policies.permission(CONFIG))
    wide = good.replace("/vendor/exports/*", "/*")
    assert run("review", "-c", config, "--permission", "-", stdin=good).exit_code == 0
    path = tmp_path / "wide.json"
    path.write_text(wide)
    done = run("review", "-c", config, "--permission", str(path))
    assert done.exit_code == 1
    assert "[resource_too_wide, to be fixed by: customer]" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.endswith(" ")]
    told = json.loads(run("review", "-c", config, "--permission", str(path), "--json").stdout)
    assert (told["ok"], [finding["code"] for finding in told["findings"]]) == (False, ["resource_too_wide"])


def test_review_compares_with_the_vendor(config: str) -> None:
    """Whom the role trusts is somebody else."""
    trust = json.dumps(policies.trust(CONFIG, AwsPrincipal(arn="arn:aws:iam::444455556666:role/other")))
    done = run("review", "-c", config, "--trust", "-", "--vendor-arn", ARN, stdin=trust)
    assert "[trust_principal" in done.stdout


def test_review_needs_a_policy(config: str) -> None:
    """Nothing to review is a misuse; a file that is not there a failure."""
    assert run("review", "-c", config).exit_code == 2
    assert run("review", "-c", config, "--trust", "gone.json").exit_code == 1


def test_the_schema_is_that_of_the_config() -> None:
    """A form can be drawn from it."""
    assert json.loads(run("schema").stdout) == DestinationConfig.model_json_schema()


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_what_no_terminal_can_show_is_shown_all_the_same(config: str, tmp_path: Path, more: list[str]) -> None:
    """Half a surrogate pair, which JSON may have, and UTF-8 has not."""
    odd = tmp_path / "odd.json"
    odd.write_text('{"Statement": [{"Sid": "\\ud800", "Effect": "Allow", "Action": "s3:\\ud800", "Resource": "*"}]}')
    command = [sys.executable, "-m", "s3dest", "review", "-c", config, "--permission", str(odd), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\\ud800" in done.stdout
