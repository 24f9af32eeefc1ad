"""No secret in any text: reprs, logs of configs, errors however they are nested, tracebacks, pickles of errors."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from s3dest import Destination, TransferOptions
from s3dest.auth import HmacAuth
from s3dest.config import DestinationConfig
from s3dest.diagnosis import explain
from s3dest.errors import CredentialsError, S3DestError

SECRET = "wJalrXUtnFEMIxK7MDENGxbPxRfiCYzEXAMPLEKEY"
AUTH = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET}
GOOD: dict[str, Any] = {"bucket": "acme-lake", "region": "eu-west-1", "auth": AUTH}
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/r", "external_id": "acme"}
KMS = {"key_arn": "arn:aws:kms:eu-west-2:111122223333:key/k"}

WRONG: dict[str, Any] = {
    "wrong region": {**GOOD, "region": "Ireland"},
    "wrong bucket": {**GOOD, "bucket": "Acme"},
    "wrong key id": {**GOOD, "auth": {**AUTH, "access_key_id": "a b"}},
    "wrong secret": {**GOOD, "auth": {**AUTH, "secret_access_key": f"{SECRET} {SECRET}"}},
    "secret of a wrong type": {**GOOD, "auth": {**AUTH, "secret_access_key": [SECRET]}},
    "no key id": {**GOOD, "auth": {"secret_access_key": SECRET}},
    "a surplus field": {**GOOD, "auth": {**AUTH, "comment": SECRET}},
    "secret as a field name": {**GOOD, "auth": {**AUTH, SECRET: "x"}},
    "secret as a field name at the top": {**GOOD, SECRET: "x"},
    "both kinds of auth": {**GOOD, "auth": {**AUTH, **ROLE}},
    "auth is the secret": {**GOOD, "auth": SECRET},
    "secret beside auth": {"bucket": "acme-lake", "region": "eu-west-1", "secret_access_key": SECRET},
    "secret as bucket": {**GOOD, "bucket": SECRET},
    "secret as region": {**GOOD, "region": SECRET},
    "secret as region, with a key": {**GOOD, "region": SECRET, "encryption": KMS},
    "secret as owner": {**GOOD, "expected_bucket_owner": SECRET},
    "secret as storage class": {**GOOD, "storage_class": SECRET},
    "secret as style": {**GOOD, "addressing_style": SECRET},
    "secret as encryption": {**GOOD, "encryption": {"type": SECRET}},
    "secret as external id": {**GOOD, "auth": {**ROLE, "external_id": f"{SECRET} "[:20] + " " + SECRET}},
    "secret as session name": {**GOOD, "auth": {**ROLE, "session_name": SECRET * 2}},
    "secret as duration": {**GOOD, "auth": {**ROLE, "duration": SECRET}},
    "secret in the endpoint's user info": {**GOOD, "endpoint_url": f"https://user:{SECRET}@s3.example.com"},
    "secret in the endpoint's port": {**GOOD, "endpoint_url": f"https://s3.example.com:{SECRET}"},
    "secret in the endpoint's query": {**GOOD, "endpoint_url": f"https://s3.example.com/?k={SECRET}"},
    "secret in the address of STS": {**GOOD, "sts_endpoint_url": f"https://{SECRET}@sts.example.com"},
    "secret in the bucket's user info": {**GOOD, "bucket": f"s3://AKIA1:{SECRET}@acme-lake/x"},
    "secret in a bucket without scheme": {**GOOD, "bucket": f"AKIA1:{SECRET}@acme-lake/x"},
    "no mapping at all": SECRET,
}


class Host(BaseModel):
    """A host's own model, without any care for secrets."""

    destination: DestinationConfig


class Hosts(BaseModel):
    """One that holds several."""

    destinations: list[DestinationConfig]
    by_name: dict[str, DestinationConfig] = {}


