"""What is signed: botocore's text, whatever the request."""

from __future__ import annotations

from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from s3dest.canonical import CanonicalForm

URL = "https://b.example.com:9000/a%20folder/"
SAME = {"content-type": "text/csv;  charset=utf-8", "if-none-match": "*", "x-amz-storage-class": " STANDARD_IA "}
DIGEST = "x-amz-checksum-sha256"

values = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


@given(st.text(min_size=1), values, values, st.none() | values, st.booleans())
def test_it_is_botocores(key: str, date: str, digest: str, token: str | None, has_digest: bool) -> None:  # noqa: FBT001  # drawn
    """And what is not signed is not in it."""
    form = CanonicalForm.of(URL, SAME, DIGEST if has_digest else None, service="s3", region="eu-west-1")
    place = quote(key, errors="replace")
    headers = {**SAME, "x-amz-date": date, "x-amz-content-sha256": "00"}
    if has_digest:
        headers[DIGEST] = digest
    if token is not None:
        headers["x-amz-security-token"] = token
    auth = S3SigV4Auth(ReadOnlyCredentials("", "", None), "s3", "eu-west-1")
    request = AWSRequest("PUT", URL + place, headers)
    assert form.fill(place, {**headers, "content-length": "1"}) == auth.canonical_request(request)
    assert form.names(headers) == auth.signed_headers(auth.headers_to_sign(request))
    assert form.is_botocores(URL + place, place, headers)


def test_a_value_may_have_a_places_name() -> None:
    """Or a token would be signed as another."""
    form = CanonicalForm.of(URL, SAME, DIGEST, service="s3", region="eu-west-1")
    headers = {**SAME, "x-amz-date": "s3destPlaceOfKey", "x-amz-content-sha256": next(iter(form.places)), DIGEST: "x"}
    assert form.is_botocores(URL + "k", "k", headers)


def test_a_text_that_is_another_is_told() -> None:
    """It is what proves a template."""
    form = CanonicalForm.of(URL, SAME, None, service="s3", region="eu-west-1")
    headers = {**SAME, "x-amz-date": "20261130T180000Z", "x-amz-content-sha256": "00"}
    assert form.is_botocores(URL + "k", "k", headers)
    assert not form.is_botocores(URL + "k", "l", headers)
    assert not form.is_botocores(URL + "k", "k", {**headers, "if-none-match": "x"})
