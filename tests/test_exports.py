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

import s3dest

PUBLIC = {name: getattr(s3dest, name) for name in s3dest.__all__}
CLASSES = [name for name, value in PUBLIC.items() if inspect.isclass(value)]

NEEDED: dict[str, tuple[str, ...]] = {
    "Destination.check": ("s3:PutObject", "s3:DeleteObject"),
    "Destination.append": ("s3:PutObject",),
    "Destination.commit": ("s3:PutObject",),
    "Destination.abort": ("s3:AbortMultipartUpload",),
    "Destination.client": ("sts:AssumeRole",),
    "AppendWriter.write": ("s3:PutObject",),
    "AppendWriter.write_many": ("s3:PutObject",),
    "AppendWriter.prepare": ("s3:PutObject",),
    "AppendWriter.commit": ("s3:PutObject",),
    "AppendWriter.abort": ("s3:AbortMultipartUpload",),
}
"""Public methods that may touch the network, and the actions their docstrings must name. Methods that do not exist
yet are skipped; a new public method of these classes must be listed here or in ``OFFLINE``."""

OFFLINE = {"Destination.close", "Destination.config", "Destination.options", "AppendWriter.receipt"}


def methods(name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the public methods and properties that a class of ours defines itself."""
    for attribute, value in vars(PUBLIC[name]).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not attribute.startswith("_") and isinstance(function, FunctionType):
            yield f"{name}.{attribute}", function


METHODS = dict(pair for name in CLASSES for pair in methods(name))


def test_exports_are_sorted() -> None:
    """The list reads as an index."""
    assert s3dest.__all__ == sorted(s3dest.__all__)


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


@pytest.mark.parametrize("name", [name for name in s3dest.__all__ if name != "__version__"])
def test_public_names_are_documented(name: str) -> None:
    """Each public class, function and module says what it is; an alias of types cannot."""
    value = PUBLIC[name]
    if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, ModuleType)):
        pytest.skip("an alias or a constant")
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own
    assert own.split("\n")[0].rstrip().endswith((".", ":"))


@pytest.mark.parametrize("name", METHODS)
def test_public_methods_are_documented(name: str) -> None:
    """Each public method and property says what it does."""
    assert METHODS[name].__doc__


@pytest.mark.parametrize("name", [name for name in METHODS if name.split(".")[0] in {"Destination", "AppendWriter"}])
def test_methods_that_touch_the_network_name_their_actions(name: str) -> None:
    """A customer's administrator finds in the docstring what a call needs."""
    assert name in NEEDED or name in OFFLINE, "say in this file whether it touches the network"
    missing = [action for action in NEEDED.get(name, ()) if action not in (METHODS[name].__doc__ or "")]
    assert not missing


@pytest.mark.parametrize("name", METHODS)
def test_public_methods_take_no_open_arguments(name: str) -> None:
    """No ``**kwargs``, and no ``Any`` but where pydantic's own signature has it."""
    if issubclass(PUBLIC[name.split(".", maxsplit=1)[0]], s3dest.DestinationConfig.__bases__[0]):
        pytest.skip("a pydantic model")
    parameters = inspect.signature(METHODS[name]).parameters.values()
    assert not [parameter for parameter in parameters if parameter.kind is parameter.VAR_KEYWORD]
    assert not [parameter for parameter in parameters if re.search(r"\bAny\b", str(parameter.annotation))]


def test_importing_loads_no_boto3() -> None:
    """A host that only keeps configs pays for no SDK: neither boto3 nor what the extras bring is loaded."""
    heavy = ("boto3", "botocore", "moto", "pyarrow", "rich", "typer", "google.auth", "requests")
    code = f"import sys, s3dest; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
