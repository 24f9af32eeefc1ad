"""The trust policy of the role: does it let the vendor in, and whom else?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.claims import Issuer, review_claims
from s3dest.review.external_id import EXTERNAL_ID, review_external_id
from s3dest.review.grammar import Clause, Reading, finding
from s3dest.review.principals import vendor_account
from s3dest.review.requests import holds
from s3dest.vendor import AwsPrincipal, VendorIdentity

_ASSUME: Final = "sts:AssumeRole"
_BY_TOKEN: Final = "sts:AssumeRoleWithWebIdentity"  # noqa: S105  # the name of an action
_CALLER: Final = "aws:principalarn"
_CALLERS_ACCOUNT: Final = "aws:principalaccount"


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who comes in, as far as it is known."""

    config: DestinationConfig
    auth: RoleAuth
    vendor: AwsPrincipal | None
    issuer: Issuer | None
    """Of the vendor's tokens, if it comes with one."""

    @property
    def names(self) -> set[str]:
        """List what a principal may say that means the vendor, alone or with others."""
        if self.vendor is not None:
            return {"*", self.vendor.arn, *vendor_account(self.vendor)}
        return {"*", self.issuer.principal} if self.issuer else {"*"}

    @property
    def known(self) -> bool:
        """Whether it is known at all."""
        return self.vendor is not None or self.issuer is not None

    @property
    def facts(self) -> Mapping[str, str | None]:
        """List what is known of the request for a session, by condition keys."""
        over_tls = not (self.config.sts_endpoint_url or "").startswith("http:")
        known: dict[str, str | None] = {"aws:securetransport": "true" if over_tls else "false"}
        if self.vendor is not None:
            known[_CALLERS_ACCOUNT] = vendor_account(self.vendor)[0]
            if not self.vendor.arn.endswith(":root"):
                known[_CALLER] = self.vendor.arn
        if self.auth.session_name is not None:
            known["sts:rolesessionname"] = self.auth.session_name
        return known

    @property
    def own(self) -> dict[str, str | None]:
        """List what the vendor is told from others by, which is judged by itself."""
        if self.issuer is not None:
            return {key.lower(): value for key, value in self.issuer.claims.items()}
        return {EXTERNAL_ID: self.auth.external_id}


