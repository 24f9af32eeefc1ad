"""Templates: a request made of one is botocore's own, or there is none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fake.world import USER_KEY, USER_SECRET
from one_object import DATA, elsewhere, put
from test_payload_hash import is_signed

from s3dest import HmacAuth, SseKms, SseS3
from s3dest.canonical import CanonicalForm
from s3dest.credentials import KeyProvider
from s3dest.payload_hash import UNSIGNED, sign, sign_form
from s3dest.quiet_request import QuietRequest
from s3dest.s3 import Bucket
from s3dest.template import Template, TrialBody, find_template

if TYPE_CHECKING:
    from fake import FakeAws, Request

OTHER_EACH_TIME = {"authorization", "amz-sdk-invocation-id", "x-amz-date", "x-amz-security-token"}
USER = HmacAuth.model_validate({"access_key_id": USER_KEY, "secret_access_key": USER_SECRET})
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROVIDER = KeyProvider(Credentials("AKID", "not a secret"))


def essence(request: Request) -> tuple[object, ...]:
    """Tell what is the same whoever makes a request."""
    said = {name: "" if name in OTHER_EACH_TIME else value for name, value in request.headers.items()}
    signed = re.sub(r"(?<=Credential=)[^/]+|(?<=Signature=)\w+", "", request.headers["authorization"])
    return request.method, request.url, request.body, said, signed


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"addressing_style": "path"},
        {"region": "us-gov-west-1", "auth": USER},
        {"region": "cn-north-1", "auth": USER},
        {"bucket": "acme.lake"},
        {"expected_bucket_owner": None},
        {"encryption": SseS3()},
        {"encryption": SseKms(key_arn=KEY_ARN), "storage_class": "STANDARD_IA"},
        {"endpoint_url": "http://s3.example.com:9000"},
        {"endpoint_url": "http://[2001:db8::1]:9000"},
        {"endpoint_url": "https://s3.example.com/gateway/", "addressing_style": "virtual"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("key", "data"), [("a", b""), ("dt=2026-11-30/é b+c%~(1)&?#.jsonl.gz", DATA), ("a//./../b", DATA)]
)
def test_the_request_is_botocores_own(
    aws: FakeAws, bucket_of: Callable[..., Bucket], changes: dict[str, Any], data: bytes, key: str
) -> None:
    """Whatever the config: the same address, headers and signature's scope."""
    if "endpoint_url" in changes:
        changes = {**changes, **elsewhere(aws, changes["endpoint_url"])}
    ours, botocores = bucket_of(**changes), bucket_of(**changes)
    assert botocores.client is not None  # whoever has it may change what it sends
    aws.store.region = changes.get("region", aws.store.region)
    aws.store.bucket = changes.get("bucket", aws.store.bucket)
    requests = []
    for bucket in (ours, botocores):
        aws.store.objects.clear()
        put(bucket, data, key=f"vendor/exports/{key}")
        requests.append(aws.requests("PutObject")[-1])
    assert essence(requests[0]) == essence(requests[1])
    assert ours._wire._small_puts
    assert list(map(type, ours._wire._small_puts._templates.values())) == [Template]


def test_the_signature_is_valid(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """As a store checks it."""
    put(bucket_of(**elsewhere(aws, "http://s3.example.com:9000")))
    assert is_signed(aws.log[-1])


def test_each_call_has_an_id_of_its_own(aws: FakeAws, bucket_of: Callable[..., Bucket]) -> None:
    """By which AWS tells calls apart."""
    bucket = bucket_of()
    put(bucket)
    put(bucket)
    first, second = (request.headers["amz-sdk-invocation-id"] for request in aws.requests("PutObject"))
    assert first != second


def unsigned(parameters: dict[str, Any], **headers: str) -> QuietRequest:
    """Make a request without a signature, or with one that is given."""
    url = f"https://b.example.com/{parameters['Key']}"
    return QuietRequest.of(AWSRequest("PUT", url, headers, parameters["Body"]))


def made(
    parameters: dict[str, Any], *, url: str = "https://b.example.com/{}", payload: str = UNSIGNED, **headers: str
) -> QuietRequest:
    """Make a request as botocore may."""
    data = parameters["Body"]
    key = {"s3dest/a": "s3dest/a"}.get(parameters["Key"], "s3dest/b%20%C3%A9~%25%2B%3D%3A/.b")
    told = {"Content-MD5": parameters["ContentMD5"], **headers}
    request = AWSRequest("PUT", url.format(key), told, data)
    sign(PROVIDER, request, "s3", "eu-west-1", payload)
    return QuietRequest.of(request)


def found(make: Callable[[dict[str, Any]], QuietRequest | None]) -> Template | None:
    """Look for a template of what is made."""
    return find_template(make, {}, "ContentMD5", partial(sign_form, PROVIDER))


def test_requests_that_differ_by_no_more_have_a_template() -> None:
    """What the refusals below begin with."""
    assert found(made)


COUNTER = itertools.count()


@pytest.mark.parametrize(
    "make",
    [
        lambda given: made(given, nonce=str(next(COUNTER))),
        lambda given: made(given, **{"X-Amzn-Trace-Id": "Root=1"}),
        lambda given: made(given, Expect="100-continue"),
        lambda given: made(given, **{"Transfer-Encoding": "chunked"}),
        lambda given: made(given, url="https://b.example.com/{}?x-id=PutObject"),
        lambda given: made(given, url="https://b.example.com/" + str(len(given["Key"])) + "/{}"),
        lambda given: made(given, url="https://b.example.com/s3destPlaceOfKey/{}"),
        lambda given: made({**given, "Body": TrialBody(given["Body"].getvalue() + b"\r\n")}),
        lambda given: made({**given, "ContentMD5": "AAAA"}),
        unsigned,
        lambda given: unsigned(given, **{"Authorization": "AWS AKID:signature", "X-Amz-Content-SHA256": UNSIGNED}),
        lambda given: made(given, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        lambda given: made(given, **{"x-amz-storage-class": "é"}),
        lambda _: None,
    ],
    ids=[
        "a header differs",
        "a trace's id",
        "asks first",
        "chunked",
        "a query",
        "the address differs",
        "the address has a place's name",
        "the body is changed",
        "the digest is changed",
        "not signed",
        "signed in another way",
        "a body of its own form",
        "a header that is not ASCII",
        "somebody has answered",
    ],
)
def test_requests_that_differ_by_more_have_none(make: Callable[[dict[str, Any]], QuietRequest | None]) -> None:
    """Then botocore makes each of them."""
    assert found(make) is None


def test_a_session_may_be_renewed_while_a_template_is_found() -> None:
    """Or the client would go the slow way for good."""

    def another() -> KeyProvider:
        return KeyProvider(Credentials("AKID", "not a secret", str(next(COUNTER))))

    def sign_anew(request: QuietRequest, form: CanonicalForm, key: str, payload: str) -> None:
        sign_form(another(), request, form, key, payload)

    def make(given: dict[str, Any]) -> QuietRequest:
        request = AWSRequest("PUT", f"https://b.example.com/{quote(given['Key'])}", {}, given["Body"])
        sign(another(), request, "s3", "eu-west-1", UNSIGNED)
        return QuietRequest.of(request)

    assert find_template(make, {}, None, sign_anew)
