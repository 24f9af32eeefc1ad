"""The configuration: from plain JSON to one frozen value, with errors at the exact field."""

from __future__ import annotations

import json
import pickle
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from s3dest.auth import HmacAuth, RoleAuth
from s3dest.config import STORAGE_CLASSES, DestinationConfig
from s3dest.encryption import SseKms

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
ELSEWHERE = {"endpoint_url": "http://127.0.0.1:9000"}


def make(**changes: Any) -> DestinationConfig:
    """Load a config from plain values."""
    return DestinationConfig.model_validate({"bucket": "acme-lake", "region": "eu-west-1", "auth": ROLE, **changes})


def problems(**changes: Any) -> dict[str, str]:
    """Tell which fields are refused, and with what words."""
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    return {".".join(map(str, line["loc"])): line["msg"] for line in caught.value.errors()}


def test_three_values_are_enough() -> None:
    """Bucket, region and role are all that a customer hands over."""
    config = DestinationConfig.model_validate_json(
        json.dumps({"bucket": "acme-lake", "region": "eu-west-1", "auth": {**ROLE, "external_id": None}})
    )
    assert isinstance(config.auth, RoleAuth)
    assert (config.prefix, config.key_prefix, config.uri) == ("", "", "s3://acme-lake/")
    assert config.on_aws


@pytest.mark.parametrize("auth", [ROLE, KEYS], ids=["role", "keys"])
def test_a_config_survives_its_dump(auth: dict[str, str]) -> None:
    """What is stored loads back the same, and pickles for a worker."""
    config = make(auth=auth, prefix="a/b", storage_class="STANDARD_IA", encryption={"type": "sse-s3"})
    assert DestinationConfig.model_validate(json.loads(json.dumps(config.dump_with_secrets()))) == config
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301  # made here


def test_a_config_built_in_python_equals_one_loaded() -> None:
    """Objects and plain values mean the same."""
    config = DestinationConfig(
        bucket="acme-lake", region="eu-west-1", auth=RoleAuth(role_arn=ROLE["role_arn"], external_id="acme-7f3c")
    )
    assert config == make()
    assert hash(config) == hash(make())


@pytest.mark.parametrize("bucket", ["s3://acme-lake/a/b/", "arn:aws:s3:::acme-lake/a/b/*", "acme-lake/a/b"])
def test_a_pasted_bucket_brings_its_prefix(bucket: str) -> None:
    """What the console copies is understood, and moved into the right fields."""
    for prefix in ({}, {"prefix": ""}, {"prefix": "/a/b"}):
        config = make(bucket=bucket, **prefix)
        assert (config.bucket, config.prefix, config.key_prefix) == ("acme-lake", "a/b", "a/b/")


def test_a_pasted_prefix_is_compared_in_its_normal_form() -> None:
    """A form that composes accents and one that does not mean the same folder."""
    assert make(bucket="s3://acme-lake/cafe\u0301", prefix="caf\u00e9/").prefix == "caf\u00e9"


def test_a_pasted_prefix_must_not_contradict_the_other() -> None:
    """Which of the two should win is not ours to guess."""
    assert problems(bucket="s3://acme-lake/a", prefix="b") == {
        "prefix": "contradicts the pasted bucket, which ends in the prefix 'a'; give one of the two"
    }
    assert "two slashes" in problems(bucket="s3://acme-lake/a", prefix="b//c")["prefix"]


