"""The IAM documents: exactly what is needed, on exactly the keys that are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from s3dest import policies
from s3dest.config import DestinationConfig
from s3dest.errors import ConfigError
from s3dest.layout import plan, probe_key
from s3dest.policies import Policy
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VENDOR = AwsPrincipal(arn="arn:aws:iam::444455556666:role/sync")
VIA_S3 = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
REGIONS = {"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1", "aws-eusc": "eusc-de-east-1"}


def make(**changes: Any) -> DestinationConfig:
    """Load a config from plain values."""
    return DestinationConfig.model_validate({"bucket": "acme-lake", "region": "eu-west-1", "auth": ROLE, **changes})


def allowed(policy: Policy) -> set[tuple[str, str]]:
    """List every action of a policy with its resource."""
    pairs = set()
    for statement in policy["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            for resource in [resources] if isinstance(resources, str) else resources:
                pairs.add((action, resource))
    return pairs


def test_the_setup_policy_is_the_one_of_the_setup_guide() -> None:
    """Without a prefix, letter by letter what customers are told to paste: nothing that is delivered can be deleted."""
    assert policies.permission(make()) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject"],
                "Resource": "arn:aws:s3:::acme-lake/*",
            },
            {
                "Effect": "Allow",
                "Action": ["s3:DeleteObject"],
                "Resource": "arn:aws:s3:::acme-lake/.s3dest-probe/*",
            },
        ],
    }


def test_a_stage_that_is_none_is_refused() -> None:
    """By a sentence; a typo must not make a policy of another stage."""
    with pytest.raises(ConfigError) as caught:
        policies.permission(make(), stage="set-up")  # type: ignore[arg-type]
    assert caught.value.code == "stage"


def test_the_steady_policy_puts_and_nothing_else() -> None:
    """After the first check, one action on one prefix is all."""
    assert allowed(policies.permission(make(prefix="a/b"), stage="steady")) == {
        ("s3:PutObject", "arn:aws:s3:::acme-lake/a/b/*")
    }


def test_a_key_in_the_config_is_in_the_policy_through_s3_only() -> None:
    """The two KMS actions that a put and a multipart upload need, on that key."""
    statement = policies.permission(make(encryption={"key_arn": KEY_ARN}))["Statement"][2]
    assert statement == {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": KEY_ARN,
        "Condition": VIA_S3,
    }


def test_the_session_policy_appends_and_nothing_else() -> None:
    """Whatever the role may do, the session cannot read, list or delete."""
    policy = policies.session(make(prefix="a"))
    assert allowed(policy) == {
        ("s3:PutObject", "arn:aws:s3:::acme-lake/a/*"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::acme-lake/a/*"),
        ("kms:GenerateDataKey", "*"),
        ("kms:Decrypt", "*"),
    }
    assert policy["Statement"][1]["Condition"] == VIA_S3


def test_a_setup_check_may_delete_its_probes_only() -> None:
    """Delete is in the session for as long as the check runs, on its own folder."""
    config = make(prefix="a")
    more = allowed(policies.session(config, purpose="setup-check")) - allowed(policies.session(config))
    assert more == {("s3:DeleteObject", "arn:aws:s3:::acme-lake/a/.s3dest-probe/*")}


def test_a_session_on_another_store_has_no_kms_unless_asked() -> None:
    """Some stores refuse policies with actions that they do not know."""
    elsewhere = {"endpoint_url": "http://127.0.0.1:9000"}
    assert {action for action, _ in allowed(policies.session(make(**elsewhere)))} == {
        "s3:PutObject",
        "s3:AbortMultipartUpload",
    }
    assert ("kms:Decrypt", "k") in allowed(policies.session(make(encryption={"key_arn": "k"}, **elsewhere)))


@pytest.mark.parametrize("purpose", ["append", "setup-check"])
def test_the_session_policy_carries_no_condition_on_s3(purpose: Any) -> None:
    """Some stores deny everything under `s3:if-none-match`; the bucket guard is the customer's."""
    for statement in policies.session(make(), purpose=purpose)["Statement"]:
        assert "Condition" not in statement or "s3:" not in json.dumps(statement["Condition"])


