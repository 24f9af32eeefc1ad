"""What the vendor brings to STS: where tokens come from, and what is refused in their place."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from s3dest import AmbientIdentity, ConfigError, GoogleIdentityToken, TokenSource, WebIdentity

if TYPE_CHECKING:
    from fake import FakeAws

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def give() -> str:
    """Be a token source that can be pickled."""
    return " token \n"


def test_a_token_comes_from_a_callable() -> None:
    """White space around it is not part of it."""
    assert WebIdentity(give).fetch() == "token"
    assert isinstance(give, TokenSource)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_token_comes_from_a_file(tmp_path: Path, kind: Any) -> None:
    """It is read each time."""
    path = tmp_path / "token"
    identity = WebIdentity(kind(path))
    for text in ("one", "two\n"):
        path.write_text(text)
        assert identity.fetch() == text.strip()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """Its path is told."""
    with pytest.raises(FileNotFoundError, match="absent"):
        WebIdentity(tmp_path / "absent").fetch()


@pytest.mark.parametrize("answer", ["", "  \n", None, b"bytes"])
def test_a_source_must_give_text(answer: Any) -> None:
    """Anything else is refused without being repeated."""
    with pytest.raises(ValueError, match="no text, or an empty one"):
        WebIdentity(lambda: answer).fetch()


@pytest.mark.parametrize("token", [JWT, f" {JWT}\n", f"Bearer {JWT}", f"{JWT}==", 7, None, ["a"]])
def test_a_token_is_no_source(token: Any) -> None:
    """A token given as text would be dead within the hour; it is not repeated."""
    if token is not None:
        with pytest.raises(ConfigError):
            WebIdentity(give, other_audience=token)
    with pytest.raises(ConfigError) as caught:
        WebIdentity(token)
    assert caught.value.code == "token_source"
    assert JWT not in str(caught.value)


def test_no_repr_shows_a_source() -> None:
    """A callable's repr may hold what it closes over."""
    assert repr(WebIdentity(give)) == "WebIdentity()"
    assert repr(AmbientIdentity(boto3.Session("A", "SECRET"))) == "AmbientIdentity()"


@pytest.mark.parametrize("session", ["profile", boto3])
def test_what_is_no_session_is_refused(session: object) -> None:
    """Else it would be found out at the first request, as an answer of STS that cannot be read."""
    with pytest.raises(ConfigError, match=f"not a {type(session).__name__}") as caught:
        AmbientIdentity(session)  # type: ignore[arg-type]  # the point
    assert caught.value.code == "identity"


def test_an_identity_without_a_session_crosses_processes() -> None:
    """Workers look for their own ambient credentials."""
    assert pickle.loads(pickle.dumps(AmbientIdentity())) == AmbientIdentity()  # noqa: S301  # our own
    assert pickle.loads(pickle.dumps(WebIdentity(give))).fetch() == "token"  # noqa: S301


def test_a_session_does_not_cross_processes() -> None:
    """It holds sockets and locks; the error says what to do."""
    with pytest.raises(ConfigError, match=r"configure each worker's environment") as caught:
        pickle.dumps(AmbientIdentity(boto3.Session()))
    assert caught.value.code == "not_picklable"


def test_google_gives_a_token_for_the_audience(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth fetches it, by the account that the process runs as, anew for each session."""
    audiences = []

    def fetch(request: object, audience: str) -> str:
        assert request is not None
        audiences.append(audience)
        return JWT

    monkeypatch.setattr("google.oauth2.id_token.fetch_id_token", fetch)
    destination = aws.destination(identity=WebIdentity(GoogleIdentityToken(audience="acme")))
    assert destination.check(mode="recheck").ok
    (request,) = aws.requests("AssumeRoleWithWebIdentity")
    assert request.form["WebIdentityToken"] == JWT
    assert audiences == ["acme"]
    aws.clock.advance(3600)
    with destination.append("orders") as append:
        append.write({"id": 1})
    assert audiences == ["acme", "acme"]


def test_without_google_auth_the_error_names_the_extra() -> None:
    """It comes when a token is wanted, not at import."""
    code = (
        "import sys; sys.modules['google.auth'] = None\n"
        "import s3dest\n"
        "token = s3dest.GoogleIdentityToken('acme')\n"
        "try:\n    token()\n"
        "except s3dest.ConfigError as error:\n    print(error.code, error.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "extra_missing pip install 's3dest[google]'\n"


def test_a_missing_extra_is_told_as_it_is(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a check too, which raises nothing."""
    monkeypatch.setitem(sys.modules, "google.oauth2", None)
    report = aws.destination(identity=WebIdentity(GoogleIdentityToken("acme"))).check()
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["extra_missing"]
