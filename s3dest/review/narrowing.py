"""Which conditions tell some callers and networks from all others; what anybody can meet narrows nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from s3dest.review.grammar import Clause, Test
from s3dest.review.principals import CALLER, CALLERS_ACCOUNT, is_everybody

_LITERAL: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase"})
_POSITIVE: Final = _LITERAL | {"StringLike", "ArnEquals", "ArnLike", "IpAddress"}

_CALLERS: Final = frozenset({CALLER, CALLERS_ACCOUNT, "kms:calleraccount"})
"""Those that say who calls, as a principal does."""

_ADDRESS: Final = "aws:sourceip"
_PARTS: Final = {"aws:principalorgpaths": "/", "aws:sourceorgpaths": "/", "aws:userid": ":"}
"""Up to where a value must be fixed: below an organisation, and in the sessions of a role, all are its own."""

_KEYS: Final = frozenset(
    {
        *_CALLERS,
        *_PARTS,
        _ADDRESS,
        "aws:principalorgid",
        "aws:principalservicename",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
"""S3 user guide, "Blocking public access to your Amazon S3 storage: the meaning of 'public'", and what is of their
kind in the IAM user guide, "AWS global condition context keys"."""

_WIDEST: Final = {4: 8, 6: 32}
"""Shortest prefixes of networks that S3 does not take for all of the internet (same page)."""


def is_open(clause: Clause) -> bool:
    """Tell whether a statement about everybody is about strangers, too."""
    return not any(map(narrows, clause.conditions))


def narrows(test: Test, *, signed: bool = False) -> bool:
    """Tell whether a test keeps out all but some callers or networks.

    Args:
        test: A line of a condition.
        signed: Whether each request says who calls, as those to STS with keys do; S3 also takes anonymous ones.
    """
    return (
        test.key in _KEYS
        and test.comparison in _POSITIVE
        and (not test.optional or (signed and test.key in _CALLERS))
        and all(_is_some(test, value) for value in test.values)
    )


def narrowed(clause: Clause) -> Clause:
    """Name whom a statement is about that names everybody and then tests who calls; roles may be given by patterns."""
    if not is_everybody(clause) or clause.negated:
        return clause
    named = (test.values for test in clause.conditions if test.key in _CALLERS and narrows(test))
    return next((replace(clause, principals={"AWS": values}) for values in named), clause)


def _is_some(test: Test, value: str) -> bool:
    """Tell whether a value means less than everything."""
    if test.key == _ADDRESS:
        return _is_network(value)
    return test.comparison in _LITERAL or not set("*?") & set(_decisive(test.key, value))


def _decisive(key: str, value: str) -> str:
    """Cut a value to what tells its owner: of an ARN the account, where it has one."""
    account = value.split(":")[4:5]
    if key.endswith("arn") and account and account[0]:
        return account[0]
    return value.partition(_PARTS[key])[0] if key in _PARTS else value


def _is_network(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= _WIDEST[network.version]
