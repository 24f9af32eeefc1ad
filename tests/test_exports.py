"""The public names: sorted, complete, documented, and light to import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from pydantic import BaseModel

import s3dest
from s3dest.append import AppendWriter

PUBLIC = {name: getattr(s3dest, name) for name in s3dest.__all__}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)} | {"AppendWriter": AppendWriter}
"""`Destination.append` returns a writer, whether or not its class is exported."""

NEEDED: dict[str, tuple[str, ...]] = {
    "Destination.check": ("s3:PutObject", "s3:DeleteObject", "sts:AssumeRole"),
    "Destination.append": ("s3:PutObject",),
    "AppendWriter.commit": ("s3:PutObject", "sts:AssumeRole"),
}
"""What these docstrings must name. Any other method of the two classes names an action too, or says that it sends
nothing; tests of least privilege prove it."""


def methods(name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the public methods and properties that a class of ours defines itself."""
    for attribute, value in vars(CLASSES[name]).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not attribute.startswith("_") and isinstance(function, FunctionType):
            yield f"{name}.{attribute}", function


METHODS = dict(pair for name in CLASSES for pair in methods(name))


def test_exports_are_sorted() -> None:
    """The list reads as an index."""
    assert s3dest.__all__ == sorted(s3dest.__all__)


def test_exports_are_listed() -> None:
    """Also what is loaded when it is asked for: completion in a shell finds it."""
    code = "import s3dest; print(set(s3dest.__all__) <= set(dir(s3dest)), 'boto3' in __import__('sys').modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "True False"


def test_exports_are_complete() -> None:
    """What __init__ imports from the package is public, and nothing else is."""
    tree = ast.parse(Path(s3dest.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "s3dest"
        for alias in node.names
    }
    assert {name for name in imported if not name.startswith("_")} == set(s3dest.__all__) - {"__version__"}


@pytest.mark.parametrize("name", s3dest.__all__)
def test_no_public_name_looks_like_a_test(name: str) -> None:
    """Pytest would collect it in the modules that import it."""
    assert not name.lower().startswith("test")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, value in PUBLIC.items()
        if inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, ModuleType)
    ],
)
def test_public_names_are_documented(name: str) -> None:
    """Each public class, function and module says what it is; an alias of types cannot."""
    value = PUBLIC[name]
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own
    assert own.split("\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("name", METHODS)
def test_public_methods_are_documented(name: str) -> None:
    """Each public method and property says what it does."""
    assert METHODS[name].__doc__


@pytest.mark.parametrize("name", [name for name in METHODS if name.startswith(("Destination.", "AppendWriter."))])
def test_methods_that_touch_the_network_name_their_actions(name: str) -> None:
    """A customer's administrator finds in the docstring what a call needs."""
    documentation = METHODS[name].__doc__ or ""
    assert not [action for action in NEEDED.get(name, ()) if action not in documentation]
    if not isinstance(vars(CLASSES[name.split(".", maxsplit=1)[0]])[name.split(".")[1]], property):
        assert re.search(r"\b(s3|sts):[A-Z]|[Ss]ends nothing", documentation)


@pytest.mark.parametrize(
    "name", [name for name in METHODS if not issubclass(CLASSES[name.split(".", maxsplit=1)[0]], BaseModel)]
)
def test_public_methods_take_no_open_arguments(name: str) -> None:
    """No ``**kwargs`` and no ``Any``; pydantic's own methods have both."""
    parameters = inspect.signature(METHODS[name]).parameters.values()
    assert not [parameter for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD]
    assert not [parameter for parameter in parameters if re.search(r"\bAny\b", str(parameter.annotation))]


def test_importing_loads_no_boto3() -> None:
    """A host that only keeps configs pays for no SDK: neither boto3 nor what the extras bring is loaded."""
    heavy = ("boto3", "botocore", "moto", "pyarrow", "rich", "typer", "google.auth", "requests")
    code = f"import sys, s3dest; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_type_checkers_know_each_name_and_no_other(tmp_path: Path) -> None:
    """The writer's class, too, though it is loaded when it is asked for; a misspelt name is told."""
    snippet = tmp_path / "host.py"
    snippet.write_text(f"from s3dest import {', '.join(s3dest.__all__)}\nfrom s3dest import AppendWritr\n")
    options = ("--strict", "--config-file=", "--follow-imports=skip", f"--cache-dir={tmp_path}", "--no-error-summary")
    command = [sys.executable, "-m", "mypy", *options, str(snippet), s3dest.__file__]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line.startswith(str(snippet))] == [
        f'{snippet}:2: error: Module "s3dest" has no attribute "AppendWritr"; maybe "AppendWriter"?  [attr-defined]'
    ]
