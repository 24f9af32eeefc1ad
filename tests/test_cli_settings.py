"""The command line's configuration: files, environment, and that no secret in either is repeated."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from s3dest.auth import RoleAuth
from s3dest.cli.app import app
from s3dest.cli.settings import Settings
from s3dest.config import DestinationConfig

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
VALUES = {"bucket": "acme-lake", "region": "eu-west-1", "prefix": "vendor/exports", "auth": ROLE}


def run(*arguments: str) -> Any:
    """Run a command; the type of the result depends on typer's version."""
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", json.dumps(VALUES)),
        ("c.json", "\ufeff" + json.dumps(VALUES)),
        ("c.yaml", "bucket: s3://acme-lake/vendor/exports\nregion: eu-west-1\nauth: " + json.dumps(ROLE)),
        ("c.yml", json.dumps(VALUES)),
        (
            "c.toml",
            'bucket = "acme-lake"\nregion = "eu-west-1"\nprefix = "vendor/exports"\n[auth]\n'
            + "\n".join(f'{name} = "{value}"' for name, value in ROLE.items()),
        ),
    ],
)
def test_a_file_of_each_kind_is_read(name: str, text: str, tmp_path: Path) -> None:
    """JSON, YAML and TOML say the same, also with the mark that Windows' editors begin a file with."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    settings = Settings.load(path)
    assert settings.destination(path) == DestinationConfig.model_validate(VALUES)


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret comes by a variable, and into the object of the file beside the rest."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**VALUES, "auth": {"access_key_id": "AKIAIOSFODNN7EXAMPLE"}}))
    monkeypatch.setenv("S3DEST_AUTH__SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("S3DEST_PREFIX", "elsewhere")
    config = Settings.load(path).destination(path)
    assert config.uri == "s3://acme-lake/elsewhere"
    assert config.dump_with_secrets()["auth"]["secret_access_key"] == SECRET


def test_the_environment_alone_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file is needed; `null` is no external id."""
    for name, value in {
        "BUCKET": "acme-lake",
        "REGION": "eu-west-1",
        "AUTH__ROLE_ARN": ROLE["role_arn"],
        "AUTH__EXTERNAL_ID": "null",
        "AUTH__DURATION": "1800",
        "IDENTITY__TOKEN_FILE": str(tmp_path / "token"),
        "JOURNAL": "/var/lib/journal",
    }.items():
        monkeypatch.setenv(f"S3DEST_{name}", value)
    (tmp_path / "token").write_text("token")
    settings = Settings.load(None)
    config = settings.destination(None)
    assert isinstance(config.auth, RoleAuth)
    assert (config.auth.external_id, config.auth.duration) == (None, timedelta(minutes=30))
    assert settings.who().fetch  # type: ignore[union-attr]
    assert settings.journal == Path("/var/lib/journal")


