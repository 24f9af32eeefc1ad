"""AWS's rules for names: buckets, prefixes, regions and their partitions, ARNs, hosts.

Pure functions of text. They raise ``ValueError`` with a sentence for the customer; config.py says which field.
Sources: "General purpose bucket naming rules" and "Creating object key names" in the S3 user guide, "IAM
identifiers" in the IAM user guide, ``partitions.json`` of botocore.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MAX_KEY_BYTES: Final = 1024
"""S3's limit on a key in UTF-8."""

MAX_PREFIX_BYTES: Final = 512
"""Leaves half of a key to table, date, transfer id and digest, and keeps policies below STS's 2,048 characters."""

_PARTITIONS: Final = (
    # region pattern, partition, DNS suffix
    (re.compile(r"us-gov-[a-z]+-[0-9]+"), "aws-us-gov", "amazonaws.com"),
    (re.compile(r"cn-[a-z]+-[0-9]+"), "aws-cn", "amazonaws.com.cn"),
    (re.compile(r"eusc-[a-z]+-[a-z]+-[0-9]+"), "aws-eusc", "amazonaws.eu"),
    (re.compile(r"us-iso-[a-z]+-[0-9]+"), "aws-iso", "c2s.ic.gov"),
    (re.compile(r"us-isob-[a-z]+-[0-9]+"), "aws-iso-b", "sc2s.sgov.gov"),
    (re.compile(r"eu-isoe-[a-z]+-[0-9]+"), "aws-iso-e", "cloud.adc-e.uk"),
    (re.compile(r"us-isof-[a-z]+-[0-9]+"), "aws-iso-f", "csp.hci.ic.gov"),
    (re.compile(r"[a-z]{2}-[a-z]+-[0-9]+"), "aws", "amazonaws.com"),
)
_DUAL_STACK_SUFFIXES: Final = (
    "api.aws",
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
    "api.aws.ic.gov",
    "api.aws.scloud",
    "api.cloud-aws.adc-e.uk",
    "api.aws.hci.ic.gov",
)
_AWS_SUFFIXES: Final = (*{f".{suffix}" for _, _, suffix in _PARTITIONS}, *(f".{end}" for end in _DUAL_STACK_SUFFIXES))
_REGION_IN_HOST: Final = r"[a-z]+(?:-[a-z]+)+-[0-9]+"
_S3_HOST: Final = re.compile(
    r"(?:.+\.)?"  # a bucket, an access point
    rf"(?:s3(?:-fips|-accesspoint|-accesspoint-fips|-accelerate|-website)?(?:\.dualstack)?(?:[.-]{_REGION_IN_HOST})?"
    rf"|s3-external-1|accesspoint\.s3-global|vpce-[a-z0-9-]+\.s3(?:-fips)?\.{_REGION_IN_HOST}\.vpce)"
    rf"(?:{'|'.join(map(re.escape, _AWS_SUFFIXES))})"
)
"""Names of S3's own. Others in AWS's domains are customers' machines, load balancers (one called "s3" is
``s3-1234.elb.REGION.amazonaws.com``), or what they offer through endpoints of a VPC (``vpce-svc-…``).

Sources: "Amazon S3 endpoints and quotas" (AWS general reference), "AWS PrivateLink for Amazon S3" (S3 user guide), the
endpoint rules of botocore. Outposts, directory buckets and Object Lambda are other services, with other rules.
"""

_STS_HOST: Final = re.compile(rf"sts(?:-fips)?(?:\.{_REGION_IN_HOST})?(?:{'|'.join(map(re.escape, _AWS_SUFFIXES))})")
"""Without VPC endpoints: their names lead to whoever has the address in the network that asks."""

_AWS_BELOW_BUCKET: Final = re.compile(r"s3[.-]|bucket\.vpce-")  # "bucket" is a word of VPC endpoints, not a name
_STORE_BELOW_BUCKET: Final = re.compile(
    r"s3[.-].*\.(?:backblazeb2\.com|scw\.cloud|wasabisys\.com)|[a-z0-9]+\.digitaloceanspaces\.com|"
    r"storage\.googleapis\.com|oss-[a-z0-9-]+\.aliyuncs\.com|[0-9a-f]{32}\.(?:[a-z]+\.)?r2\.cloudflarestorage\.com"
)
"""Hosts of stores whose consoles show an address with the bucket before them."""

_MOUNTS: Final = frozenset({"s3"})
"""Last parts of paths under which stores have their S3 (Supabase: ``/storage/v1/s3``), whatever a bucket is called."""

_ZONE: Final = re.compile(r"([a-z]{2,4}(?:-[a-z]+)+-[0-9]+)[a-f]")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")
_BUCKET_ELSEWHERE: Final = re.compile(r"[A-Za-z0-9.\-_]{1,255}")  # what botocore lets through
_RESERVED_STARTS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS: Final = ("-s3alias", "--ol-s3", ".mrap", "--table-s3")
_ROLE_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>[A-Za-z0-9]*):role/(?P<name>(?:[\x21-\x7e]+/)?[\w+=,.@-]{1,64})",
    re.ASCII,
)
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_LONGEST_HOST: Final = 253  # RFC 1035: 255 bytes with the length of the first label and of the root
_DIRECTORY_BUCKET: Final = (
    "is a directory bucket (S3 Express One Zone), which s3dest does not support; use a general purpose bucket"
)
_WILD: Final = ("*", "?", "${")
_NOT_IN_SESSION_NAME: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)
_BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENDS: Final = re.compile(r"^[\s/]+|[\s/]+$")