def test_a_session_policy_within_the_longest_ascii_prefix_fits() -> None:
    """512 bytes of prefix leave room below STS's 2,048 characters; what STS counts, it can also spell."""
    text = policies.compact(policies.session(make(prefix="p" * 512, bucket="b" * 63), purpose="setup-check"))
    assert len(text) <= policies.MAX_SESSION_POLICY
    assert text.isascii()


def test_a_session_policy_too_long_is_refused_here() -> None:
    """STS would say it at the first append, in its own words."""
    with pytest.raises(ConfigError) as caught:
        policies.session(make(prefix="ä" * 250), purpose="setup-check")  # six characters each, twice
    assert caught.value.code == "session_policy_too_long"
    assert "six characters for each that is not ASCII" in caught.value.remedy


def test_an_aws_principal_is_trusted_with_the_external_id() -> None:
    """The condition keeps the vendor's other customers out."""
    assert policies.trust(make(), VENDOR)["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": VENDOR.arn},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "acme-7f3c"}},
        }
    ]


def test_without_an_external_id_there_is_no_condition() -> None:
    """Said outright in the config, it is left out, not compared with nothing."""
    (statement,) = policies.trust(make(auth={**ROLE, "external_id": None}), VENDOR)["Statement"]
    assert "Condition" not in statement


def test_google_is_trusted_by_subject_and_audience() -> None:
    """`:oaud` is the token's audience; `:aud` would be the service account once more."""
    vendor = GoogleServiceAccount(subject="104029292853099978293", audience="acme")
    assert policies.trust(make(), vendor)["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": "accounts.google.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    "accounts.google.com:sub": "104029292853099978293",
                    "accounts.google.com:oaud": "acme",
                }
            },
        }
    ]


@pytest.mark.parametrize("partition", REGIONS)
def test_other_providers_are_in_the_customers_account(partition: str) -> None:
    """The provider's ARN has the role's account and partition, and the claims the issuer's name."""
    config = make(region=REGIONS[partition], auth={**ROLE, "role_arn": f"arn:{partition}:iam::111122223333:role/r"})
    vendor = OidcSubject(issuer="https://oidc.example.com/id/1", subject="system:x", audience="acme")
    (statement,) = policies.trust(config, vendor)["Statement"]
    assert statement["Principal"] == {
        "Federated": f"arn:{partition}:iam::111122223333:oidc-provider/oidc.example.com/id/1"
    }
    assert statement["Condition"] == {
        "StringEquals": {"oidc.example.com/id/1:sub": "system:x", "oidc.example.com/id/1:aud": "acme"}
    }


def test_a_trust_policy_needs_a_role() -> None:
    """Keys of a user are not assumed."""
    with pytest.raises(ConfigError, match="belongs to a role"):
        policies.trust(make(auth=KEYS), VENDOR)


@pytest.mark.parametrize("vendor", [None, VENDOR.arn, {"arn": VENDOR.arn}])
def test_a_vendor_that_is_no_identity_is_refused(vendor: Any) -> None:
    """By a sentence that names the three kinds."""
    with pytest.raises(ConfigError, match="AwsPrincipal, a GoogleServiceAccount or an OidcSubject") as caught:
        policies.trust(make(), vendor)
    assert caught.value.code == "vendor"


def test_aws_takes_no_issuer_without_tls() -> None:
    """IAM makes no provider for one; other stores do."""
    vendor = OidcSubject(issuer="http://127.0.0.1:8080", subject="system:x", audience="acme")
    with pytest.raises(ConfigError) as caught:
        policies.trust(make(), vendor)
    assert caught.value.code == "issuer"
    assert policies.trust(make(endpoint_url="http://127.0.0.1:9000"), vendor)


def with_vendor(config: Any) -> object:
    """Make a trust policy for the usual vendor."""
    return policies.trust(config, VENDOR)


