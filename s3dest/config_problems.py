"""The catalogue, on what the customer entered: nothing was sent, one field is wrong."""

from __future__ import annotations

from s3dest.errors import ConfigError
from s3dest.problem import Problem

BUCKET_IS_ADDRESS = Problem(
    "bucket_is_address",
    ConfigError,
    "customer",
    "What is given as the bucket is the address of something else.",
    "Enter the bare bucket name as the S3 console shows it; s3://BUCKET/PREFIX and arn:aws:s3:::BUCKET are understood.",
)
BUCKET_NAME_INVALID = Problem(
    "bucket_name_invalid",
    ConfigError,
    "customer",
    "No bucket can have that name.",
    "Enter the bare bucket name as the S3 console shows it: 3 to 63 lower-case letters, digits, dots and hyphens.",
)
DIRECTORY_BUCKET = Problem(
    "directory_bucket",
    ConfigError,
    "customer",
    "The bucket is a directory bucket (S3 Express One Zone).",
    "Use a general purpose bucket.",
)
REGION_INVALID = Problem(
    "region_invalid",
    ConfigError,
    "customer",
    "Not a valid region.",
    "Enter the region code that the S3 console shows beside the bucket, such as eu-west-1.",
)
PREFIX_INVALID = Problem(
    "prefix_invalid",
    ConfigError,
    "customer",
    "The prefix cannot be used.",
    "Enter folders separated by single slashes, without wildcards; keys have at most 1,024 bytes in all.",
)
ROLE_ARN_INVALID = Problem(
    "role_arn_invalid",
    ConfigError,
    "customer",
    "Not the ARN of a role that this bucket's partition knows.",
    "Paste the ARN from the role's page in the IAM console: arn:aws:iam::ACCOUNT:role/NAME.",
)
TEMPORARY_KEY = Problem(
    "temporary_key",
    ConfigError,
    "customer",
    "The access key ID belongs to temporary credentials, which expire within hours.",
    "Enter the long-term key of an IAM user (AKIA…), or use a role.",
)
KEYS_INVALID = Problem(
    "keys_invalid",
    ConfigError,
    "customer",
    "Not a valid access key.",
    "Enter access key ID and secret access key again, without spaces.",
)
ENDPOINT_INVALID = Problem(
    "endpoint_invalid",
    ConfigError,
    "customer",
    "The address of the store cannot be used.",
    "Enter an https address without bucket, user name, password and query, such as https://s3.example.com.",
)
CONFIG_INVALID = Problem(
    "config_invalid",
    ConfigError,
    "customer",
    "A field of the configuration is missing or wrong.",
    "See the field's description in DestinationConfig.model_json_schema().",
)