@dataclass(frozen=True, slots=True)
class AwsPartition:
    """One of AWS's separate worlds."""

    name: str
    """As in ARNs: ``aws``, ``aws-us-gov``, ``aws-cn``, ``aws-eusc`` …"""
    dns_suffix: str
    """As in host names: ``amazonaws.com`` …"""


def partition_of(region: str) -> AwsPartition | None:
    """Tell the partition of a region, ``None`` where the text is no AWS region."""
    for pattern, name, suffix in _PARTITIONS:
        if pattern.fullmatch(region):
            return AwsPartition(name, suffix)
    return None


def check_aws_region(region: str) -> None:
    """Refuse what cannot be a region of AWS; regions younger than this library pass."""
    if partition_of(region):
        return
    if zone := _ZONE.fullmatch(region):
        msg = f"{region!r} is an availability zone; its region is {zone[1]!r}"
        raise ValueError(msg)
    msg = "must be a region code such as 'eu-west-1', as the S3 console shows it beside the bucket"
    raise ValueError(msg)


def is_aws_host(url: str) -> bool:
    """Tell whether an endpoint is AWS's own S3 (a VPC, FIPS or dual-stack endpoint, say)."""
    return _S3_HOST.fullmatch(urlsplit(url).hostname or "") is not None


def is_aws_sts(url: str) -> bool:
    """Tell whether an endpoint is AWS's own STS, by a name that AWS alone can serve."""
    return _STS_HOST.fullmatch(urlsplit(url).hostname or "") is not None


def is_clear_text(url: str) -> bool:
    """Tell whether others on the way can read along: http, and not to this very machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "http" and not own


def check_endpoint(url: str) -> str:
    """Refuse what is no plain http(s) URL of a host; never repeats it, since it may carry a password."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        parts, has_port = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not has_port or re.search(r"\s", url):
        msg = "must be a URL such as 'https://s3.example.com' or 'http://127.0.0.1:9000'"
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "must not carry user name and password: they belong into auth, and URLs end up in logs"
        raise ValueError(msg)
    if parts.query or parts.fragment:
        msg = "must not carry a query or a fragment: give the address of the store alone"
        raise ValueError(msg)
    if "_" in parts.hostname:
        msg = "names a host with an underscore, which no host name may have: give the host another name, or its address"
        raise ValueError(msg)
    if not is_host(parts.hostname) or not url.isprintable():
        msg = "must name a host by letters, digits, hyphens and dots (others in their form that begins with xn--)"
        raise ValueError(msg)
    return f"{parts.scheme}{url[len(parts.scheme) :]}".rstrip("/")


def check_without_bucket(url: str, bucket: str) -> None:
    """Refuse an endpoint that holds the bucket already: it would be named twice, and stand in front of every key.

    On hosts not known here the first label may be the store's own: a bucket ``minio`` at ``minio.example.com``.
    """
    parts, aws = urlsplit(url), is_aws_host(url)
    host = parts.hostname or ""
    below = host.removeprefix(f"{bucket.lower()}.")
    is_bucket = _AWS_BELOW_BUCKET.match(below) if aws else _STORE_BELOW_BUCKET.fullmatch(below)
    in_host = below != host and is_bucket
    names = parts.path.strip("/").split("/")
    # AWS's own S3 has no path; a gateway's may lie anywhere, but hardly under the bucket's name of all
    in_path = bucket in names if aws else names[-1] == bucket and bucket not in _MOUNTS
    if in_host or in_path:
        instead = "leave it out, or " if aws else ""
        msg = f"names the bucket, which is added by itself: {instead}give the address without the bucket"
        raise ValueError(msg)


def is_host(name: str) -> bool:
    """Tell whether a text can be the name of a host, in small letters, or its address."""
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    labels = name.removesuffix(".").split(".")
    return len(name) <= _LONGEST_HOST and all(re.fullmatch(_LABEL, label, re.ASCII) for label in labels)


def split_bucket(text: str) -> tuple[str, str]:
    """Take a bucket name, ``s3://bucket/prefix`` or bucket ARN apart into bucket and prefix."""
    rest = text
    if text.lower().startswith("s3://"):
        rest = text[5:]
        if "@" in rest.partition("/")[0]:
            msg = "must not carry user name and password: keys belong into auth"
            raise ValueError(msg)
    elif text.startswith("arn:"):
        fields = text.split(":", 5)
        if fields[2:3] == ["s3express"]:
            raise ValueError(_DIRECTORY_BUCKET)
        if len(fields) < 6 or fields[2] != "s3":  # noqa: PLR2004  # arn:partition:service:region:account:resource
            msg = "is an ARN, but not that of an S3 bucket (arn:aws:s3:::BUCKET)"
            raise ValueError(msg)
        if fields[3] or fields[4]:
            msg = "is the ARN of an access point; give the name of the bucket behind it"
            raise ValueError(msg)
        rest = fields[5]
    elif "://" in text:
        msg = "must be the name of the bucket, 's3://BUCKET/PREFIX' or 'arn:aws:s3:::BUCKET', not a web address"
        raise ValueError(msg)
    bucket, _, prefix = rest.partition("/")
    return bucket, prefix.removesuffix("*")


