"""Whom a statement is about: the role or user of the config, the vendor, everybody."""

from __future__ import annotations

from typing import Final

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.names import RoleArn, session_name
from s3dest.review.grammar import Clause, like
from s3dest.vendor import AwsPrincipal, VendorIdentity

CALLER: Final = "aws:principalarn"
CALLERS_ACCOUNT: Final = "aws:principalaccount"


def is_everybody(clause: Clause) -> bool:
    """Tell whether a statement is about whoever there is."""
    return "*" in _names(clause)


def is_meant(clause: Clause, config: DestinationConfig) -> bool | None:
    """Tell whether a statement is about the role or user; what it says of an account is about its roles.

    ``None`` where it names users or accounts, and the config has a user's key, which does not tell whose it is. A
    statement of the role's or user's own policy names nobody, and means it.
    """
    if not clause.principals:
        return True
    names, negated = _names(clause), "NotPrincipal" in clause.negated
    if isinstance(config.auth, RoleAuth):
        if negated:
            return _is_left(names, config.auth)
        session = _sessions(config.auth.role) + (config.auth.session_name or session_name(config.bucket))
        return bool(names & {"*", config.auth.role_arn, session, *_account(config.auth.role)})
    if "*" in names:
        return not negated
    if any(":role/" not in name and ":assumed-role/" not in name for name in names):
        return None
    return negated


def _is_left(names: set[str], auth: RoleAuth) -> bool | None:
    """Tell whether a role is among those that are not listed.

    Who lists it must list its session and its account, too, which else are denied (IAM user guide, "AWS JSON policy
    elements: NotPrincipal"); S3 may still let it pass.
    """
    role = auth.role
    listed = [auth.role_arn in names, any(name.startswith(_sessions(role)) for name in names)]
    if not any(listed):
        return True
    return False if all(listed) and names & {*_account(role)} else None


def own_role(clause: Clause, config: DestinationConfig) -> str | None:
    """Tell the role's ARN if a statement that allows names just that, or roles like it."""
    if not isinstance(config.auth, RoleAuth):
        return None
    arn = config.auth.role_arn
    return arn if any(name != "*" and like(name, arn) for name in _names(clause)) else None


def vendor_in(clause: Clause, config: DestinationConfig, vendor: VendorIdentity | None) -> str | None:
    """Tell by which name a statement is about the vendor itself, if it is; an account that both share is the role's."""
    if not isinstance(vendor, AwsPrincipal):
        return None
    account = vendor_account(vendor)
    shared = isinstance(config.auth, RoleAuth) and config.auth.role.account in account
    names = sorted(_names(clause) - {"*"})
    return next((name for name in names if like(name, vendor.arn) or (not shared and name in account)), None)


def accounts(clause: Clause) -> set[str]:
    """List the accounts that a statement names, by themselves or by whom they have.

    S3 also takes an account's canonical id, which does not tell which account it is.
    """
    pieces = [name.split(":") for name in _names(clause)]
    named = {piece[4] if len(piece) > 4 else piece[0] for piece in pieces}  # noqa: PLR2004  # where an ARN has it
    return {account for account in named if account.isdigit()} | {*clause.principals.get("CanonicalUser", ())}


def vendor_account(vendor: AwsPrincipal) -> tuple[str, str]:
    """Name the vendor's account in both ways that a principal can."""
    account = vendor.arn.split(":")[4]
    return account, f"arn:{vendor.partition}:iam::{account}:root"


def _sessions(role: RoleArn) -> str:
    """Tell what the ARNs of a role's sessions begin with, which have no path."""
    return f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name.rpartition('/')[2]}/"


def _account(role: RoleArn) -> tuple[str, str]:
    return role.account, f"arn:{role.partition}:iam::{role.account}:root"


def _names(clause: Clause) -> set[str]:
    return {name for kind in ("AWS", "*") for name in clause.principals.get(kind, ())}
