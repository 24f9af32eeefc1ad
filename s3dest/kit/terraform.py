"""The Terraform module of a kit."""

from __future__ import annotations

import json
from typing import Final

from s3dest.kit.documents import KIT_TAG, UPLOAD_DAYS, Documents, each_text, fill, pretty

_ACCOUNT: Final = "${data.aws_caller_identity.current.account_id}"
"""The account that the module is applied in."""


def write(documents: Documents, *, role_name: str, guard: bool) -> dict[str, str]:
    """Write the module's files, by their path in the kit."""
    config = documents.config
    values = {
        "URI": config.uri,
        "BUCKET": _text(config.bucket),
        "REGION": _text(config.region),
        "KEY_PREFIX": _text(config.key_prefix),
        "KEY_ARN": _text(documents.key_arn or ""),
        "UPLOAD_DAYS": str(UPLOAD_DAYS),
        "ROLE_NAME": _text(role_name),
        "KIT_TAG": KIT_TAG,
        "KIT": documents.kit_tag,
        "CREATE_BUCKET": json.dumps(documents.create_bucket),
        "GUARD": json.dumps(guard),
        "TRUST": _document(documents.trust),
        "SETUP": _document(documents.setup),
        "STEADY": _document(documents.steady),
        "BUCKET_GUARD": _document(documents.bucket_guard),
    }
    flags = {"kms": documents.key_arn is not None, "account": _ACCOUNT in _document(documents.trust)}
    return {
        f"terraform/{name}.tf": fill(f"{name}.tf", values, flags)
        for name in ("main", "variables", "outputs", "versions")
    }


def _text(text: str) -> str:
    """Quote a text for HCL."""
    return json.dumps(_literal(text), ensure_ascii=False)


def _document(document: object) -> str:
    """Write JSON for a heredoc, in which HCL knows templates."""
    return pretty(each_text(document, _literal), account=_ACCOUNT)


def _literal(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")
