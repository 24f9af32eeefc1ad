"""The trust policy of the role: does it let the vendor in, and whom else?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.grammar import Clause, Reading, Test, finding
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, VendorIdentity

_ASSUME: Final = "sts:AssumeRole"
_BY_TOKEN: Final = "sts:AssumeRoleWithWebIdentity"  # noqa: S105  # the name of an action
_EXTERNAL_ID: Final = "sts:externalid"
_GOOGLE: Final = "accounts.google.com"
_EXACT: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike"})


def review_trust(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what keeps the vendor out, then what lets others in."""
    if not policy.clauses:
        return
    if not isinstance(config.auth, RoleAuth):
        yield finding("no_role", "error", "The config has an access key, to which no trust policy belongs.")
        return
    by_token = vendor is not None and not isinstance(vendor, AwsPrincipal)
    action = _BY_TOKEN if by_token else _ASSUME
    ways = [clause for clause in policy.clauses if clause.allows and clause.acts(action)]
    if not ways:
        if policy.whole:
            yield finding("trust_action", "error", f"The trust policy does not allow {action}.", f"Allow {action}.")
        return
    yield from _partition(ways, config)
    yield from _denials([clause for clause in policy.clauses if clause.acts(action)], config.auth, vendor)
    meant = [way for way in ways if vendor is None or _is_about(way, config.auth, vendor)] or ways
    for way in ways:
        if "NotPrincipal" in way.negated:
            yield finding("trust_everybody", "warning", "The trust policy lets in everybody but those it lists.")
        if len(ways) > len(meant) or _is_about(way, config.auth, vendor):
            yield from _others(way, config.auth, vendor)
        if way not in meant:
            continue
        if isinstance(vendor, (GoogleServiceAccount, OidcSubject)):
            yield from _claims(way, config.auth, vendor)
        else:
            yield from _principal(way, vendor)
            yield from _external_id(way, config.auth.external_id)


def _own_names(auth: RoleAuth, vendor: VendorIdentity | None) -> set[str]:
    """List what a principal may say that means the vendor, alone or with others."""
    if vendor is None:
        return {"*"}
    if isinstance(vendor, AwsPrincipal):
        account = vendor.arn.split(":")[4]
        return {"*", vendor.arn, account, f"arn:{vendor.partition}:iam::{account}:root"}
    return {"*", _provider(auth, vendor)}


def _provider(auth: RoleAuth, vendor: GoogleServiceAccount | OidcSubject) -> str:
    if isinstance(vendor, GoogleServiceAccount):
        return _GOOGLE
    return f"arn:{auth.role.partition}:iam::{auth.role.account}:oidc-provider/{vendor.provider}"


def _is_about(clause: Clause, auth: RoleAuth, vendor: VendorIdentity | None) -> bool:
    names = {name for some in clause.principals.values() for name in some}
    return bool(names & _own_names(auth, vendor)) is not ("NotPrincipal" in clause.negated)


