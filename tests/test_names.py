"""AWS's rules for names, against botocore's partition data and the user guides."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3dest.names import (
    MAX_PREFIX_BYTES,
    RoleArn,
    check_aws_region,
    check_bucket,
    check_endpoint,
    check_without_bucket,
    is_aws_host,
    normalise_prefix,
    parse_role_arn,
    partition_of,
    session_name,
    split_bucket,
)

PARTITIONS = json.loads(Path(botocore.__file__).with_name("data").joinpath("partitions.json").read_text())["partitions"]
REGIONS = [
    (region, partition["id"], partition["outputs"]["dnsSuffix"])
    for partition in PARTITIONS
    for region in partition["regions"]
    if not region.endswith("-global")
]
HOSTS = sorted({partition["outputs"][kind] for partition in PARTITIONS for kind in ("dnsSuffix", "dualStackDnsSuffix")})


@pytest.mark.parametrize(("region", "name", "suffix"), REGIONS)
def test_regions_are_in_botocores_partitions(region: str, name: str, suffix: str) -> None:
    """Every region that botocore knows is accepted, in the partition and with the DNS suffix that it says."""
    check_aws_region(region)
    partition = partition_of(region)
    assert partition
    assert (partition.name, partition.dns_suffix) == (name, suffix)


def test_regions_younger_than_this_library_pass() -> None:
    """A region of tomorrow has the form of one."""
    for region, name in (("eu-west-9", "aws"), ("eusc-fr-west-1", "aws-eusc"), ("cn-south-1", "aws-cn")):
        partition = partition_of(region)
        assert partition
        assert partition.name == name


@pytest.mark.parametrize(
    "region",
    ["", "eu west 1", "EU-WEST-1", "Ireland", "aws-global", "eu-west-1 ", "eu-west-\u0661", "us-west-2-lax-1a"],
)
def test_what_is_no_region_is_refused(region: str) -> None:
    """A console's display name, upper case or a pseudo region is no region code."""
    with pytest.raises(ValueError, match="must be a region code"):
        check_aws_region(region)


@pytest.mark.parametrize(
    ("zone", "region"),
    [("eu-west-1a", "eu-west-1"), ("us-gov-west-1b", "us-gov-west-1"), ("eusc-de-east-1c", "eusc-de-east-1")],
)
def test_an_availability_zone_is_told_its_region(zone: str, region: str) -> None:
    """The frequent slip gets its answer."""
    with pytest.raises(ValueError, match=f"availability zone; its region is '{region}'"):
        check_aws_region(zone)