def test_no_role_is_assumed_from_another_partition() -> None:
    """AWS would refuse it with a message that names neither."""
    config = make(region="cn-north-1", auth={**ROLE, "role_arn": "arn:aws-cn:iam::111122223333:role/r"})
    with pytest.raises(ConfigError) as caught:
        policies.trust(config, VENDOR)
    assert caught.value.code == "partition"
    assert policies.trust(config, AwsPrincipal(arn="arn:aws-cn:iam::444455556666:root"))


@pytest.mark.parametrize(
    "make_one", [policies.permission, policies.session, policies.bucket_guard, policies.kms_key_statement, with_vendor]
)
def test_a_policy_is_for_a_config(make_one: Callable[[Any], object]) -> None:
    """And not for what one is loaded from."""
    with pytest.raises(ConfigError, match="for a DestinationConfig, not a dict") as caught:
        make_one({"bucket": "acme-lake"})
    assert caught.value.code == "config"


def test_the_bucket_guard_refuses_whole_objects_without_the_condition() -> None:
    """Parts of a multipart upload carry no such header and are exempt; everybody is meant."""
    assert policies.bucket_guard(make(prefix="a"))["Statement"] == [
        {
            "Sid": "AppendOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::acme-lake/a/*",
            "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        }
    ]


def test_a_keys_own_policy_names_the_role() -> None:
    """In a key's policy the resource is the key itself."""
    config = make(encryption={"key_arn": KEY_ARN})
    assert policies.kms_key_statement(config) == {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE["role_arn"]},
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
        "Condition": VIA_S3,
    }
    for other in (make(), make(auth=KEYS, encryption={"key_arn": KEY_ARN})):
        with pytest.raises(ConfigError):
            policies.kms_key_statement(other)


@pytest.mark.parametrize("partition", REGIONS)
def test_every_arn_carries_the_partition(partition: str) -> None:
    """Customers in GovCloud, China or the European cloud paste what works there."""
    region = REGIONS[partition]
    config = make(
        region=region,
        auth={**ROLE, "role_arn": f"arn:{partition}:iam::111122223333:role/r"},
        encryption={"key_arn": f"arn:{partition}:kms:{region}:111122223333:key/k"},
    )
    vendor = AwsPrincipal(arn=f"arn:{partition}:iam::444455556666:root")
    documents = [
        policies.permission(config),
        policies.trust(config, vendor),
        policies.session(config, purpose="setup-check"),
        policies.bucket_guard(config),
        policies.kms_key_statement(config),
    ]
    text = json.dumps(documents)
    assert text.count('"arn:') == text.count(f'"arn:{partition}:')
    suffix = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(partition, "amazonaws.com")
    assert f'"s3.{region}.{suffix}"' in text


@given(prefix=st.text(max_size=40), table=st.text("abc/.% *?$äé", min_size=1, max_size=10))
def test_every_key_is_under_every_resource(prefix: str, table: str) -> None:
    """Keys and policies share one prefix: what is granted is what is written, and no more."""
    try:
        config = make(prefix=prefix)
        layout = plan(config.key_prefix, table, transfer_id="../../x", transfer_date=date(2026, 11, 23), writer_id=0)
    except (ValidationError, ConfigError):
        return
    keys = [
        layout.data_key(writer_id=0, number=0, digest="0" * 64, extension="jsonl.gz"),
        layout.manifest_key,
        probe_key(config.key_prefix),
    ]
    granted = f"arn:aws:s3:::acme-lake/{config.key_prefix}"
    for policy in (policies.permission(config), policies.session(config), policies.bucket_guard(config)):
        resource = policy["Statement"][0]["Resource"]
        assert resource == f"{granted}*"
        assert all(f"arn:aws:s3:::acme-lake/{key}".startswith(granted) for key in keys)
        assert not {"*", "?"} & set(granted)


def test_documents_are_plain_json_and_never_shared() -> None:
    """Whoever changes one changes no other."""
    config = make()
    first = policies.permission(config)
    first["Statement"][0]["Resource"] = "*"
    assert policies.permission(config)["Statement"][0]["Resource"] == "arn:aws:s3:::acme-lake/*"
    assert json.loads(policies.compact(first)) == first
