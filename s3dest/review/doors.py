"""Whom a trust policy lets in beside the vendor, by whichever action."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from s3dest.findings import Finding
from s3dest.review.caller import ASSUME, BY_TOKEN, Caller
from s3dest.review.claims import Issuer
from s3dest.review.comparison import keep_out
from s3dest.review.grammar import Clause, finding
from s3dest.review.requests import holds

_DOORS: Final = (ASSUME, BY_TOKEN, "sts:AssumeRoleWithSAML")
"""All actions that give out a role's session (STS API reference)."""

_OF_AWS: Final = frozenset({"aws", "sts", "saml"})
"""What condition keys begin with that are no claim of a token."""


def is_door(clause: Clause) -> bool:
    """Tell whether a statement lets anybody in at all."""
    return clause.allows and any(map(clause.acts, _DOORS))


def review_others(door: Clause, caller: Caller, *, judged: str | None) -> Iterator[Finding]:
    """Say whom a statement lets in beside the vendor: the role's own account is the customer's affair.

    Args:
        door: The statement.
        caller: The vendor.
        judged: The action by which the vendor comes in here, which is judged by itself.
    """
    names = [(kind, name) for kind, some in door.principals.items() for name in some]
    if any(name == "*" for _, name in names) and judged != ASSUME:
        yield from _everybody(door)
    for kind, name in names:
        if caller.means(name) or (not caller.known and judged == BY_TOKEN):
            continue
        issuer = Issuer.named(name) if kind == "Federated" and door.acts(BY_TOKEN) else None
        untested = list(_untested(door, issuer)) if issuer and issuer.is_open else []
        yield from untested
        if caller.known and not untested:
            own = f":{caller.auth.role.account}:" in name or name == caller.auth.role.account
            message = f"Statement {door.name} of the trust policy lets in {name}, too."
            yield finding("trust_others", "note" if own else "warning", message, "Take it away unless it is meant.")


def _everybody(door: Clause) -> Iterator[Finding]:
    keys = ", ".join(sorted({test.key for test in door.conditions}))
    under = f" who meets the conditions on {keys}" if keys else ""
    actions = " and ".join(filter(door.acts, _DOORS))
    message = f"Statement {door.name} of the trust policy lets in everybody{under}, by {actions}."
    yield finding("trust_everybody", "warning", message, "Take it away, or name who is meant.")


def _untested(door: Clause, issuer: Issuer) -> Iterator[Finding]:
    """Say which claims nobody looks at, of an issuer that gives tokens to strangers, too."""
    # a token has the claims of its own issuer alone: a test of another's lets none of them in
    others = {
        test.key: None for test in door.conditions if test.key.rpartition(":")[0] not in {issuer.name.lower(), *_OF_AWS}
    }
    if any(holds(test, others) is False for test in door.conditions):
        return
    for key in issuer.claims:
        if not keep_out([test for test in door.conditions if test.key == key.lower()]):
            whom = "any workload of the issuer" if key.endswith(":sub") else "a token for another service"
            message = (
                f"Statement {door.name} of the trust policy lets in {issuer.principal}, and {whom}: no test of {key}."
            )
            yield finding(
                "claim_missing", "warning", message, f'Take it away, or demand "StringEquals": {{"{key}": "VALUE"}}.'
            )