@pytest.mark.parametrize("suffix", HOSTS)
def test_endpoints_in_botocores_suffixes_are_aws(suffix: str) -> None:
    """In every partition; a look-alike domain is not."""
    assert is_aws_host(f"https://s3.dualstack.some-region-1.{suffix}")
    assert is_aws_host(f"https://S3.{suffix.upper()}:443/x")
    assert not is_aws_host(f"https://s3.evil-{suffix}")
    assert not is_aws_host(f"https://s3.{suffix}.example.com")


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "s3-eu-west-1.amazonaws.com",
        "s3.us-gov-west-1.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
        "s3.eusc-de-east-1.amazonaws.eu",
        "s3.us-iso-east-1.c2s.ic.gov",
        "s3.us-isob-east-1.sc2s.sgov.gov",
        "s3.dualstack.eu-west-1.amazonaws.com",
        "s3-fips.us-east-1.amazonaws.com",
        "s3-fips-us-gov-west-1.amazonaws.com",
        "s3-fips.dualstack.ca-west-1.amazonaws.com",
        "s3-external-1.amazonaws.com",
        "s3-accelerate.amazonaws.com",
        "acme-lake.s3-accelerate.dualstack.amazonaws.com",
        "acme.lake.s3.eu-west-1.amazonaws.com",
        "acme-lake.s3.amazonaws.com",
        "acme-lake.s3-website-eu-west-1.amazonaws.com",
        "acme-lake.s3-website.eu-central-1.amazonaws.com",
        "ap-111122223333.s3-accesspoint.eu-west-1.amazonaws.com",
        "ap-111122223333.s3-accesspoint-fips.dualstack.us-east-1.amazonaws.com",
        "mfzwi23gnjvgw.accesspoint.s3-global.amazonaws.com",
        "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
        "bucket.vpce-1a2b3c4d-5e6f-us-east-1a.s3.us-east-1.vpce.amazonaws.com",
        "accesspoint.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
        "acme-lake.bucket.vpce-1a2b3c4d-5e6f.s3.cn-north-1.vpce.amazonaws.com.cn",
    ],
)
def test_every_form_of_s3s_own_hosts_is_aws(host: str) -> None:
    """As the general reference, the user guide and botocore's rules name them."""
    assert is_aws_host(f"https://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "ec2-203-0-113-25.eu-west-1.compute.amazonaws.com",
        "ec2-203-0-113-25.compute-1.amazonaws.com",
        "a1b2c3.execute-api.eu-west-1.amazonaws.com",
        "s3-1234567890.eu-west-1.elb.amazonaws.com",
        "s3-1a2b3c4d5e6f.elb.eu-west-1.amazonaws.com",
        "internal-s3-1234567890.eu-west-1.elb.amazonaws.com",
        "s3.a1b2c3.eu-west-1.cs.amazonaws.com",
        "vpce-1a2b-5e6f.vpce-svc-0a1b2c.us-east-1.vpce.amazonaws.com",
        "bucket.vpce-1a2b-5e6f.vpce-svc-0a1b2c.us-east-1.vpce.amazonaws.com",
        "sts.eu-west-1.amazonaws.com",
        "s3-minio.eu-west-1.amazonaws.com",
        "acme.op-01a2b3.s3-outposts.eu-west-1.amazonaws.com",
        "amazonaws.com",
        "s3amazonaws.com",
    ],
)
def test_what_customers_run_in_awss_domains_is_another_store(host: str) -> None:
    """A MinIO on EC2, or behind a load balancer called s3, keeps none of S3's promises by its name."""
    assert not is_aws_host(f"http://{host}:9000")


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("acme-lake", "acme-lake", ""),
        ("acme-lake/a/b", "acme-lake", "a/b"),
        ("s3://acme-lake", "acme-lake", ""),
        ("S3://acme-lake/a/b/", "acme-lake", "a/b/"),
        ("arn:aws:s3:::acme-lake", "acme-lake", ""),
        ("arn:aws-cn:s3:::acme-lake/a/*", "acme-lake", "a/"),
        ("arn:aws-us-gov:s3:::acme-lake/*", "acme-lake", ""),
    ],
)
def test_buckets_are_taken_apart(text: str, bucket: str, prefix: str) -> None:
    """What people paste from the console or a policy is understood."""
    assert split_bucket(text) == (bucket, prefix)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://acme-lake.s3.amazonaws.com/a", "not a web address"),
        ("s3a://acme-lake/a", "not a web address"),
        ("arn:aws:iam::111122223333:role/x", "not that of an S3 bucket"),
        ("arn:aws:s3", "not that of an S3 bucket"),
        ("arn:aws:s3express:eu-west-1:111122223333:bucket/x--x-s3", "directory bucket"),
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/x", "access point"),
        ("s3://user:secret@acme-lake/a", "user name and password"),
    ],
)
def test_what_is_no_bucket_is_named(text: str, sentence: str) -> None:
    """Each other thing that is pasted gets its own sentence, without the text itself."""
    with pytest.raises(ValueError, match=sentence) as caught:
        split_bucket(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["abc", "acme-lake", "a.b-c.1", "1" * 63, "acme-lake-111122223333-eu-west-1-an"])
def test_bucket_names_within_the_rules_pass(bucket: str) -> None:
    """The rules of general purpose buckets, account-regional names included."""
    check_bucket(bucket, aws=True)


@pytest.mark.parametrize(
    ("bucket", "sentence"),
    [
        ("ab", "3 to 63"),
        ("a" * 64, "3 to 63"),
        ("Acme", "lower-case"),
        ("acme_lake", "lower-case"),
        ("-acme", "begin and end"),
        ("acme.", "begin and end"),
        ("a..b", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--acme", "'xn--'"),
        ("sthree-acme", "'sthree-'"),
        ("amzn-s3-demo-bucket", "'amzn-s3-demo-'"),
        ("acme-x-s3alias", "'-s3alias'"),
        ("acme--ol-s3", "'--ol-s3'"),
        ("acme.mrap", "'.mrap'"),
        ("acme--table-s3", "'--table-s3'"),
        ("acme--euw1-az1--x-s3", "directory bucket"),
        ("acme.s3.eu-west-1.amazonaws.com", "web address"),
        ("s3.amazonaws.com", "web address"),
        ("acme\n", "lower-case"),
    ],
)
def test_bucket_names_against_the_rules_are_refused(bucket: str, sentence: str) -> None:
    """The sentence names the rule that is broken."""
    with pytest.raises(ValueError, match=sentence):
        check_bucket(bucket, aws=True)


def test_other_stores_have_looser_rules() -> None:
    """Ceph and MinIO allow what AWS forbids, within what botocore sends; directory buckets exist nowhere else."""
    check_bucket("Acme_Lake", aws=False)
    check_bucket("a", aws=False)
    for bucket in ("", "a b", "ä", "a/b", "x--x-s3"):
        with pytest.raises(ValueError, match=r"must be 1 to 255|directory bucket"):
            check_bucket(bucket, aws=False)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://s3.example.com/", "https://s3.example.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000/base/", "http://[::1]:9000/base"),
        ("HTTPS://s3.example.com", "https://s3.example.com"),
        ("http://minio:9000", "http://minio:9000"),
        ("https://xn--tda.example.", "https://xn--tda.example."),
    ],
)
def test_endpoints_are_accepted(url: str, normal: str) -> None:
    """Hosts, addresses, ports and a base path; a slash at the end is dropped."""
    assert check_endpoint(url) == normal


