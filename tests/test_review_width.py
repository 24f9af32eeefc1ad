"""The linter of what the role's own policy allows beyond need."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import BUCKET, KEY_ARN, KMS, PROBES, TARGET, codes, make

from s3dest import policies

OWN: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "any key": (
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"},
        [("warning", "key_too_wide")],
    ),
    "keys of the account": (
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"},
        [("warning", "key_too_wide")],
    ),
    "this key": ({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY_ARN}, []),
    "another key": (
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": f"{KEY_ARN[:-1]}c"},
        [("warning", "key_too_wide")],
    ),
    "objects and key": (
        {"Effect": "Allow", "Action": ["s3:PutObject", *KMS], "Resource": [TARGET, KEY_ARN]},
        [],
    ),
    "bucket and objects": ({"Effect": "Allow", "Action": "s3:PutObject", "Resource": [BUCKET, TARGET]}, []),
    "probes, bucket and key": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": [PROBES, BUCKET, KEY_ARN]},
        [],
    ),
    "all of the bucket, and key": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": [f"{BUCKET}*", KEY_ARN]},
        [("warning", "delete_too_wide")],
    ),
    "anything": (
        {"Effect": "Allow", "Action": ["s3:DeleteObject", *KMS], "Resource": "arn:*"},
        [("warning", "delete_too_wide"), ("warning", "key_too_wide")],
    ),
    "abort anywhere": (
        {"Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": "*"},
        [("warning", "resource_too_wide")],
    ),
    "abort": ({"Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": TARGET}, []),
    "delete anywhere": (
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"{BUCKET}/*"},
        [("warning", "delete_too_wide")],
    ),
    "no key": ({"Effect": "Deny", "Action": "kms:*", "Resource": "*"}, [("error", "key_denied")]),
    "no decryption": ({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": KEY_ARN}, [("error", "key_denied")]),
    "other key": ({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": f"{KEY_ARN[:-1]}c"}, []),
    "not by S3": (
        {
            "Effect": "Deny",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        },
        [],
    ),
    "network": (
        {
            "Effect": "Deny",
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
        },
        [("warning", "key_denied_sometimes")],
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_a_statement_beside_the_right_ones_is_judged(name: str) -> None:
    """The role's own policy is right; what is added is too wide, takes away, or does neither."""
    statement, expected = OWN[name]
    config = make(encryption={"key_arn": KEY_ARN})
    given: Any = policies.permission(config)
    given["Statement"].append(statement)
    assert codes(config, permission=given) == expected


@pytest.mark.parametrize(
    ("action", "enough"),
    [("kms:GenerateDataKey*", "kms:GenerateDataKey and kms:Decrypt are"), ("s3:Put*", "s3:PutObject is")],
)
def test_what_is_enough_is_said_by_service(action: str, enough: str) -> None:
    """Where there is a key, the right to put alone is not."""
    config = make(encryption={"key_arn": KEY_ARN})
    given: Any = policies.permission(config)
    given["Statement"].append(
        {"Effect": "Allow", "Action": action, "Resource": KEY_ARN if action.startswith("kms") else TARGET}
    )
    (finding,) = policies.review(config, permission=given)
    assert f"{enough} enough" in finding.message
