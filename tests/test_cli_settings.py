"""The command line's configuration: files, environment, and that no secret in either is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

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


def test_the_environment_alone_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is needed; `null` is no external id."""
    for name, value in {
        "BUCKET": "acme-lake",
        "REGION": "eu-west-1",
        "AUTH__ROLE_ARN": ROLE["role_arn"],
        "AUTH__EXTERNAL_ID": "null",
        "IDENTITY__TOKEN_FILE": "/var/run/token",
        "JOURNAL": "/var/lib/journal",
    }.items():
        monkeypatch.setenv(f"S3DEST_{name}", value)
    settings = Settings.load(None)
    config = settings.destination(None)
    assert config.auth.external_id is None  # type: ignore[union-attr]
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
    "ini": ("c.ini", "", "must end in .json, .yaml, .yml or .toml"),
    "kind": ("c.json", json.dumps({**VALUES, "auth": SECRET}), "auth: Input should be"),
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


def test_a_variable_that_is_no_json_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in a broken variable stays there."""
    monkeypatch.setenv("S3DEST_AUTH", '{"secret_access_key": "' + SECRET)
    done = run("check")
    assert done.exit_code == 2
    assert SECRET not in done.output
    assert "auth" in done.stderr


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