@pytest.mark.parametrize(
    "url",
    [
        "s3.example.com/s3kr1t",
        "ftp://h/s3kr1t",
        "https://",
        "https:///s3kr1t",
        "https://h:s3kr1t",
        "https://h:0/s3kr1t",
        "https://h:99999/s3kr1t",
        "https://[s3kr1t",
        "https://a b/s3kr1t",
        "https://user:s3kr1t@h",
        "https://s3kr1t@h",
        "https://h/?X-Amz-Signature=s3kr1t",
        "https://h/#s3kr1t",
        "http://s3kr1t_minio:9000",
        "http://s3kr1t..example",
        "http://-s3kr1t-",
        "http://s3kr1tü.example",
        "http://h<s3kr1t>",
        "http://h\\s3kr1t",
        "http://h/\x07s3kr1t",
        f"http://s3kr1t{'a' * 60}.example",
    ],
)
def test_what_is_no_endpoint_is_refused_unquoted(url: str) -> None:
    """The sentence says what is wrong, never repeating a URL that may carry a secret."""
    with pytest.raises(ValueError, match=r"^(must (be a URL|not carry|name a host)|names a host)") as caught:
        check_endpoint(url)
    assert "s3kr1t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("https://acme-lake.s3.eu-west-1.amazonaws.com", "acme-lake"),
        ("https://ACME-lake.s3-eu-west-1.amazonaws.com", "acme-lake"),
        ("https://acme.lake.s3.dualstack.eu-west-1.amazonaws.com", "acme.lake"),
        ("https://acme-lake.s3-accelerate.amazonaws.com", "acme-lake"),
        ("https://acme-lake.s3.cn-north-1.amazonaws.com.cn", "acme-lake"),
        ("https://acme-lake.bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", "acme-lake"),
        ("https://s3.eu-west-1.amazonaws.com/acme-lake", "acme-lake"),
        ("https://s3.eu-west-1.amazonaws.com/acme-lake/vendor", "acme-lake"),
        ("https://acme-lake.nyc3.digitaloceanspaces.com", "acme-lake"),
        ("https://acme-lake.storage.googleapis.com", "acme-lake"),
        ("https://acme-lake.s3.us-west-000.backblazeb2.com", "acme-lake"),
        ("https://acme-lake.oss-eu-central-1.aliyuncs.com", "acme-lake"),
        (f"https://acme-lake.{'0a' * 16}.eu.r2.cloudflarestorage.com", "acme-lake"),
        ("http://127.0.0.1:9000/acme-lake", "acme-lake"),
        ("https://gateway.example.com/s3/Lake", "Lake"),
    ],
)
def test_an_endpoint_that_holds_the_bucket_is_refused(url: str, bucket: str) -> None:
    """As consoles show it for copying; the bucket would stand in front of every key, and no manifest would tell."""
    with pytest.raises(ValueError, match="without the bucket"):
        check_without_bucket(url, bucket)


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "acme-lake"),
        ("https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com", "bucket"),
        ("https://s3-fips.dualstack.us-east-1.amazonaws.com", "s3-fips"),
        ("https://minio.example.com", "minio"),
        ("http://lake.s3.svc.cluster.local:9000", "lake"),
        ("https://storage.googleapis.com", "storage"),
        ("https://nyc3.digitaloceanspaces.com", "nyc3"),
        ("https://lakehouse.storage.googleapis.com", "lake"),
        ("https://ref.supabase.co/storage/v1/s3", "s3"),
        ("https://gateway.example.com/lakehouse", "lake"),
        ("https://gateway.example.com/lake/s3", "lake"),
    ],
)
def test_an_endpoint_may_have_a_word_in_common_with_the_bucket(url: str, bucket: str) -> None:
    """A bucket named like its store's host, or a part of it."""
    check_without_bucket(url, bucket)


