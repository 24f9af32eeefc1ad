"""The trust policy of the role: does it let the vendor in, and whom else?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.review.caller import ASSUME, BY_TOKEN, Caller
from s3dest.review.claims import Issuer, review_claims
from s3dest.review.comparison import keep_out, opposite
from s3dest.review.doors import is_door, review_others
from s3dest.review.external_id import EXTERNAL_ID, review_external_id
from s3dest.review.grammar import Clause, Reading, finding, like
from s3dest.review.narrowing import narrowed, narrows
from s3dest.review.principals import CALLER, CALLERS_ACCOUNT, vendor_account
from s3dest.review.requests import holds
from s3dest.vendor import AwsPrincipal, VendorIdentity


def review_trust(policy: Reading, config: DestinationConfig, vendor: VendorIdentity | None) -> Iterator[Finding]:
    """Say what keeps the vendor out, then what lets others in."""
    if not policy.clauses:
        return
    if not isinstance(config.auth, RoleAuth):
        yield finding("no_role", "error", "The config has an access key, to which no trust policy belongs.")
        return
    caller = Caller.of(config, config.auth, vendor)
    by_token = vendor is not None and not isinstance(vendor, AwsPrincipal)
    if vendor is None:
        by_token = not any(clause.allows and clause.acts(ASSUME) for clause in policy.clauses)
    action = BY_TOKEN if by_token else ASSUME
    acting = [clause for clause in policy.clauses if clause.acts(action)]
    denials = [clause for clause in acting if not clause.allows]
    ways = [narrowed(_left(clause, denials, caller)) for clause in acting if clause.allows]
    if not ways:
        if policy.whole:
            what = f"{ASSUME} or {BY_TOKEN}" if vendor is None else action
            yield finding("trust_action", "error", f"The trust policy does not allow {what}.", f"Allow {what}.")
    else:
        yield from _partition(ways, config)
        yield from _denials(denials, caller)
        yield from _ways(ways, caller, action)
    for clause in policy.clauses:
        if is_door(clause) and not clause.acts(action):
            yield from review_others(narrowed(clause), caller, judged=None)


def _left(way: Clause, denials: Sequence[Clause], caller: Caller) -> Clause:
    """Add to a statement what denials demand: one that refuses all ids but one is as good as a test of that."""
    facts, demanded = {**caller.facts, **caller.own}, []
    for denial in denials:
        left = opposite(denial.conditions[0]) if len(denial.conditions) == 1 else None
        all_of_them = "*" in _named(denial) or {*_named(way)} <= {*_named(denial)}
        # one that hits the vendor is told as such
        if left is not None and all_of_them and holds(left, facts) is True:
            demanded.append(left)
    return replace(way, conditions=(*way.conditions, *demanded))


def _ways(ways: Sequence[Clause], caller: Caller, action: str) -> Iterator[Finding]:
    meant = [way for way in ways if not caller.known or caller.is_named(way)] or ways
    judged = [list(_way(way, caller, action, beside=False)) if way in meant else [] for way in ways]
    right = [way for way, found in zip(ways, judged, strict=True) if way in meant and not _keeps_out(found)]
    for way, found in zip(ways, judged, strict=True):
        if len(ways) > len(meant) or caller.is_named(way):
            yield from review_others(way, caller, judged=action)
        # one that lets the vendor in is enough: what others lack is no error then
        yield from _beside(way, caller, action, right) if right and _keeps_out(found) else found


def _keeps_out(found: Sequence[Finding]) -> bool:
    return any(each.severity == "error" for each in found)


def _beside(way: Clause, caller: Caller, action: str, right: Sequence[Clause]) -> Iterator[Finding]:
    """Say whom a statement lets in that keeps the vendor out, where others let it in."""
    # as long as the vendor is not known, a statement about somebody else may be of another partner
    if not caller.known and not any(set(_named(way)) & {"*", *_named(other)} for other in right):
        return
    found = _way(way, caller, action, beside=True)
    yield from (each for each in found if each.severity != "error")


def _named(way: Clause) -> list[str]:
    return [name for names in way.principals.values() for name in names]


def _way(way: Clause, caller: Caller, action: str, *, beside: bool) -> Iterator[Finding]:
    """Judge a statement that is to let the vendor in; `beside` says that another one does."""
    judged = {*caller.own}
    if action == BY_TOKEN:
        named = [Issuer.named(name) for name in way.principals.get("Federated", ())]
        for issuer in [caller.issuer] if caller.issuer else named:
            judged |= {f"{issuer.name}:{claim}".lower() for claim in ("sub", "aud", "oaud")}
            yield from review_claims(way, issuer, beside=beside)
    else:
        yield from _principal(way, caller.vendor)
        yield from review_external_id(way, caller.auth.external_id, beside=beside)
    yield from _further(way, caller, judged if caller.known else {*judged, CALLER, CALLERS_ACCOUNT})


def _further(way: Clause, caller: Caller, judged: set[str]) -> Iterator[Finding]:
    """Say what else a statement demands that the vendor does not meet, or may not."""
    answers = [(test.key, holds(test, caller.facts)) for test in way.conditions if test.key not in judged]
    if unmet := sorted({key for key, answer in answers if answer is False}):
        message = f"The trust policy lets the vendor in under a condition that it does not meet: {', '.join(unmet)}."
        yield finding("trust_condition_unmet", "error", message, "Remove the condition.")
    elif unsure := sorted({key for key, answer in answers if answer is None}):
        message = f"The trust policy lets the vendor in under a condition that AWS judges: {', '.join(unsure)}."
        yield finding("trust_conditional", "warning", message, "Make sure that the vendor meets it.")


def _denials(clauses: Sequence[Clause], caller: Caller) -> Iterator[Finding]:
    """Say which statements keep the vendor out, whatever others allow."""
    for clause in clauses:
        if not caller.is_named(clause):
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
    for arn in [name for way in ways for name in _named(way)]:
        if arn.startswith("arn:") and config.on_aws and not like(partition := arn.split(":")[1], config.partition.name):
            message = f"{arn} is of partition {partition!r}, and the role of {config.partition.name!r}."
            yield finding("partition", "error", message, "AWS lets no role be assumed from another partition.")


def _principal(way: Clause, vendor: AwsPrincipal | None) -> Iterator[Finding]:
    names = [name for kind in ("AWS", "*") for name in way.principals.get(kind, ())]
    remedy = f"Name {vendor.arn}." if vendor else "Name the vendor's ARN."
    sessions = [name for name in names if ":assumed-role/" in name]
    if "*" in names:
        only = " and ".join(_barriers(way))
        what = f"what keeps strangers out is {only} alone" if only else "nothing keeps strangers out"
        message = f"The trust policy names everybody as its principal: {what}."
        yield finding("trust_everybody", "warning", message, remedy)
    elif vendor is not None:
        yield from _vendor(names, vendor)
    elif sessions and len(sessions) == len(names):
        message = f"{sessions[0]} is a session, which ends; its role is meant."
        yield finding("trust_session", "error", message, "Name the role's ARN.")


def _barriers(way: Clause) -> list[str]:
    """List what of a statement about everybody keeps strangers out."""
    by_id = ["the external id"] if keep_out([test for test in way.conditions if test.key == EXTERNAL_ID]) else []
    return [*by_id, *sorted({test.key for test in way.conditions if narrows(test, signed=True)})]


def _vendor(names: Sequence[str], vendor: AwsPrincipal) -> Iterator[Finding]:
    """Say whether a statement about some names the vendor, and no more than it."""
    account, root = vendor_account(vendor)
    same = {vendor.arn, *((account, root) if vendor.arn == root else ())}
    wide = [name for name in names if name not in same and (name in {account, root} or like(name, vendor.arn))]
    if wide:
        whom = f"all of the vendor's account {account}" if {account, root} & {*wide} else f"whoever is like {wide[0]}"
        yield finding("trust_account", "note", f"The trust policy names {whom}, not only {vendor.arn}.")
    elif same & {*names}:
        return
    elif session := next((name for name in names if ":assumed-role/" in name and f":{account}:" in name), None):
        message = f"{session} is a session, which ends; its role is meant."
        yield finding("trust_session", "error", message, f"Name {vendor.arn}.")
    else:
        others = f": it lets in {', '.join(names)}" if names else ""
        message = f"The trust policy does not name {vendor.arn}{others}."
        yield finding("trust_principal", "error", message, f"Set the principal to {vendor.arn}.")