def check_bucket(bucket: str, *, aws: bool) -> None:
    """Refuse what is no name of a general purpose bucket."""
    if bucket.endswith("--x-s3"):
        raise ValueError(_DIRECTORY_BUCKET)
    if not aws:
        if not _BUCKET_ELSEWHERE.fullmatch(bucket):
            msg = "must be 1 to 255 letters, digits, dots, hyphens and underscores"
            raise ValueError(msg)
        return
    problem = ""
    if bucket.endswith(_AWS_SUFFIXES) and re.search(r"(?:^|\.)s3[.-]", bucket):
        problem = "is a web address of S3: give the bucket's own name"
    elif not 3 <= len(bucket) <= 63:  # noqa: PLR2004
        problem = "must be 3 to 63 characters long"
    elif not _BUCKET.fullmatch(bucket):
        problem = "must be lower-case letters, digits, dots and hyphens, and begin and end with a letter or digit"
    elif ".." in bucket:
        problem = "must not hold two dots in a row"
    elif _is_ip_address(bucket):
        problem = "must not look like an IP address"
    elif start := next((start for start in _RESERVED_STARTS if bucket.startswith(start)), None):
        problem = f"must not begin with {start!r}, which AWS keeps to itself"
    elif end := next((end for end in _RESERVED_ENDS if bucket.endswith(end)), None):
        problem = f"must not end with {end!r}: that is an alias or another kind of bucket; give the bucket's own name"
    if problem:
        raise ValueError(problem)


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def normalise_prefix(prefix: str) -> str:
    """Bring a prefix into the one form that keys and policies share: NFC, no slash or space at either end."""
    # Slashes and spaces in any order: a config that is dumped and loaded again must keep its prefix.
    prefix = unicodedata.normalize("NFC", _ENDS.sub("", prefix))
    if not prefix:
        return ""
    if prefix.lower().startswith(("s3://", "arn:aws")):
        msg = "must be the folder alone: an address, 's3://BUCKET/PREFIX', can be given as the bucket"
        raise ValueError(msg)
    segments = prefix.split("/")
    if "" in segments:
        msg = "must not hold two slashes in a row: S3 would take them for a folder without a name"
        raise ValueError(msg)
    if {".", ".."} & set(segments):
        msg = "must not hold '.' or '..' as a folder: S3 does not resolve them, and other tools do"
        raise ValueError(msg)
    if wild := next((wild for wild in _WILD if wild in prefix), None):
        msg = f"must not hold {wild!r}: in an IAM policy it would stand for other folders too"
        raise ValueError(msg)
    if "\\" in prefix or any(_is_control(char) for char in prefix):
        msg = "must not hold backslashes or control characters"
        raise ValueError(msg)
    if len(prefix.encode()) > MAX_PREFIX_BYTES:
        msg = f"must be at most {MAX_PREFIX_BYTES} bytes long in UTF-8"
        raise ValueError(msg)
    return prefix


def _is_control(char: str) -> bool:
    """Tell what breaks a line, or turns the direction of writing, and so what people take a key for."""
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in _BIDI_CONTROLS


@dataclass(frozen=True, slots=True)
class RoleArn:
    """A role's ARN, taken apart."""

    partition: str
    account: str
    name: str
    """Path and name: ``service/transfer-role``."""


def parse_role_arn(arn: str) -> RoleArn:
    """Take a role's ARN apart; says what was pasted instead where it is another ARN."""
    if match := _ROLE_ARN.fullmatch(arn):
        return RoleArn(**match.groupdict())
    hint = "must be the ARN of an IAM role, such as 'arn:aws:iam::111122223333:role/transfer-role'"
    if re.search(r"\s", arn):
        raise ValueError(f"{hint}, without white space in it")  # noqa: TRY003, EM102  # as below
    if ":assumed-role/" in arn:
        hint += "; this is the ARN of a session: copy the ARN that the role's page in the IAM console shows"
    elif ":instance-profile/" in arn:
        hint += "; this is an instance profile"
    elif arn.startswith("arn:") and ":user/" in arn:
        hint += "; this is a user: for a user, give access_key_id and secret_access_key instead"
    elif arn.startswith("arn:") and arn.endswith(":root"):
        hint += "; this is a whole account"
    raise ValueError(hint)


def session_name(bucket: str) -> str:
    """Name a session so that the customer's CloudTrail tells who came, and where to."""
    return _NOT_IN_SESSION_NAME.sub("-", f"s3dest-{bucket}")[:64]