@pytest.mark.parametrize(
    ("prefix", "normal"),
    [
        ("", ""),
        ("/", ""),
        (" / ", ""),
        ("a/b", "a/b"),
        ("/a/b/", "a/b"),
        ("/ a /", "a"),
        ("a b/c", "a b/c"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_prefixes_are_normalised(prefix: str, normal: str) -> None:
    """No slash or space at the ends, NFC inside."""
    assert normalise_prefix(prefix) == normal


@pytest.mark.parametrize(
    "prefix",
    ["a//b", "a/../b", "..", ".", "./a", "a*", "a?b", "${aws:username}", "a\\b", "a\nb", "a\x7fb", "\ud800", "é" * 257]
    + [f"a{char}b" for char in "\u2028\u2029\u202e\u2066\u200f\u061c"],
)
def test_prefixes_that_policies_or_tools_misread_are_refused(prefix: str) -> None:
    """Wildcards, dot folders, nameless folders, control characters and half keys of length."""
    with pytest.raises(ValueError, match=r"^must "):
        normalise_prefix(prefix)


@pytest.mark.parametrize("address", ["s3://acme-lake/vendor", "arn:aws:s3:::acme-lake/vendor"])
def test_an_address_is_no_prefix(address: str) -> None:
    """It is understood where it belongs."""
    with pytest.raises(ValueError, match="can be given as the bucket"):
        normalise_prefix(address)


@given(st.text())
def test_normalising_a_prefix_twice_changes_nothing(text: str) -> None:
    """Dumped and loaded again, a config keeps its keys; and the form keeps its promises."""
    try:
        once = normalise_prefix(text)
    except ValueError:
        return
    assert normalise_prefix(once) == once == once.strip().strip("/")
    assert "//" not in once
    assert len(once.encode()) <= MAX_PREFIX_BYTES


@pytest.mark.parametrize("partition", [partition["id"] for partition in PARTITIONS])
def test_role_arns_of_every_partition_are_taken_apart(partition: str) -> None:
    """Each partition that botocore knows, with and without a path."""
    assert parse_role_arn(f"arn:{partition}:iam::111122223333:role/transfer-role") == RoleArn(
        partition, "111122223333", "transfer-role"
    )
    assert parse_role_arn(f"arn:{partition}:iam::111122223333:role/a/b/c+=,.@-_").name == "a/b/c+=,.@-_"


@pytest.mark.parametrize("account", ["", "RGW12345678901234567"])
def test_accounts_of_other_stores_parse(account: str) -> None:
    """Ceph writes RGW and 17 digits, or nothing; config.py asks for 12 digits on AWS."""
    assert parse_role_arn(f"arn:aws:iam::{account}:role/r").account == account


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        ("transfer-role", "must be the ARN of an IAM role"),
        ("arn:aws:iam::111122223333:role/data transfer", "without white space in it"),
        ("arn:aws:sts::111122223333:assumed-role/r/s", "ARN of a session"),
        ("arn:aws:iam::111122223333:instance-profile/r", "instance profile"),
        ("arn:aws:iam::111122223333:user/u", "access_key_id and secret_access_key instead"),
        ("arn:aws:iam::111122223333:root", "whole account"),
        ("arn:aws:iam::111122223333:role/", "must be the ARN"),
        ("arn:aws:iam::111122223333:role/" + "r" * 65, "must be the ARN"),
        ("arn:aws:iam::111122223333:role/*", "must be the ARN"),
        ("arn:azure:iam::111122223333:role/r", "must be the ARN"),
        ("arn:aws:iam::111122223333:role/r\n", "must be the ARN"),
    ],
)
def test_other_arns_are_told_apart(arn: str, hint: str) -> None:
    """Whoever pasted another ARN learns which one it is."""
    with pytest.raises(ValueError, match=hint):
        parse_role_arn(arn)


def test_a_session_name_fits_sts() -> None:
    """Whatever a store calls its buckets: 64 characters, none but STS's."""
    assert session_name("acme-lake") == "s3dest-acme-lake"
    assert session_name("acme:lake/é") == "s3dest-acme-lake--"
    assert len(session_name("x" * 255)) == 64
