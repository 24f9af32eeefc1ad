"""Which encryption is asked for, and which key ARNs are keys."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from s3dest.encryption import Encryption, SseKms, SseS3

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENCRYPTION: TypeAdapter[SseS3 | SseKms] = TypeAdapter(Encryption)


@pytest.mark.parametrize(
    ("value", "model"),
    [
        ({}, SseS3()),
        ({"type": "sse-s3"}, SseS3()),
        ({"key_arn": KEY}, SseKms(key_arn=KEY)),
        ({"type": "sse-kms", "key_arn": KEY}, SseKms(key_arn=KEY)),
        (SseS3(), SseS3()),
    ],
)
def test_the_kind_is_inferred(value: object, model: SseS3 | SseKms) -> None:
    """Who names a key wants KMS; who names nothing the keys of S3."""
    assert ENCRYPTION.validate_python(value) == model


@pytest.mark.parametrize("model", [SseS3(), SseKms(key_arn=KEY)])
def test_each_kind_survives_its_dump(model: SseS3 | SseKms) -> None:
    """The type is written down, so that a stored config loads back the same."""
    assert ENCRYPTION.validate_python(model.model_dump(mode="json")) == model


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"type": "sse-kms"}, "key_arn"),
        ({"key_arn": "with space"}, "key_arn"),
        ({"key_arn": ""}, "key_arn"),
        ({"type": "sse-s3", "key_arn": KEY}, "type"),
        ({"type": "sse-s3", "key": "x"}, "key"),
    ],
)
def test_errors_name_the_field(value: Any, field: str) -> None:
    """Without the tag of the union in the location."""
    with pytest.raises(ValidationError) as caught:
        ENCRYPTION.validate_python(value)
    assert [line["loc"] for line in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize("value", [None, "AES256", {"type": "aws:kms"}, 7])
def test_other_kinds_are_told_the_choice(value: object) -> None:
    """The message names both kinds."""
    with pytest.raises(ValidationError, match="needs type 'sse-s3', or 'sse-kms' and key_arn"):
        ENCRYPTION.validate_python(value)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_a_keys_region_is_in_its_arn(partition: str) -> None:
    """Config compares it with the bucket's; multi-region keys have one too."""
    arn = f"arn:{partition}:kms:xx-region-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    assert SseKms(key_arn=arn).region == "xx-region-1"


@pytest.mark.parametrize(
    "name", ["my-key", "arn:aws:kms:eu-west-1:111122223333:alias/acme", KEY.replace("key/", "key:")]
)
def test_what_is_no_key_arn_has_no_region(name: str) -> None:
    """Config refuses these on AWS: IAM would ignore the ARN of an alias in the policies we generate."""
    assert SseKms(key_arn=name).region is None
