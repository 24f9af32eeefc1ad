"""The house: which floor each module is on, and which packages of others it may know."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "kind",
        "loading",
        "file_lock",
        "local_file",
        "model",
        "results",
        "prepared",
        "schema",
        "supertype",
        "findings",
        "capabilities",
        "drift",
        "rendering",
        "version",
    ),
    ("names", "auth", "encryption", "config", "options", "vendor", "layout", "formats", "formats.*"),
    (
        "policies",
        "kit",
        "kit.*",
        "review",
        "review.*",
        "retry",
        "problem",
        "problems",
        "denials",
        "kms_problems",
        "sts_problems",
        "network_problems",
        "observations",
        "config_problems",
        "config_findings",
        "catalogue",
        "answer",
        "answer_limit",
        "answer_time",
        "connection",
        "pools",
        "claims",
        "denial",
        "statements",
        "verdicts",
        "sts_verdicts",
        "diagnosis",
        "privacy",
        "journal",
        "signature",
        "piece",
        "threads",
    ),
    ("sts_hosts", "identity", "sdk", "role_sessions", "credentials", "strangers"),
    (
        "lanes",
        "canonical",
        "quiet_request",
        "payload_hash",
        "template",
        "bystanders",
        "exchange",
        "small_puts",
        "client",
        "etag",
        "body",
        "creation",
        "wire",
        "completions",
        "multipart",
        "s3",
        "rights",
    ),
    (
        "budget",
        "shelf",
        "strand",
        "digests",
        "press",
        "finished",
        "beginning",
        "file",
        "spool",
        "upload",
        "stock",
        "abandoned",
        "rows",
        "assembly",
    ),
    (
        "check",
        "notes",
        "probe",
        "audit",
        "arguments",
        "lifecycle",
        "append",
        "production",
        "commit",
        "manifest",
        "shares",
        "delivery",
        "recovery",
    ),
    ("destination", "testing", "testing.*"),
    ("cli", "cli.*", "engines", "engines.*"),
    ("", "__main__"),  # "" is s3dest/__init__.py
)

OTHERS: dict[str, tuple[str, ...]] = {
    "boto3": (
        "sdk",
        "bystanders",
        "role_sessions",
        "identity",
        "client",
        "wire",
        "s3",
        "testing",
        "testing.*",
        "cli",
        "cli.*",
    ),
    "botocore": (
        "sdk",
        "role_sessions",
        "credentials",
        "identity",
        "payload_hash",
        "canonical",
        "quiet_request",
        "template",
        "bystanders",
        "exchange",
        "small_puts",
        "client",
        "wire",
        "s3",
        "answer_limit",
        "connection",
        "pools",
        "diagnosis",
        "verdicts",
        "testing",
        "testing.*",
        "cli",
        "cli.*",
    ),
    "urllib3": (
        "identity",
        "answer_limit",
        "connection",
        "pools",
        "bystanders",
        "exchange",
        "verdicts",
    ),  # botocore's own; google-auth's transport on it
    "pydantic": (
        "model",
        "auth",
        "encryption",
        "config",
        "options",
        "vendor",
        "results",
        "prepared",
        "findings",
        "formats.*",
        "kit.*",
        "cli.*",
    ),
    "pydantic_core": ("model",),
    "tenacity": ("retry",),
    "orjson": ("formats.*", "manifest", "journal", "signature", "piece"),
    "cryptography": ("signature",),
    "isal": ("formats.*", "digests", "file", "piece"),
    "zstandard": ("formats.*",),
    "pyarrow": ("formats.*", "cli.*"),
    "google": ("identity",),
    "moto": ("testing", "testing.*"),
    "rich": ("rendering", "cli", "cli.*"),
    "typer": ("cli", "cli.*"),
    "yaml": ("cli.*",),
    "pydantic_settings": ("cli.*",),
}

FOR_TYPES_ONLY: dict[str, tuple[str, ...]] = {
    # errors.py is the ground floor and raises with a report of findings.py, which builds upon it
    "s3dest.findings": ("errors",),
    # the façade hands the client out without touching boto3 itself
    "botocore": ("destination", "answer"),
    "pydantic": ("config_findings",),  # the error that it reads
    "rich": ("findings",),  # the type of a report on a terminal
    "pyarrow": ("spool", "assembly"),
    "_typeshed": ("*",),  # the standard library's own types
    "types_boto3_s3": (
        "payload_hash",
        "small_puts",
        "destination",
        "client",
        "wire",
        "s3",
        "testing",
        "testing.*",
        "cli",
        "cli.*",
    ),
    "types_boto3_sts": ("identity", "role_sessions", "testing", "testing.*", "cli", "cli.*"),
}
"""Imports under ``if TYPE_CHECKING`` obey the same rules, but for these."""

ROOT = Path(__file__).parent.parent / "s3dest"


def module_name(path: Path) -> str:
    """Name a file of the package as a module, without the leading ``s3dest.``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