def review_trust(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what keeps the vendor out, then what lets others in."""
    if not policy.clauses:
        return
    if not isinstance(config.auth, RoleAuth):
        yield finding("no_role", "error", "The config has an access key, to which no trust policy belongs.")
        return
    by_token = vendor is not None and not isinstance(vendor, AwsPrincipal)
    if vendor is None:
        by_token = not any(clause.allows and clause.acts(_ASSUME) for clause in policy.clauses)
    action = _BY_TOKEN if by_token else _ASSUME
    ways = [_narrowed(clause) for clause in policy.clauses if clause.allows and clause.acts(action)]
    if not ways:
        if policy.whole:
            what = f"{_ASSUME} or {_BY_TOKEN}" if vendor is None else action
            yield finding("trust_action", "error", f"The trust policy does not allow {what}.", f"Allow {what}.")
        return
    caller = _caller(config, config.auth, vendor)
    yield from _partition(ways, config)
    yield from _denials([clause for clause in policy.clauses if clause.acts(action)], caller)
    yield from _ways(ways, caller, by_token=by_token)


def _caller(config: DestinationConfig, auth: RoleAuth, vendor: VendorIdentity | None) -> _Caller:
    if vendor is None or isinstance(vendor, AwsPrincipal):
        return _Caller(config, auth, vendor, None)
    return _Caller(config, auth, None, Issuer.of(auth, vendor))


def _narrowed(way: Clause) -> Clause:
    """Name whom a statement is about that names everybody and then tests who calls."""
    callers = next((test for test in way.conditions if test.key in {_CALLER, _CALLERS_ACCOUNT}), None)
    everybody = "*" in {name for names in way.principals.values() for name in names}
    if not everybody or way.negated or callers is None or "Not" in callers.operator or callers.operator == "Null":
        return way
    if any("*" in value or "?" in value for value in callers.values):
        return way
    return replace(way, principals={"AWS": callers.values})


def _ways(ways: Sequence[Clause], caller: _Caller, *, by_token: bool) -> Iterator[Finding]:
    meant = [way for way in ways if not caller.known or _is_about(way, caller)] or ways
    judged = [list(_way(way, caller, by_token=by_token)) if way in meant else [] for way in ways]
    # one that lets the vendor in is enough: what others lack is no error then
    enough = any(
        way in meant and all(each.severity != "error" for each in found)
        for way, found in zip(ways, judged, strict=True)
    )
    for way, found in zip(ways, judged, strict=True):
        if "NotPrincipal" in way.negated:
            yield finding("trust_everybody", "warning", "The trust policy lets in everybody but those it lists.")
        if len(ways) > len(meant) or _is_about(way, caller):
            yield from _others(way, caller)
        yield from (each for each in found if each.severity != "error" or not enough)


def _way(way: Clause, caller: _Caller, *, by_token: bool) -> Iterator[Finding]:
    """Judge a statement that is to let the vendor in."""
    judged = {*caller.own}
    if by_token:
        named = [Issuer.named(name) for name in way.principals.get("Federated", ())]
        for issuer in [caller.issuer] if caller.issuer else named:
            judged |= {f"{issuer.name}:{claim}".lower() for claim in ("sub", "aud", "oaud")}
            yield from review_claims(way, issuer)
    else:
        yield from _principal(way, caller.vendor)
        yield from review_external_id(way, caller.auth.external_id)
    yield from _further(way, caller, judged if caller.known else {*judged, _CALLER, _CALLERS_ACCOUNT})


def _further(way: Clause, caller: _Caller, judged: set[str]) -> Iterator[Finding]:
    """Say what else a statement demands that the vendor does not meet, or may not."""
    answers = {test.key: holds(test, caller.facts) for test in way.conditions if test.key not in judged}
    if unmet := sorted(key for key, answer in answers.items() if answer is False):
        message = f"The trust policy lets the vendor in under a condition that it does not meet: {', '.join(unmet)}."
        yield finding("trust_condition_unmet", "error", message, "Remove the condition.")
    elif unsure := sorted(key for key, answer in answers.items() if answer is None):
        message = f"The trust policy lets the vendor in under a condition that AWS judges: {', '.join(unsure)}."
        yield finding("trust_conditional", "warning", message, "Make sure that the vendor meets it.")


def _is_about(clause: Clause, caller: _Caller) -> bool:
    names = {name for some in clause.principals.values() for name in some}
    return bool(names & caller.names) is not ("NotPrincipal" in clause.negated)


def _others(way: Clause, caller: _Caller) -> Iterator[Finding]:
    """Say whom a statement lets in beside the vendor: the role's own account is the customer's affair."""
    if not caller.known or "NotPrincipal" in way.negated:
        return
    role = caller.auth.role
    for name in [name for some in way.principals.values() for name in some]:
        if name not in caller.names:
            own = f":{role.account}:" in name or name == role.account
            message = f"Statement {way.name} of the trust policy lets in {name}, too."
            yield finding("trust_others", "note" if own else "warning", message, "Take it away unless it is meant.")


def _denials(clauses: Sequence[Clause], caller: _Caller) -> Iterator[Finding]:
    """Say which statements keep the vendor out, whatever others allow."""
    for clause in clauses:
        if clause.allows or not _is_about(clause, caller):
            continue
        facts = {**caller.facts, **caller.own}
        answers = [holds(test, facts) for test in clause.conditions]
        keys = ", ".join(sorted({test.key for test in clause.conditions}))
        if False in answers:
            continue
        if None in answers:
            message = f"Statement {clause.name} of the trust policy denies under a condition that AWS judges: {keys}."
            yield finding("trust_denied_sometimes", "warning", message, "Make sure that it does not hit the vendor.")
        else:
            by = f", by {keys}" if keys else ""
            message = f"Statement {clause.name} of the trust policy denies what the vendor asks for{by}."
            yield finding("trust_denied", "error", message, "Remove the statement, or exempt the vendor from it.")


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
    account, root = vendor_account(vendor)
    if {account, root} & set(names):
        message = f"The trust policy names all of the vendor's account {account}, not only {vendor.arn}."
        yield finding("trust_account", "note", message)
        return
    message = f"The trust policy does not name {vendor.arn}."
    yield finding("trust_principal", "error", message, f"Set the principal to {vendor.arn}.")
