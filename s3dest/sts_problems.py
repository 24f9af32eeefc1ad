"""The catalogue, on STS: why there is no session of the customer's role."""

from __future__ import annotations

from s3dest.errors import CredentialsError
from s3dest.problem import Problem

ROLE_NOT_ASSUMABLE = Problem(
    "role_not_assumable",
    CredentialsError,
    "customer",
    "The role {role_arn} cannot be assumed{caller}.",
    "Check that the role exists, that its trust policy names the vendor's principal and, as sts:ExternalId, "
    "{external_id}, and (vendor) that the caller may call sts:AssumeRole on it. The answer does not say which failed. "
    "A trust policy just saved can take some minutes to take effect.",
    statement="trust",
    settles=True,
    elsewhere="Ceph knows no sts:ExternalId: there a condition on it lets nobody in, and external_id must be None.",
)
ROLE_NOT_ASSUMABLE_BY_TOKEN = Problem(
    "role_not_assumable_by_token",
    CredentialsError,
    "customer",
    "The role {role_arn} cannot be assumed with the vendor's identity token{claims}.",
    "Check that the role exists and that its trust policy names exactly the token's subject and audience. "
    "A trust policy just saved can take some minutes to take effect.",
    statement="trust",
    settles=True,
)
ASSUMING_DENIED_BY_TRUST = Problem(
    "assuming_denied_by_trust_policy",
    CredentialsError,
    "customer",
    "The trust policy of {role_arn} does not let it be assumed{caller}.",
    "Let the trust policy name the vendor's principal and, as sts:ExternalId, {external_id}, and remove what denies it "
    "there. A trust policy just saved can take some minutes to take effect.",
    statement="trust",
    settles=True,
)
CALLER_MAY_NOT_ASSUME = Problem(
    "caller_may_not_assume",
    CredentialsError,
    "vendor",
    "A policy on the vendor's own side does not allow sts:AssumeRole on {role_arn}{caller}.",
    "Allow sts:AssumeRole on the customer's role in {vendors_policy}, and remove what denies it there{policy_arn}; "
    "the customer can do nothing about this.",
    settles=True,
)
ASSUMING_DENIED_BY_RCP = Problem(
    "assuming_denied_by_resource_control",
    CredentialsError,
    "customer",
    "A resource control policy of the organisation of {role_arn} does not let it be assumed{caller}{policy_arn}.",
    "Ask the administrator of the role's AWS organisation for an exception: nothing in the account itself, nor the "
    "vendor, outweighs it. Such policies often have a condition on the caller's organisation.",
    settles=True,
)
SESSION_TAGS_DENIED = Problem(
    "session_tags_denied",
    CredentialsError,
    "vendor",
    "The trust policy of {role_arn} does not allow {action}, and the vendor's session brings tags or a source "
    "identity.",
    "s3dest sends neither: remove them from the vendor's own session (transitive session tags), or let the customer "
    "add {action} to the trust policy.",
    settles=True,
)
OIDC_PROVIDER_MISSING = Problem(
    "oidc_provider_missing",
    CredentialsError,
    "customer",
    "The account of {role_arn} has no IAM OIDC provider for the issuer of the vendor's token.",
    "Create the OIDC provider in the account that owns the role. Google's is built into AWS and needs none.",
    settles=True,
)
OIDC_PROVIDER_THUMBPRINT = Problem(
    "oidc_provider_thumbprint",
    CredentialsError,
    "customer",
    "The IAM OIDC provider in the account of {role_arn} does not accept the certificate of the token's issuer.",
    "Update the thumbprint of that OIDC provider: to that of the authority that has signed the certificate with which "
    "the issuer serves its keys.",
    settles=True,
)
TOKEN_AUDIENCE = Problem(
    "token_audience",
    CredentialsError,
    "customer",
    "The audience of the vendor's token is not one that the OIDC provider knows{claims}.",
    "Add the token's audience to the OIDC provider in the account that owns the role.",
    settles=True,
)
TOKEN_REFUSED = Problem(
    "token_refused",
    CredentialsError,
    "vendor",
    "STS does not accept the vendor's identity token.",
    "Check that the token source gives a fresh token (a JWT with iss, sub and aud), signed by the issuer that the "
    "trust policy names.",
)
IDP_UNREACHABLE = Problem(
    "issuer_unreachable",
    CredentialsError,
    "vendor",
    "STS cannot fetch the keys of the issuer of the vendor's identity token.",
    "Try again later; if it stays, check that the issuer serves its keys (/.well-known/openid-configuration) to the "
    "internet.",
    retryable=True,
)
STS_REGION_DISABLED = Problem(
    "sts_region_disabled",
    CredentialsError,
    "customer",
    "STS is not active in this region for the account that owns the role.",
    "Activate the region for STS in the account's settings, or set sts_endpoint_url to that of another region.",
)
SESSION_POLICY_REFUSED = Problem(
    "session_policy_refused",
    CredentialsError,
    "vendor",
    "STS does not accept the session policy.",
    "Shorten the prefix, or set session_policy to false and rely on the role's own policy.",
)
VENDOR_KEYS_OF_ROOT = Problem(
    "vendor_keys_of_root",
    CredentialsError,
    "vendor",
    "The vendor's own AWS keys are those of an account's root user, which can assume no role.",
    "Use the keys of an IAM role or user; the customer can do nothing about this.",
    settles=True,
)
VENDOR_KEYS_REFUSED = Problem(
    "vendor_keys_refused",
    CredentialsError,
    "vendor",
    "STS does not know the vendor's own AWS keys.",
    "Fix the vendor's ambient credentials; the customer can do nothing about this.",
)
VENDOR_KEYS_EXPIRED = Problem(
    "vendor_keys_expired",
    CredentialsError,
    "vendor",
    "The vendor's own AWS session has expired.",
    "Renew the vendor's ambient credentials; the customer can do nothing about this.",
)
VENDOR_KEYS_MISSING = Problem(
    "vendor_keys_missing",
    CredentialsError,
    "vendor",
    "The vendor's own AWS credentials cannot be loaded.",
    "Configure ambient AWS credentials for this process, or pass an identity. Where a profile or the environment names "
    "a role for them, it is the vendor's own that is meant; the customer can do nothing about this.",
)
VENDOR_SETTINGS_WRONG = Problem(
    "vendor_settings_wrong",
    CredentialsError,
    "vendor",
    "The AWS settings of the machine that runs s3dest cannot be used.",
    "Correct what botocore names, in an AWS_* variable or in AWS's config file; the customer can do nothing about "
    "this.",
)
VENDOR_KEYS_MALFORMED = Problem(
    "vendor_keys_malformed",
    CredentialsError,
    "vendor",
    "The vendor's own AWS keys hold a character that no header of a request can have.",
    "Remove line breaks and the like from AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or wherever the ambient "
    "credentials come from: a secret that was written by `echo` ends with one.",
)
SESSION_DURATION = Problem(
    "session_duration",
    CredentialsError,
    "vendor",
    "STS grants no session of this duration.",
    "Set the duration in RoleAuth to what the role's MaxSessionDuration allows, or let the customer raise that.",
)
SESSION_CHAINED = Problem(
    "session_chained",
    CredentialsError,
    "vendor",
    "STS grants a caller that is a role itself no session longer than an hour (role chaining).",
    "Set the duration in RoleAuth to one hour; the customer can do nothing about this.",
)
NO_SESSION = Problem(
    "sts_answer",
    CredentialsError,
    "network",
    "The answer reports success but holds no session of {role_arn}: it is not one of STS.",
    "Check sts_endpoint_url, and look for a proxy or a captive portal in between.",
    retryable=True,
)
NOT_STS = Problem(
    "sts_answer",
    CredentialsError,
    "network",
    "What answered in place of STS cannot be read: it is not STS, or its answer was cut off.",
    "Check sts_endpoint_url, and look for a proxy or a captive portal in between.",
    retryable=True,
)
TOKEN_SOURCE = Problem(
    "token_source",
    CredentialsError,
    "vendor",
    "The vendor's token source gave no identity token.",
    "Fix the token source; the customer can do nothing about this.",
)
STS_REFUSED = Problem(
    "sts_refused", CredentialsError, "vendor", "STS refused to open a session of {role_arn}.", "See the answer of STS."
)
STS_UNAVAILABLE = Problem(
    "sts_unavailable",
    CredentialsError,
    "aws",
    "STS cannot open a session of {role_arn} at the moment.",
    "Try again later.",
    retryable=True,
)