SOURCES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def matches(module: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a module is meant by one of the patterns."""
    return any(fnmatch(module, pattern) for pattern in patterns)


def floors_of(module: str) -> list[int]:
    """Tell on which floors the table puts a module."""
    return [number for number, patterns in enumerate(FLOORS) if matches(module, patterns)]


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """Yield what a module imports anywhere in its text, and whether for type checkers only."""
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            source = node.module or ""
            # `from s3dest import problems` imports a module, `from s3dest.auth import RoleAuth` a name in one
            names = [
                full if (full := f"{source}.{alias.name}").removeprefix("s3dest.") in SOURCES else source
                for alias in node.names
            ]
        else:
            continue
        yield from ((name, id(node) in for_types) for name in names)


def own_imports(module: str, *, with_types: bool = True) -> set[str]:
    """Tell which modules of the package a module imports, less the exceptions above."""
    return {
        name.removeprefix("s3dest").removeprefix(".")
        for name, for_types in imports(module)
        if name.split(".")[0] == "s3dest"
        and not (for_types and (not with_types or matches(module, FOR_TYPES_ONLY.get(name, ()))))
    }


@pytest.mark.parametrize("module", SOURCES)
def test_every_module_has_one_floor(module: str) -> None:
    """A module that the table does not know, or knows twice, fails."""
    assert len(floors_of(module)) == 1


@pytest.mark.parametrize("module", SOURCES)
def test_no_module_imports_from_a_higher_floor(module: str) -> None:
    """Imports go down, or along the floor."""
    (floor,) = floors_of(module)
    above = {name for name in own_imports(module) if floors_of(name)[0] > floor}
    assert not above


def test_imports_have_no_cycle() -> None:
    """Along a floor, too, there is a first and a last."""
    graph = {module: own_imports(module, with_types=False) for module in SOURCES}
    assert set(TopologicalSorter(graph).static_order()) >= set(SOURCES)


@pytest.mark.parametrize("module", SOURCES)
def test_packages_of_others_are_known_where_the_table_says(module: str) -> None:
    """The wire knows botocore, one module tenacity, the command line rich; nobody else does."""
    strangers = {
        name
        for name, for_types in imports(module)
        if (top := name.split(".")[0]) != "s3dest"
        and top not in sys.stdlib_module_names
        and not matches(module, OTHERS.get(top, ()))
        and not (for_types and matches(module, FOR_TYPES_ONLY.get(top, ())))
    }
    assert not strangers


def test_the_table_names_nothing_that_is_gone() -> None:
    """A module that was renamed is taken out of the table."""
    listed = {name for patterns in FLOORS for name in patterns if "*" not in name}
    coming = {"spool", "upload", "engines", "__main__"}  # announced by the design, not all built yet
    folders = {name.split(".")[0] for name in SOURCES if "." in name}
    assert listed - coming - folders <= set(SOURCES)