def _others(way: Clause, auth: RoleAuth, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say whom a statement lets in beside the vendor: the role's own account is the customer's affair."""
    if vendor is None or "NotPrincipal" in way.negated:
        return
    for name in [name for some in way.principals.values() for name in some]:
        if name not in _own_names(auth, vendor):
            own = f":{auth.role.account}:" in name or name == auth.role.account
            message = f"Statement {way.name} of the trust policy lets in {name}, too."
            yield finding("trust_others", "note" if own else "warning", message, "Take it away unless it is meant.")


def _denials(clauses: Sequence[Clause], auth: RoleAuth, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say which statements keep the vendor out, whatever others allow."""
    for clause in clauses:
        if clause.allows or not _is_about(clause, auth, vendor):
            continue
        if not clause.conditions:
            message = f"Statement {clause.name} of the trust policy denies what the vendor asks for."
            yield finding("trust_denied", "error", message, "Remove the statement, or exempt the vendor from it.")
        elif not any(_spares(test, auth, vendor) for test in clause.conditions):
            keys = ", ".join(sorted({test.key for test in clause.conditions}))
            message = f"Statement {clause.name} of the trust policy denies under a condition that AWS judges: {keys}."
            yield finding("trust_denied_sometimes", "warning", message, "Make sure that it does not hit the vendor.")


def _spares(test: Test, auth: RoleAuth, vendor: VendorIdentity | None) -> bool:
    """Tell whether a test of a denial surely does not hold for the vendor: it is of all values but the vendor's."""
    own = {_EXTERNAL_ID: auth.external_id}
    if isinstance(vendor, (GoogleServiceAccount, OidcSubject)):
        issuer, audience = _issuer(vendor)
        own = {f"{issuer}:sub".lower(): vendor.subject, audience.lower(): vendor.audience}
    return test.operator.startswith("StringNot") and own.get(test.key) in test.values


def _issuer(vendor: GoogleServiceAccount | OidcSubject) -> tuple[str, str]:
    """Return the beginning of the keys of an issuer's claims, and the key of the audience."""
    if isinstance(vendor, GoogleServiceAccount):
        return _GOOGLE, f"{_GOOGLE}:oaud"
    return vendor.provider, f"{vendor.provider}:aud"


def _partition(ways: Sequence[Clause], config: DestinationConfig) -> Iterator[Finding]:
    for arn in [name for way in ways for names in way.principals.values() for name in names]:
        if arn.startswith("arn:") and config.on_aws and (partition := arn.split(":")[1]) != config.partition.name:
            message = f"{arn} is of partition {partition!r}, and the role of {config.partition.name!r}."
            yield finding("partition", "error", message, "AWS lets no role be assumed from another partition.")


def _principal(way: Clause, vendor: AwsPrincipal | None) -> Iterator[Finding]:
    names = [name for kind in ("AWS", "*") for name in way.principals.get(kind, ())]
    if "*" in names:
        message = "The trust policy names everybody as its principal: only the external id stands in the way."
        remedy = f"Name {vendor.arn}." if vendor else "Name the vendor's ARN."
        yield finding("trust_everybody", "warning", message, remedy)
        return
    if session := next((name for name in names if ":assumed-role/" in name), None):
        message = f"{session} is a session, which ends; its role is meant."
        yield finding("trust_session", "error", message, f"Name {vendor.arn}." if vendor else "Name the role's ARN.")
        return
    if vendor is None or vendor.arn in names:
        return
    account = vendor.arn.split(":")[4]
    if account in names or f"arn:{vendor.partition}:iam::{account}:root" in names:
        message = f"The trust policy names all of the vendor's account {account}, not only {vendor.arn}."
        yield finding("trust_account", "note", message)
        return
    message = f"The trust policy does not name {vendor.arn}."
    yield finding("trust_principal", "error", message, f"Set the principal to {vendor.arn}.")


def _external_id(way: Clause, external_id: str | None) -> Iterator[Finding]:
    tests = [test for test in way.conditions if test.key == _EXTERNAL_ID]
    if not tests and external_id is not None:
        message = "The trust policy demands no external id: whoever tricks the vendor's service gets in with another's."
        remedy = f'Add "Condition": {{"StringEquals": {{"sts:ExternalId": "{external_id}"}}}}.'
        yield finding("external_id_missing", "warning", message, remedy)
    for test in tests:
        yield from _one_external_id(test, external_id)


def _one_external_id(test: Test, external_id: str | None) -> Iterator[Finding]:
    remedy = f'Demand "StringEquals": {{"sts:ExternalId": "{external_id}"}}.'
    wild = test.operator == "StringLike" and any("*" in value or "?" in value for value in test.values)
    if test.operator.endswith("IfExists"):
        message = "The external id is demanded only if one is sent: leaving it out gets in."
        yield finding("external_id_optional", "warning", message, remedy)
    elif test.operator not in _EXACT:
        yield finding("external_id_operator", "error", f"The external id is tested by {test.operator}.", remedy)
    elif wild:
        message = f"The trust policy takes any external id like {test.values[0]!r}."
        yield finding("external_id_wildcard", "warning", message, remedy)
    elif external_id is None:
        message = "The trust policy demands an external id, and the config says that there is none."
        yield finding("external_id_mismatch", "error", message, "Put the external id into the config.")
    elif external_id not in test.values:
        message = f"The trust policy demands another external id than the config's {external_id!r}."
        yield finding("external_id_mismatch", "error", message, remedy)
    elif len(test.values) > 1:
        message = f"The trust policy takes other external ids than the config's {external_id!r}, too."
        yield finding("external_id_several", "warning", message, remedy)


def _claims(way: Clause, auth: RoleAuth, vendor: GoogleServiceAccount | OidcSubject) -> Iterator[Finding]:
    (issuer, audience), principal = _issuer(vendor), _provider(auth, vendor)
    if principal not in way.principals.get("Federated", ()):
        message = f"The trust policy does not name {principal} under Federated."
        yield finding("trust_principal", "error", message, f'Set the principal to {{"Federated": "{principal}"}}.')
    tests = {test.key: test for test in way.conditions}
    for key, value in ((f"{issuer}:sub", vendor.subject), (audience, vendor.audience)):
        test = tests.get(key.lower())
        remedy = f'Demand "StringEquals": {{"{key}": "{value}"}}.'
        if test is None:
            yield from _missing_claim(key, tests, vendor, remedy)
        else:
            yield from _one_claim(test, key, value, remedy)
    wrong = tests.get(f"{_GOOGLE}:aud")
    if isinstance(vendor, GoogleServiceAccount) and wrong and vendor.subject not in wrong.values:
        message = "accounts.google.com:aud is compared with the service account's id; the token's audience is :oaud."
        yield finding("aud_for_oaud", "error", message, f'Demand "{audience}": "{vendor.audience}" in its place.')


def _one_claim(test: Test, key: str, value: str, remedy: str) -> Iterator[Finding]:
    operator = test.operator.removeprefix("ForAnyValue:")
    if operator.endswith("IfExists") or operator.startswith("ForAllValues:"):
        message = f"{key} is tested only if the token has it: a token without gets in."
        yield finding("claim_optional", "warning", message, remedy)
    elif operator not in _EXACT:
        yield finding("claim_operator", "error", f"{key} is tested by {test.operator}.", remedy)
    elif any("*" in text or "?" in text for text in test.values) and operator == "StringLike":
        yield finding("claim_wildcard", "warning", f"{key} may be like {test.values[0]!r}.", remedy)
    elif value not in test.values:
        yield finding("claim_mismatch", "error", f"{key} is not the vendor's {value!r}.", remedy)
    elif len(test.values) > 1:
        yield finding("claim_several", "warning", f"{key} may be another than the vendor's {value!r}, too.", remedy)


def _missing_claim(
    key: str, tests: dict[str, Test], vendor: GoogleServiceAccount | OidcSubject, remedy: str
) -> Iterator[Finding]:
    if key.endswith(":oaud") and vendor.audience in getattr(tests.get(f"{_GOOGLE}:aud"), "values", ()):
        return  # said better, at the end
    whom = "any workload of the issuer" if key.endswith(":sub") else "the same workload in another customer's name"
    yield finding("claim_missing", "warning", f"The trust policy does not test {key}: {whom} gets in.", remedy)
