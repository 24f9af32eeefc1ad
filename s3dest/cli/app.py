"""The commands, their arguments and exit codes: 0 done, 1 failed, 2 misused. What a command does is in its own file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from s3dest.cli import demo as demonstration
from s3dest.cli.rows import InputError, RowSource
from s3dest.cli.screen import Screen
from s3dest.errors import S3DestError
from s3dest.version import __version__

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"s3dest {__version__}")
        raise typer.Exit


@app.callback()
def _s3dest(
    *,
    version: Annotated[  # its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Deliver data into a bucket that your customer owns: append-only, with least privilege."""


@app.command()
def demo(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Rows to deliver: CSV (.csv) or JSON Lines (.jsonl, .ndjson), also with .gz. "
            "Default: the inventory of this Python environment, one row for each installed file.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show it all on an S3 inside the process: set-up, check, transfer, repetition, refusals.

    Needs no account and no network, and leaves nothing behind. Exits with 1 if anything it claims does not hold.
    """
    with _sentences():
        source = RowSource.of_file(file) if file else RowSource.of_environment()
        held = demonstration.run(source, Screen.of_terminal())
    if not held:
        raise typer.Exit(1)


@contextmanager
def _sentences() -> Iterator[None]:
    """Tell what went wrong in a sentence, not in a traceback."""
    try:
        yield
    except InputError as error:
        message = str(error)
    except S3DestError as error:
        message = f"{error.message} {error.remedy}".rstrip()
    else:
        return
    Console(stderr=True, soft_wrap=True).print(f"s3dest: {message}", markup=False, highlight=False)
    raise typer.Exit(1)
