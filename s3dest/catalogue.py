"""All problems in one list, and the table of them for the README."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Final

from s3dest import config_problems, denials, kms_problems, network_problems, observations, problems, sts_problems
from s3dest.problem import Problem

CHAPTERS: Final[tuple[tuple[str, ModuleType], ...]] = (
    ("The configuration is wrong", config_problems),
    ("No session of the role", sts_problems),
    ("S3 denies", denials),
    ("KMS refuses", kms_problems),
    ("Other answers of S3", problems),
    ("The network in between", network_problems),
    ("Found only by a check", observations),
)
"""The catalogue, in the order of the README's table."""


def problems_of(module: ModuleType) -> Iterator[Problem]:
    """Yield the problems that a module defines, in its order."""
    yield from (value for value in vars(module).values() if isinstance(value, Problem))


ALL: Final = tuple(problem for _, module in CHAPTERS for problem in problems_of(module))
"""Every problem."""

PLACEHOLDERS: Final = {
    "action": "ACTION",
    "address": "region or endpoint_url",
    "bucket": "BUCKET",
    "caller": "",
    "claims": "",
    "clock": "",
    "encryption": "ENCRYPTION",
    "endpoint": "endpoint_url",
    "external_id": "EXTERNAL_ID",
    "key": "KEY",
    "key_prefix": "PREFIX/",
    "kms_action": "",
    "mend": "{…}",
    "objects_arn": "arn:aws:s3:::BUCKET/PREFIX/*",
    "owner": "ACCOUNT",
    "partition": "aws",
    "policy_arn": "",
    "principal": "the role or user",
    "probes_arn": "arn:aws:s3:::BUCKET/PREFIX/.s3dest-probe/*",
    "region": "REGION",
    "right": "RIGHT",
    "service": "the store or STS",
    "role_arn": "ROLE_ARN",
    "storage_class": "STORAGE_CLASS",
    "stranger": "a stranger",
    "uri": "s3://BUCKET/PREFIX",
    "vendors_policy": "the policy of the vendor's identity",
    "waited": "SOME TIME",
    "weakness": "WEAKNESS",
}
"""What stands for a customer's values in the README; diagnosis.py knows the same names."""


def table() -> str:
    """Write the catalogue as Markdown tables, one for each chapter; every code is a link target."""
    return "\n".join(line for title, module in CHAPTERS for line in _chapter(title, module))


def _chapter(title: str, module: ModuleType) -> Iterator[str]:
    yield from (f"**{title}**", "", "| code | who fixes it | what it means | what to do |", "|---|---|---|---|")
    seen: set[str] = set()
    for problem in problems_of(module):
        anchor = "" if problem.code in seen else f'<a id="{problem.code}"></a>'
        seen.add(problem.code)
        cells = (f"{anchor}`{problem.code}`", problem.owner, _filled(problem.title), _filled(problem.remedy))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _filled(text: str) -> str:
    filled = text.format_map({name: _Plain(value) for name, value in PLACEHOLDERS.items()})
    plain = filled.replace("*", "\\*").replace("<", "&lt;")
    return plain if plain.startswith("s3dest") else plain[:1].upper() + plain[1:]


class _Plain(str):
    """A placeholder that stands without quotation marks, also where ``!r`` asks for them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