WRONG: dict[str, tuple[str, str, str]] = {
    "field": ("c.json", json.dumps({**VALUES, "region": "eu-west-1a"}), "region: 'eu-west-1a' is an availability zone"),
    "unknown": ("c.json", json.dumps({**VALUES, "colour": SECRET}), "colour: Extra inputs are not permitted"),
    "no auth": ("c.json", '{"bucket": "acme-lake", "region": "eu-west-1"}', "auth: Field required"),
    "list": ("c.json", "[]", "must hold an object"),
    "empty": ("c.toml", "", "there is no configuration: write it into the file"),
    "json": ("c.json", '{"auth": {"secret_access_key": "' + SECRET, "is not JSON (line 1)"),
    "yaml": ("c.yaml", "bucket: a\nauth: {secret_access_key: " + SECRET, "is not YAML (line 2)"),
    "toml": ("c.toml", "secret_access_key = " + SECRET, "is not TOML"),
    "json twice": ("c.json", json.dumps(VALUES)[:-1] + f', "prefix": "{SECRET}"}}', "the key 'prefix' comes twice"),
    "yaml twice": ("c.yaml", f"auth:\n  role_arn: a\n  role_arn: {SECRET}\n", "the key 'role_arn' comes twice"),
    "toml twice": ("c.toml", f'prefix = "a"\nprefix = "{SECRET}"\n', "is not TOML"),
    "ini": ("c.ini", "", "must end in .json, .yaml, .yml or .toml"),
    "kind": ("c.json", json.dumps({**VALUES, "auth": SECRET}), "auth: Input should be"),
    "number": (
        "c.yaml",
        json.dumps(VALUES).replace('"acme-7f3c"', "123456"),
        "auth.external_id: Input should be a valid",
    ),
    "owner": ("c.yaml", json.dumps({**VALUES, "expected_bucket_owner": 111122223333}), "(a number must be in quotes)"),
    "token": ("c.json", json.dumps({**VALUES, "identity": {"token_file": SECRET}}), "identity.token_file: there is no"),
    "identity": ("c.json", json.dumps({**VALUES, "identity": {"token": SECRET}}), "identity: needs either"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["text", "json"])
def test_a_wrong_configuration_is_a_sentence_without_secrets(name: str, flag: list[str], tmp_path: Path) -> None:
    """File and field are named, nothing given is repeated, and the exit code is that of misuse."""
    file, text, problem = WRONG[name]
    path = tmp_path / file
    path.write_text(text)
    done = run("check", "--config", str(path), *flag)
    assert done.exit_code == 2
    assert SECRET not in done.output
    message = json.loads(done.stdout)["error"]["message"] if flag else done.stderr
    assert problem in message
    assert bool(done.stderr) is not bool(flag)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("[a]", False), ("{a: b}", False), ("12", True), ("1.5", True), ("yes", True), ("2026-11-23", True)],
)
def test_what_quotes_would_make_a_text_is_told(text: str, *, hint: bool, tmp_path: Path) -> None:
    """YAML takes such words for numbers, truth values and dates; a list in quotes would be none the better."""
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(VALUES).replace('"acme-7f3c"', text))
    done = run("check", "--config", str(path))
    assert "auth.external_id: Input should be a valid string" in done.stderr
    assert ("in quotes" in done.stderr) is hint


def test_a_variable_that_is_no_json_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in a broken variable stays there."""
    monkeypatch.setenv("S3DEST_AUTH", '{"secret_access_key": "' + SECRET)
    done = run("check")
    assert done.exit_code == 2
    assert SECRET not in done.output
    assert "auth" in done.stderr


@pytest.mark.parametrize("name", ["S3DEST_AUTH__ROLE_ARN", "s3dest_auth__role_arn", "S3DEST_AUTH"])
def test_a_fault_is_reported_where_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable goes before the file, in which nobody would find what is wrong."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**VALUES, "addressing_style": "host", "endpoint_url": "s3"}))
    monkeypatch.setenv(name, '{"role_arn": "arn:x"}' if name == "S3DEST_AUTH" else "arn:x")
    message = run("check", "--config", str(path)).stderr
    assert f"{path}: endpoint_url: must be a URL" in message
    assert "; addressing_style: Input should be" in message
    assert f"{name}: auth.role_arn: must be the ARN of an IAM role" in message


def test_a_misspelt_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passed over, it would let the rows go elsewhere; options of the commands are known."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps(VALUES))
    monkeypatch.setenv("S3DEST_VENDOR_ARN", "arn:aws:iam::444455556666:role/sync")
    assert Settings.load(path).destination(path).prefix == "vendor/exports"
    monkeypatch.setenv("S3DEST_PREFX", "elsewhere")
    done = run("check", "--config", str(path))
    assert (done.exit_code, "S3DEST_PREFX is no setting" in done.stderr) == (2, True)


def test_without_a_configuration_a_sentence_says_how_to_give_one() -> None:
    """Nothing given is told apart from something wrong."""
    done = run("check")
    assert (done.exit_code, "give a file with --config" in done.stderr) == (2, True)