@pytest.mark.parametrize("prefix", ["/ a", "a /", " a/b ", "/a/"])
def test_a_prefix_survives_its_dump(prefix: str) -> None:
    """Keys would change between two runs otherwise."""
    config = make(prefix=prefix)
    assert DestinationConfig.model_validate_json(config.model_dump_json()).key_prefix == config.key_prefix


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"bucket": "Acme"}, "bucket", "lower-case"),
        ({"bucket": "s3://a b/x"}, "bucket", "lower-case"),
        ({"bucket": "acme--euw1-az1--x-s3"}, "bucket", "directory bucket"),
        ({"bucket": "https://acme.s3.amazonaws.com"}, "bucket", "not a web address"),
        ({"bucket": "arn:aws-cn:s3:::acme-lake"}, "region", "of another"),
        ({"bucket": "s3://acme-lake/a/../b"}, "bucket", "'..'"),
        ({"bucket": 7}, "bucket", "valid string"),
        ({"region": "eu-west-1a"}, "region", "its region is 'eu-west-1'"),
        ({"region": "Ireland"}, "region", "region code"),
        ({"prefix": "a*"}, "prefix", "IAM policy"),
        ({"auth": {}}, "auth", "needs either"),
        ({"auth": {"role_arn": ROLE["role_arn"]}}, "auth.external_id", "required"),
        ({"auth": {**ROLE, "role_arn": "r"}}, "auth.role_arn", "ARN of an IAM role"),
        ({"auth": {**ROLE, "role_arn": "arn:aws:iam::RGW12345678901234567:role/r"}}, "auth.role_arn", "12-digit"),
        ({"auth": {**ROLE, "role_arn": "arn:aws-cn:iam::111122223333:role/r"}}, "auth.role_arn", "'aws-cn'"),
        ({"auth": {**ROLE, "duration": 60}}, "auth.duration", "15 minutes"),
        ({"endpoint_url": "https://u:p@h"}, "endpoint_url", "user name and password"),
        ({"endpoint_url": "https://acme-lake.s3.eu-west-1.amazonaws.com"}, "endpoint_url", "leave it out"),
        ({"endpoint_url": "http://127.0.0.1:9000/acme-lake"}, "endpoint_url", "without the bucket"),
        ({"sts_endpoint_url": "sts.example.com"}, "sts_endpoint_url", "must be a URL"),
        ({"addressing_style": "host"}, "addressing_style", "'auto', 'virtual' or 'path'"),
        ({"expected_bucket_owner": "acme"}, "expected_bucket_owner", "12-digit"),
        ({"encryption": {"type": "sse-c"}}, "encryption", "needs type"),
        ({"encryption": {"type": "sse-kms"}}, "encryption.key_arn", "required"),
        ({"encryption": {"key_arn": "alias/acme"}}, "encryption.key_arn", "ARN of a KMS key"),
        ({"encryption": {"key_arn": "arn:aws:kms:eu-west-2:111122223333:key/k"}}, "encryption.key_arn", "'eu-west-2'"),
        ({"storage_class": "COLD"}, "storage_class", "STANDARD_IA"),
        ({"buket": "acme"}, "buket", "not permitted"),
    ],
)
def test_errors_name_the_exact_field(changes: dict[str, Any], field: str, words: str) -> None:
    """One field, one sentence: what a form shows beside its input."""
    found = problems(**changes)
    assert list(found) == [field]
    assert words in found[field]


def test_all_contradictions_come_at_once() -> None:
    """A customer corrects a form once, not five times."""
    assert set(problems(bucket="Acme", region="Ireland", storage_class="COLD")) == {"bucket", "region", "storage_class"}


def test_the_owner_defaults_to_the_roles_account() -> None:
    """A bucket deleted and taken over by others gets no data."""
    assert make().expected_bucket_owner == "111122223333"
    assert make(expected_bucket_owner=None).expected_bucket_owner is None
    assert make(expected_bucket_owner="444455556666").expected_bucket_owner == "444455556666"
    assert make(auth=KEYS).expected_bucket_owner is None
    assert make(**ELSEWHERE).expected_bucket_owner is None


def test_a_dump_says_the_owner_outright() -> None:
    """What is stored does what it says, also for a reader in another language."""
    assert json.loads(make().model_dump_json())["expected_bucket_owner"] == "111122223333"
    off = make(expected_bucket_owner=None)
    assert DestinationConfig.model_validate_json(off.model_dump_json()).expected_bucket_owner is None


def test_a_changed_copy_is_validated_and_defaults_follow() -> None:
    """The default owner belongs to the role that is in the copy, and a wrong change is refused."""
    other = make().model_copy(update={"auth": {**ROLE, "role_arn": "arn:aws:iam::444455556666:role/r"}})
    assert other.expected_bucket_owner == "444455556666"
    with pytest.raises(ValidationError):
        make().model_copy(update={"region": "Ireland"})


@pytest.mark.parametrize(
    ("changes", "partition", "suffix"),
    [
        ({}, "aws", "amazonaws.com"),
        ({"region": "us-gov-west-1"}, "aws-us-gov", "amazonaws.com"),
        ({"region": "cn-north-1"}, "aws-cn", "amazonaws.com.cn"),
        ({"region": "eusc-de-east-1"}, "aws-eusc", "amazonaws.eu"),
        (
            {"region": "cn-north-1", "endpoint_url": "https://s3.cn-north-1.amazonaws.com.cn"},
            "aws-cn",
            "amazonaws.com.cn",
        ),
        ({"region": "main", **ELSEWHERE}, "aws", "amazonaws.com"),
    ],
)
def test_the_partition_follows_the_region(changes: dict[str, str], partition: str, suffix: str) -> None:
    """Customers in GovCloud, China or the European cloud get no policy that says arn:aws."""
    config = make(auth=KEYS, **changes)
    assert (config.partition.name, config.partition.dns_suffix) == (partition, suffix)
    role = {**ROLE, "role_arn": f"arn:{partition}:iam::111122223333:role/r"}
    assert make(auth=role, **changes).partition.name == partition


