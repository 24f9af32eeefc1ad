"""The CloudFormation template of a kit, as JSON: bucket if wanted, role, policy; the outputs are what to hand back."""

from __future__ import annotations

import json
from typing import Final

from s3dest.kit.documents import KIT_TAG, UPLOAD_DAYS, Documents, each_text, in_account

_YES_NO: Final = {"Type": "String", "AllowedValues": ["yes", "no"]}


def write(documents: Documents, *, role_name: str, guard: bool) -> str:
    """Write the template."""
    config = documents.config
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Lets a service append to {config.uri}.",
        "Parameters": _parameters(documents, role_name, guard=guard),
        "Rules": {
            "Region": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Equals": [{"Ref": "AWS::Region"}, config.region]},
                        "AssertDescription": f"Create this stack in {config.region}, the region of the bucket.",
                    }
                ]
            }
        },
        "Conditions": {
            "BucketIsNew": _is_yes("CreateBucket"),
            "DeleteIsAllowed": _is_yes("AllowDelete"),
            "BucketIsGuarded": {"Fn::And": [{"Condition": "BucketIsNew"}, _is_yes("BucketGuard")]},
        },
        "Resources": {
            "Bucket": _bucket(documents),
            "BucketPolicy": {
                "Type": "AWS::S3::BucketPolicy",
                "Condition": "BucketIsGuarded",
                "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": documents.bucket_guard},
            },
            "Role": _role(documents),
            "Policy": _policy(documents),
        },
        "Outputs": {
            "BucketName": {"Description": "Hand this back.", "Value": config.bucket},
            "BucketRegion": {"Description": "Hand this back.", "Value": config.region},
            "RoleArn": {"Description": "Hand this back.", "Value": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
    }
    return json.dumps(template, indent=2, ensure_ascii=False) + "\n"


def _parameters(documents: Documents, role_name: str, *, guard: bool) -> dict[str, object]:
    return {
        "CreateBucket": {
            **_YES_NO,
            "Default": "yes" if documents.create_bucket else "no",
            "Description": "no, if the bucket exists already; it keeps its settings then.",
        },
        "AllowDelete": {
            **_YES_NO,
            "Default": "yes",
            "Description": "For the first connection test, which removes its own probe only. Set to no afterwards.",
        },
        "BucketGuard": {
            **_YES_NO,
            "Default": "yes" if guard else "no",
            "Description": "yes: nobody can overwrite under the prefix, you included. For a new bucket only.",
        },
        "RoleName": {"Type": "String", "Default": role_name, "AllowedPattern": "[\\w+=,.@-]{1,64}"},
    }


def _bucket(documents: Documents) -> dict[str, object]:
    config = documents.config
    encryption: dict[str, object] = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    if documents.key_arn is not None:
        by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": documents.key_arn}
        encryption = {"ServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}
    rule: dict[str, object] = {
        "Id": documents.lifecycle["Rules"][0]["ID"],
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
    }
    if config.key_prefix:
        rule["Prefix"] = config.key_prefix
    return {
        "Type": "AWS::S3::Bucket",
        "Condition": "BucketIsNew",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": config.bucket,
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
            "LifecycleConfiguration": {"Rules": [rule]},
        },
    }


def _role(documents: Documents) -> dict[str, object]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Ref": "RoleName"},
            "Description": f"Appends to {documents.config.bucket}.",
            "MaxSessionDuration": 3600,
            "Tags": [{"Key": KIT_TAG, "Value": documents.kit_tag}],
            "AssumeRolePolicyDocument": each_text(documents.trust, _with_account),
        },
    }


def _policy(documents: Documents) -> dict[str, object]:
    return {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "transfer-policy",
            "Roles": [{"Ref": "Role"}],
            "PolicyDocument": {"Fn::If": ["DeleteIsAllowed", documents.setup, documents.steady]},
        },
    }


def _is_yes(parameter: str) -> dict[str, object]:
    return {"Fn::Equals": [{"Ref": parameter}, "yes"]}


def _with_account(text: str) -> object:
    """Let CloudFormation fill in the account where it is not known."""
    filled = in_account(text, "${AWS::AccountId}")
    return text if filled == text else {"Fn::Sub": filled}
