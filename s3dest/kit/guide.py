"""The step-by-step guide of a kit for the AWS console, as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from s3dest.kit.documents import ACCOUNT_ID, UPLOAD_DAYS, Documents, fill, pretty
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, VendorIdentity


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guide tells beyond the documents."""

    documents: Documents
    service: str
    role_name: str
    guard: bool
    external_id: str | None


def write(facts: Facts) -> str:
    """Write the guide."""
    documents = facts.documents
    config, vendor = documents.config, documents.vendor
    trust = pretty(documents.trust)
    key_statement = "" if documents.kms_key_statement is None else pretty(documents.kms_key_statement)
    values = {
        "SERVICE": facts.service,
        "SERVICE_START": facts.service[0].upper() + facts.service[1:],
        "BUCKET": config.bucket,
        "REGION": config.region,
        "URI": config.uri,
        "FOLDER": f"{code(config.key_prefix)} of the bucket" if config.key_prefix else "the bucket",
        "KEY_PREFIX": code(config.key_prefix),
        "KEY_PREFIX_CELL": code(config.key_prefix).replace("|", "\\|"),
        "ROLE_NAME": facts.role_name,
        "EXTERNAL_ID": facts.external_id or "",
        "VENDOR": _in_words(vendor),
        "ISSUER": vendor.issuer if isinstance(vendor, OidcSubject) else "",
        "AUDIENCE": "" if isinstance(vendor, AwsPrincipal) else code(vendor.audience),
        "KEY_ARN": documents.key_arn or "",
        "UPLOAD_DAYS": str(UPLOAD_DAYS),
        "TRUST": trust,
        "SETUP": pretty(documents.setup),
        "STEADY": pretty(documents.steady),
        "BUCKET_GUARD": pretty(documents.bucket_guard),
        "KEY_STATEMENT": key_statement,
    }
    flags = {
        "new": documents.create_bucket,
        "guard": facts.guard,
        "prefix": bool(config.key_prefix),
        "kms": documents.key_arn is not None,
        "external_id": facts.external_id is not None,
        "oidc": isinstance(vendor, OidcSubject),
        "account": ACCOUNT_ID in trust,
        "key_account": ACCOUNT_ID in key_statement,
    }
    return fill("guide.md", values, flags)


def code(text: str) -> str:
    """Write a text as code: between more backticks than it holds in a row (CommonMark, "Code spans")."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " * (text[:1] == "`" or text[-1:] == "`")
    return f"{fence}{space}{text}{space}{fence}"


def _in_words(vendor: VendorIdentity) -> str:
    if isinstance(vendor, AwsPrincipal):
        return f"the AWS principal {code(vendor.arn)}"
    subject, audience = code(vendor.subject), code(vendor.audience)
    if isinstance(vendor, GoogleServiceAccount):
        return f"the Google service account with the unique id {subject} and the audience {audience}"
    return f"the workload {subject} of {code(vendor.issuer)} with the audience {audience}"