LOADERS: dict[str, Callable[[Any], object]] = {
    "model_validate": DestinationConfig.model_validate,
    "model_validate_json": lambda value: DestinationConfig.model_validate_json(json.dumps(value)),
    "constructor": lambda value: DestinationConfig(**value) if isinstance(value, dict) else Host(destination=value),
    "host": lambda value: Host.model_validate({"destination": value}),
    "host, by keyword": lambda value: Host(destination=value),
    "host, JSON": lambda value: Host.model_validate_json(json.dumps({"destination": value})),
    "host, list": lambda value: Hosts.model_validate({"destinations": [GOOD, value]}),
    "host, dict": lambda value: Hosts.model_validate({"destinations": [], "by_name": {"a": value}}),
    "adapter": TypeAdapter(DestinationConfig).validate_python,
    "adapter, JSON": lambda value: TypeAdapter(DestinationConfig).validate_json(json.dumps(value)),
    "adapter, list": lambda value: TypeAdapter(list[DestinationConfig]).validate_python([value]),
    # A union with another model is the host's own: that model's part of the error repeats its input.
    "adapter, optional": lambda value: TypeAdapter(DestinationConfig | None).validate_python(value),
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and everything it drags along."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def texts_of(error: BaseException) -> Iterator[str]:
    """Yield every text that can be had from an error."""
    for link in chain(error):
        yield str(link)
        yield repr(link)
        yield repr(link.args)
        yield from getattr(link, "__notes__", ())
        if isinstance(link, ValidationError):
            yield repr(link.errors())
            yield link.json()
    # One's own frames hold the value in any case (here: in the test); what is formatted must not show it.
    yield "".join(traceback.format_exception(error))
    yield repr(pickle.dumps(error))


def assert_silent(error: BaseException) -> None:
    """Fail if any text of an error holds the secret, or a telling part of it."""
    for text in texts_of(error):
        assert SECRET not in text
        assert SECRET[:12] not in text
        assert SECRET[-12:] not in text


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("wrong", WRONG)
def test_no_validation_error_repeats_a_secret(wrong: str, loader: str) -> None:
    """Neither str nor errors() nor json() nor a chained error, however the model is nested."""
    with pytest.raises(ValidationError) as caught:
        LOADERS[loader](WRONG[wrong])
    assert_silent(caught.value)


@pytest.mark.parametrize("load", [DestinationConfig.model_validate_json, TypeAdapter(DestinationConfig).validate_json])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD)[:-3],
        json.dumps(GOOD).replace("}", "", 1),
        json.dumps(GOOD).encode()[:-1] + b"\xff",
        f'"{SECRET}"',
        SECRET,
    ],
)
def test_text_that_is_no_config_is_not_repeated(text: str | bytes, load: Callable[[str | bytes], object]) -> None:
    """A stored config that was cut off, say."""
    with pytest.raises(ValidationError) as caught:
        load(text)
    assert_silent(caught.value)


class Careful(BaseModel):
    """A host's model that follows the README's advice for its own errors."""

    model_config = ConfigDict(hide_input_in_errors=True)

    destination: DestinationConfig | str
    name: str


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "a", "destination": GOOD})[:-3],
        json.dumps({"name": "a", "destination": {**GOOD, "region": "Ireland"}}),
        json.dumps({"destination": GOOD}),
    ],
    ids=["no JSON", "another member of a union", "another field"],
)
def test_a_hosts_own_errors_can_be_kept_quiet(text: str) -> None:
    """They are beyond our reach, and repeat everything unless the host says otherwise."""
    with pytest.raises(ValidationError) as caught:
        Careful.model_validate_json(text)
    lines = caught.value.errors(include_input=False)
    told = f"{caught.value} {caught.value!r} {lines} {caught.value.json(include_input=False)}"
    assert SECRET[-12:] not in told
    assert lines


