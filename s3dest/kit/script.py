"""The script of a kit for the AWS CLI."""

from __future__ import annotations

import shlex

from s3dest.kit.documents import ACCOUNT_ID, KIT_TAG, Documents, fill, pretty


def write(documents: Documents, *, role_name: str, guard: bool) -> str:
    """Write the script."""
    config = documents.config
    values = {
        "BUCKET": shlex.quote(config.bucket),
        "REGION": shlex.quote(config.region),
        "ROLE_NAME": shlex.quote(role_name),
        "KEY_ARN": shlex.quote(documents.key_arn or ""),
        "CREATE_BUCKET": "yes" if documents.create_bucket else "no",
        "GUARD": "yes" if guard else "no",
        "ACCOUNT_ID": ACCOUNT_ID,
        "KIT_TAG": KIT_TAG,
        "KIT": documents.kit_tag,
        "TRUST": pretty(documents.trust),
        "SETUP": pretty(documents.setup),
        "STEADY": pretty(documents.steady),
        "BUCKET_GUARD": pretty(documents.bucket_guard),
        "LIFECYCLE": pretty(documents.lifecycle),
    }
    flags = {
        "kms": documents.key_arn is not None,
        "account": ACCOUNT_ID in pretty(documents.trust),
        "located": config.region != "us-east-1",  # the one region that must not be named
    }
    return fill("setup.sh", values, flags)