@pytest.mark.parametrize("account", ["", "RGW12345678901234567"])
def test_other_stores_have_other_accounts_regions_and_names(account: str) -> None:
    """With an endpoint of its own a store may do what AWS does not."""
    config = make(
        bucket="Acme_Lake",
        region="default",
        auth={"role_arn": f"arn:aws:iam::{account}:role/r", "external_id": None, "duration": 30},
        storage_class="COLD",
        encryption={"key_arn": "my-key"},
        expected_bucket_owner="acme$user",
        **ELSEWHERE,
    )
    assert not config.on_aws
    assert isinstance(config.encryption, SseKms)
    assert set(problems(region="no region", **ELSEWHERE)) == {"region"}


def test_an_endpoint_of_aws_keeps_its_rules() -> None:
    """A VPC endpoint is AWS all the same."""
    endpoint = "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com"
    assert make(endpoint_url=endpoint).expected_bucket_owner == "111122223333"
    assert set(problems(bucket="Acme", endpoint_url=endpoint)) == {"bucket"}


def test_a_store_of_somebodys_in_awss_domain_promises_nothing() -> None:
    """What it enforces is found out by a check."""
    config = make(endpoint_url="http://ec2-203-0-113-25.eu-west-1.compute.amazonaws.com:9000")
    assert not config.on_aws
    assert not config.enforces("conditional_put")


def test_short_sessions_are_left_to_a_custom_sts() -> None:
    """Test servers give sessions below STS's 15 minutes."""
    assert make(auth={**ROLE, "duration": 60}, sts_endpoint_url="http://127.0.0.1:5000").on_aws


@pytest.mark.parametrize("name", STORAGE_CLASSES)
def test_storage_classes_of_s3_pass(name: str) -> None:
    """All classes of general purpose buckets."""
    assert make(storage_class=name).storage_class == name


def test_a_config_is_frozen_and_shows_what_was_set() -> None:
    """Its repr is short, and masks the secret."""
    config = make(auth=KEYS, prefix="a")
    assert repr(config) == (
        "DestinationConfig(bucket='acme-lake', region='eu-west-1', prefix='a', auth=HmacAuth("
        "access_key_id='AKIAIOSFODNN7EXAMPLE', secret_access_key=SecretStr('**********')))"
    )
    with pytest.raises(ValidationError, match="frozen"):
        config.region = "eu-west-2"  # type: ignore[misc]  # the point


def test_dumping_with_secrets_is_for_a_vault() -> None:
    """The one way to write the secret out, by its name."""
    dumped = make(auth=KEYS).dump_with_secrets()
    assert dumped["auth"]["secret_access_key"] == KEYS["secret_access_key"]
    loaded = DestinationConfig.model_validate(dumped)
    assert isinstance(loaded.auth, HmacAuth)
    assert "secret_access_key" not in make().dump_with_secrets()["auth"]


def test_the_json_schema_draws_a_form() -> None:
    """Every field has its help text, the secret is a password, the required ones are said."""
    schema = DestinationConfig.model_json_schema()
    definitions = schema["$defs"]
    for model in (schema, *definitions.values()):
        for name, field in model["properties"].items():
            assert len(field.get("description", "")) > 10, name
    assert definitions["HmacAuth"]["properties"]["secret_access_key"]["format"] == "password"
    assert schema["required"] == ["bucket", "region", "auth"]
    assert definitions["RoleAuth"]["required"] == ["role_arn", "external_id"]


def test_a_form_that_fills_in_the_schemas_defaults_changes_nothing() -> None:
    """Whose ``null`` would turn the check of the owner off; a config that does so says it, stored as it is dumped."""
    properties = DestinationConfig.model_json_schema()["properties"]
    filled_in = {name: field["default"] for name, field in properties.items() if "default" in field}
    assert make(**filled_in) == make()
    off = make(expected_bucket_owner=None)
    assert DestinationConfig.model_validate_json(off.model_dump_json()).expected_bucket_owner is None


@pytest.mark.parametrize("duration", ["PT30M", 1800, 1800.0])
def test_the_json_schema_takes_the_durations_that_the_model_takes(duration: object) -> None:
    """Text or seconds."""
    config = make(auth={**ROLE, "duration": duration})
    assert isinstance(config.auth, RoleAuth)
    assert config.auth.duration == timedelta(minutes=30)
    given = {"bucket": "acme-lake", "region": "eu-west-1", "auth": {**ROLE, "duration": duration}}
    jsonschema.validate(given, DestinationConfig.model_json_schema())
