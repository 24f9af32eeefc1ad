"""What several statements that allow to put allow together: one may be about objects, and another about their parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from s3dest.auth import RoleAuth
from s3dest.config import DestinationConfig
from s3dest.review.facts import REQUESTS, Request
from s3dest.review.grammar import Clause
from s3dest.review.principals import is_everybody, is_meant, own_role
from s3dest.review.requests import (
    EXTENSIONS,
    all_of,
    always_written,
    data_written,
    format_written,
    meets_in,
    objects,
)

SURE: Final[frozenset[bool | None]] = frozenset({True})
"""Statements count whose conditions each request surely meets that they are for."""

POSSIBLE: Final[frozenset[bool | None]] = SURE | {None}
"""Those count, too, whose conditions only AWS can judge."""

NAMED: Final[frozenset[bool | None]] = POSSIBLE | {False}
"""All count, whatever their conditions."""

_MANY: Final = 100
"""Of so many tables it is looked whether all of them may be written: a policy names no more, but for mischief."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of what is written may be put: all of it, or some formats of all tables, or some tables."""

    what: Literal["all", "formats", "tables"]
    names: tuple[str, ...] = ()


def extent(putting: Sequence[Clause], config: DestinationConfig, believed: frozenset[bool | None]) -> Extent | None:
    """Tell how much may be put; ``None`` if not even one table in one format.

    Args:
        putting: The statements that allow to put something.
        config: The destination.
        believed: Which statements count, by the answer to their conditions: `SURE`, `POSSIBLE` or `NAMED`.
    """
    grants = _Grants.of(putting, config, believed)
    if formats := _formats(grants, config):
        return Extent("all") if len(formats) == len(EXTENSIONS) else Extent("formats", formats)
    return Extent("tables", tables) if (tables := _tables(grants, config)) else None


def outright(clauses: Sequence[Clause], config: DestinationConfig) -> list[Clause]:
    """List the statements of a bucket's policy that let the role in whatever its own policy allows.

    They are of the role's own account, and name it or everybody (IAM user guide, "Policy evaluation logic").
    """
    if not isinstance(config.auth, RoleAuth) or config.expected_bucket_owner != config.auth.role.account:
        return []
    return [each for each in clauses if each.allows and (is_everybody(each) or own_role(each, config) is not None)]


@dataclass(frozen=True, slots=True)
class _Grants:
    """The statements that count for each kind of request."""

    put: Sequence[Clause]
    part: Sequence[Clause]
    record: Sequence[Clause]

    @classmethod
    def of(cls, putting: Sequence[Clause], config: DestinationConfig, believed: frozenset[bool | None]) -> _Grants:
        """Ask each statement for each request."""

        def answer(clause: Clause, request: Request) -> bool | None:
            return all_of((is_meant(clause, config), meets_in(clause, config, request)))

        count = {each: [clause for clause in putting if answer(clause, each) in believed] for each in REQUESTS}
        return cls(**count)

    def takes_data(self, resources: Sequence[str]) -> bool:
        """Tell whether each of some objects may be put, at once and in parts."""
        return _cover(self.put, resources) and (self.part == self.put or _cover(self.part, resources))

    def takes_records(self, resources: Sequence[str]) -> bool:
        """Tell whether each of some manifests and probes may be put."""
        return _cover(self.record, resources)


def _cover(clauses: Sequence[Clause], resources: Sequence[str]) -> bool:
    return all(any(clause.covers(resource) for clause in clauses) for resource in resources)


def _formats(grants: _Grants, config: DestinationConfig) -> tuple[str, ...]:
    """List the formats in which all tables may be written, beside the manifests and the check's probe."""
    if not grants.takes_records(always_written(config)):
        return ()
    return tuple(end for end in EXTENSIONS if grants.takes_data([format_written(config, end)]))


def _tables(grants: _Grants, config: DestinationConfig) -> tuple[str, ...]:
    """List the tables of which all may be written, objects and manifests, beside the check's probe."""
    head = objects(config)[:-1]
    resources = [resource for clause in grants.put for resource in clause.resources if resource.startswith(head)]
    named = sorted({resource.removeprefix(head).partition("/")[0] for resource in resources})

    def is_whole(table: str) -> bool:
        records, data = always_written(config, table=table), data_written(config, table=table)
        return grants.takes_records(records) and grants.takes_data(data)

    # keys are ASCII: other letters are escaped in them
    tables = [unquote(name) for name in named if re.fullmatch(r"[A-Za-z0-9%][A-Za-z0-9%._-]*", name)]
    return tuple(table for table in tables[:_MANY] if is_whole(table))
