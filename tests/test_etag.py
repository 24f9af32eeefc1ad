"""ETags: which of them are the MD5 of what was sent."""

from __future__ import annotations

from typing import Any

import pytest

from s3dest.etag import is_md5

HEX = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, True),
        ({"ServerSideEncryption": "AES256"}, True),
        ({"ServerSideEncryption": "aws:kms"}, False),
        ({"ServerSideEncryption": "aws:kms:dsse"}, False),
        ({"SSECustomerAlgorithm": "AES256"}, False),
        ({"ETag": f'W/"{HEX}"'}, True),
        ({"ETag": f'"{HEX}-2"'}, False),
        ({"ETag": f'"{HEX.upper()}"'}, False),
    ],
)
def test_an_etag_is_an_md5_where_no_key_encrypts(answer: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    """One of KMS has 32 hex digits all the same."""
    assert is_md5({"ETag": f'"{HEX}"', **answer}) is expected