CHANGES: dict[str, Callable[[DestinationConfig], object]] = {
    "assignment": lambda config: setattr(config, "auth", AUTH),
    "assignment inside": lambda config: setattr(config.auth, "secret_access_key", SECRET),
    "assignment of a new field": lambda config: setattr(config, "secret", SECRET),
    "deletion": lambda config: delattr(config.auth, "secret_access_key"),
    "copy with a wrong field": lambda config: config.model_copy(update={"region": SECRET}),
    "copy with a wrong auth": lambda config: config.model_copy(update={"auth": {"secret_access_key": SECRET}}),
    "copy with a new field": lambda config: config.model_copy(update={"secret": SECRET}),
    "copy of auth": lambda config: config.auth.model_copy(update={"access_key_id": SECRET + " " + SECRET}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_refused_change_repeats_a_secret(change: str) -> None:
    """A frozen config refuses, and keeps quiet about what it was given."""
    with pytest.raises(ValidationError) as caught:
        CHANGES[change](DestinationConfig.model_validate(GOOD))
    assert_silent(caught.value)


def test_no_text_of_a_config_shows_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Repr, str, format, dumps, schema and log lines mask it, also inside a host's model and containers."""
    config = DestinationConfig.model_validate(GOOD)
    host = Hosts(destinations=[config], by_name={"a": config})
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("host").debug("%s %r %s", config, config.auth, host)
    texts = [caplog.text, json.dumps(DestinationConfig.model_json_schema())]
    for value in (config, config.auth, host, [config], {"auth": config.auth}, config.auth.model_dump()):
        texts += [repr(value), str(value), f"{value}", f"{value!r}"]
    for model in (config, config.auth, host):
        texts += [model.model_dump_json(), repr(model.model_dump()), repr(model.model_dump(mode="json"))]
        texts.append(repr(list(model.__repr_args__())))  # which rich prints from, too
    assert not [text for text in texts if SECRET in text]
    assert "**********" in caplog.text


def test_a_masked_secret_is_refused() -> None:
    """A dump without secrets would otherwise load with asterisks as its key, and fail at the customer's."""
    config = DestinationConfig.model_validate(GOOD)
    for loader in (DestinationConfig.model_validate_json, lambda text: Host(destination=json.loads(text))):
        with pytest.raises(ValidationError, match="is masked") as caught:
            loader(config.model_dump_json())
        assert caught.value.errors()[0]["loc"][-2:] == ("auth", "secret_access_key")


def test_a_config_crosses_a_process_border_whole() -> None:
    """Workers need the secret: a pickle keeps it, and loads masked in every text as before."""
    config = DestinationConfig.model_validate(GOOD)
    loaded = pickle.loads(pickle.dumps(config))  # noqa: S301  # made here
    assert loaded == config
    assert isinstance(loaded.auth, HmacAuth)
    assert loaded.auth.secret_access_key.get_secret_value() == SECRET
    assert SECRET not in f"{loaded} {loaded!r}"


def test_our_errors_carry_what_they_say_and_no_more() -> None:
    """An error raised where a secret is at hand has no way to it but its message."""
    config = DestinationConfig.model_validate(GOOD)
    message = f"It failed for {config}."
    with pytest.raises(S3DestError) as caught:
        raise S3DestError(message, bucket=config.bucket)
    assert_silent(caught.value)


@pytest.mark.parametrize("name", ["AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"])
@pytest.mark.parametrize("odd", [f"{SECRET}\n", f"{SECRET}\r\nX-Odd: 1"])
def test_ambient_keys_that_no_header_can_have_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, odd: str
) -> None:
    """As a secret ends that was written by echo: Python's own error, of a header that cannot be sent, repeats it."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(variable, odd if variable == name else "plain")
    config = DestinationConfig.model_validate({**GOOD, "auth": ROLE, "endpoint_url": "http://127.0.0.1:1"})
    with Destination(config, options=TransferOptions(deadline=timedelta(milliseconds=1))) as destination:
        report = destination.check()
        append = destination.append("orders")
        append.write({"id": 1})
        with pytest.raises(CredentialsError) as caught:
            append.commit()
        append.abort()
    assert (caught.value.code, caught.value.owner, caught.value.retryable) == ("vendor_keys_malformed", "vendor", False)
    assert [finding.code for finding in report.findings] == ["vendor_keys_malformed"]
    assert not [text for text in (*texts_of(caught.value), report.to_markdown(), caplog.text) if SECRET in text]


@pytest.mark.parametrize("way", ["role", "user"])
@pytest.mark.parametrize(
    ("proxy", "code"),
    [
        ("http://u:{}@127.0.0.1:1", "proxy_unreachable"),
        ("u:{}@127.0.0.1:1", "proxy_unreachable"),
        ("socks5://u:{}@127.0.0.1:1", "proxy_unreachable"),
        ("socks5://u:1/2@{}@127.0.0.1:1", "proxy_unreachable"),
        ("http://u:{}/1@127.0.0.1:1", "proxy_malformed"),
        ("http://u:{}@127.0.0.1:99999", "proxy_malformed"),
        ("http://u:{}@[::1", "proxy_malformed"),
    ],
)
def test_the_password_of_a_proxy_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, proxy: str, code: str, way: str
) -> None:
    """Botocore masks it where the scheme is http, and urllib3 repeats an address that it cannot take apart."""
    caplog.set_level(logging.DEBUG, logger="botocore")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "plain")
    monkeypatch.setenv("HTTP_PROXY", proxy.format(SECRET))
    config = {**GOOD, "endpoint_url": "http://s3.example.com", "auth": ROLE if way == "role" else AUTH}
    options = TransferOptions(deadline=timedelta(milliseconds=1))
    with Destination(DestinationConfig.model_validate(config), options=options) as destination:
        report = destination.check()
        append = destination.append("orders")
        append.write({"id": 1})
        with pytest.raises(S3DestError) as caught:
            append.commit()
        append.abort()
    assert caught.value.code == code
    assert [finding.code for finding in report.findings if finding.severity == "error"] == [code]
    assert not [text for text in (*texts_of(caught.value), report.to_markdown(), caplog.text) if SECRET in text]


def test_an_answer_that_repeats_keys_is_not_kept() -> None:
    """Neither as the error's cause, whose attributes a crash reporter may show, nor as a code or an id of its own."""
    config = DestinationConfig.model_validate({**GOOD, "auth": ROLE})
    given = {"Credentials": {"SecretAccessKey": "other"}}
    repeated = {"Error": {"Code": SECRET, "Message": "no"}, "ResponseMetadata": {"RequestId": SECRET}}
    for response, hide in ((given, []), (repeated, [SECRET]), ({"Error": {"Code": "X", "Token-0": SECRET}}, [SECRET])):
        raw = ClientError(response, "AssumeRole")  # type: ignore[arg-type]  # what a liar sends
        error = explain(raw, config, operation="AssumeRole", hide=hide)
        assert error.__cause__ is None
        assert SECRET not in f"{error} {error.aws_code} {error.request_id} {error!r}"
