"""The commands, their arguments and exit codes: 0 done, 1 failed, 2 misused. What a command does is in its own file."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from s3dest.cli import demo as demonstration
from s3dest.cli import papers
from s3dest.cli.append import append as deliver
from s3dest.cli.append import inputs_of, tell_how_to_repeat
from s3dest.cli.report import FAILED, after_commit, sentences, show_receipt, standard_output, tell_json
from s3dest.cli.rows import RowSource
from s3dest.cli.screen import Screen
from s3dest.cli.settings import Settings, SettingsProblem
from s3dest.config import DestinationConfig
from s3dest.destination import Destination
from s3dest.journal import FileJournal
from s3dest.version import __version__

_LONGEST_WAIT = 24 * 60
"""Minutes; IAM needs some."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


class FileKind(StrEnum):
    """What a file of rows is."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="S3DEST_CONFIG",
        show_envvar=False,
        help="Configuration: .json, .yaml or .toml. S3DEST_* variables take precedence over it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
VendorArn = Annotated[
    str | None,
    typer.Option(
        metavar="ARN", envvar="S3DEST_VENDOR_ARN", show_envvar=False, help="You, on AWS: your role, user or root."
    ),
]
Subject = Annotated[
    str | None,
    typer.Option(
        metavar="SUB", envvar="S3DEST_VENDOR_SUBJECT", show_envvar=False, help="You, elsewhere: the token's sub."
    ),
]
Audience = Annotated[str | None, typer.Option(metavar="AUD", help="The token's aud, one for each customer.")]
Issuer = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="S3DEST_VENDOR_ISSUER", show_envvar=False, help="The token's iss, if not Google's."
    ),
]
Policy = Path | None


def _show_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"s3dest {__version__}")
        raise typer.Exit


@app.callback()
def _s3dest(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each step to standard error.")] = False,
    version: Annotated[  # noqa: ARG001  # its callback does the work
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Deliver data into a bucket that your customer owns: append-only, with least privilege.

    Exit codes: 0 done, 1 failed, 2 misused or wrongly configured.
    """
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    if verbose:
        logging.getLogger("s3dest").setLevel(logging.INFO)


@app.command(short_help="Write a customer's set-up kit.")
def setup(
    *,
    bucket: Annotated[str, typer.Option(metavar="NAME", help="The customer's bucket.")],
    region: Annotated[str, typer.Option(metavar="REGION", help="Its region.")],
    prefix: Annotated[str, typer.Option(metavar="PREFIX", help="Folder to write to. Default: the whole bucket.")] = "",
    vendor_arn: VendorArn = None,
    subject: Subject = None,
    audience: Audience = None,
    issuer: Issuer = None,
    external_id: Annotated[str | None, typer.Option(metavar="ID", help="The customer's. Default: a new one.")] = None,
    role_name: Annotated[str, typer.Option(metavar="NAME", help="Name of the role to create.")] = "transfer-role",
    key_arn: Annotated[str | None, typer.Option(metavar="ARN", help="The customer's KMS key.")] = None,
    account: Annotated[str | None, typer.Option(metavar="DIGITS", help="The customer's account, if known.")] = None,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="Your service's name, for the guide.")] = None,
    existing_bucket: Annotated[bool, typer.Option("--existing-bucket", help="The bucket is there already.")] = False,
    guard: Annotated[bool, typer.Option("--guard", help="Guard a new bucket against overwriting.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")] = Path("s3dest-kit"),
    as_json: AsJson = False,
) -> None:
    """Write a customer's set-up kit: guide, policies, CloudFormation, Terraform, script."""
    with sentences(as_json=as_json):
        values = {
            "bucket": bucket,
            "region": region,
            "prefix": prefix,
            "external_id": external_id,
            "role_name": role_name,
            "key_arn": key_arn,
            "account": account,
            "service": service,
            "create_bucket": not existing_bucket,
            "guard": guard,
        }
        kit = papers.make_kit(papers.vendor_of(vendor_arn, subject, audience, issuer), values, output)
        papers.hand_out(kit, output, Screen.of_terminal(), as_json=as_json)


@app.command(short_help="Find out whether data can be delivered.")
def check(
    *,
    config: Config = None,
    recheck: Annotated[bool, typer.Option("--recheck", help="Leave nothing visible, and delete nothing.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Also look for rights that are not needed.")] = False,
    wait: Annotated[
        int | None,
        typer.Option(
            min=1, max=_LONGEST_WAIT, metavar="MINUTES", help="Retry that long while new IAM policies propagate."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find out whether data can be delivered, and if not, why, and who can fix it."""
    with sentences(as_json=as_json), _destination(config)[0] as destination:
        report = destination.check(
            mode="recheck" if recheck else "setup",
            audit=audit,
            wait=None if wait is None else timedelta(minutes=wait),
            on_wait=lambda sentence: typer.echo(sentence, err=True),
        )
    codes = ", ".join(finding.code for finding in report.findings if finding.severity == "error")
    with standard_output("The check has passed." if report.ok else f"The check has failed ({codes})."):
        if as_json:
            tell_json(report.model_dump(mode="json"))
        else:
            Screen.of_terminal().report(report)
    if not report.ok:
        raise typer.Exit(FAILED)


@app.command(short_help="Append the rows of files, all or none.")
def append(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="CSV, JSON Lines (also gzipped) or Parquet; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    table: Annotated[str, typer.Option("--table", "-t", metavar="NAME", help="The table to append to.")],
    config: Config = None,
    kind: Annotated[
        FileKind | None, typer.Option("--input", help="Format to read. Default: by name; - is jsonl.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHAR", help="Of CSV input. Default: a comma."),
    ] = None,
    format: Annotated[FileKind, typer.Option("--format", help="Format to write.")] = FileKind.jsonl,  # noqa: A002
    transfer_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Its id: repeated under it, a transfer is never committed twice.")
    ] = None,
    transfer_date: Annotated[str | None, typer.Option(metavar="DATE", help="Its date, if the id is no UUIDv7.")] = None,
    partition_by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column that names folders; may be repeated.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(metavar="DIR", help="Record it there, for `resume`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Append the rows of files as one transfer: all of them, or none.

    Values of CSV are delivered as text, and an empty field as an empty text.
    """
    with sentences(as_json=as_json) as begun:
        inputs = inputs_of(files, kind, delimiter)
        destination, remembered = _destination(config, journal)
        _require_folder(remembered)
        with destination:
            receipt = deliver(
                destination,
                inputs,
                table=table,
                format=format.value,
                transfer_id=transfer_id,
                transfer_date=transfer_date,
                partition_by=partition_by or [],
                screen=Screen.of_terminal(quiet=as_json),
                on_commit=partial(tell_how_to_repeat, begun, journaled=remembered is not None),
            )
    with after_commit(receipt):
        if as_json:
            tell_json(receipt.model_dump(mode="json"))
        else:
            show_receipt(Screen.of_terminal(), receipt)


@app.command(short_help="Finish what a killed process left.")
def resume(
    *,
    config: Config = None,
    journal: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder that was given to `append`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Finish the transfers that a killed process left in the journal."""
    with sentences(as_json=as_json) as begun:
        destination, remembered = _destination(config, journal)
        if remembered is None:
            message = "There is no journal: give --journal, or set it in the configuration."
            raise SettingsProblem(message)
        _require_folder(remembered)
        begun.remedy = "What is not is still in the journal: run `s3dest resume` again."
        with destination:
            receipts = destination.resume()
    with after_commit(*receipts):
        if as_json:
            tell_json([receipt.model_dump(mode="json") for receipt in receipts])
            return
        screen = Screen.of_terminal()
        for receipt in receipts:
            show_receipt(screen, receipt)
        if not receipts:
            screen.verdict("ok", f"Nothing was left to finish in {remembered.path}.")


@app.command(short_help="Say what is wrong with policies, offline.")
def review(
    *,
    config: Config = None,
    permission: Annotated[Policy, typer.Option(metavar="FILE", help="Policy of the role or user.")] = None,
    trust: Annotated[Policy, typer.Option(metavar="FILE", help="Trust policy of the role.")] = None,
    bucket_policy: Annotated[Policy, typer.Option(metavar="FILE", help="Policy of the bucket.")] = None,
    key_policy: Annotated[Policy, typer.Option(metavar="FILE", help="Policy of the KMS key.")] = None,
    vendor_arn: VendorArn = None,
    subject: Subject = None,
    audience: Audience = None,
    issuer: Issuer = None,
    as_json: AsJson = False,
) -> None:
    """Say what is too wide, too narrow or contradictory in policies; sends nothing.

    A FILE may be - for standard input. Exits with 1 if anything has to be fixed.
    """
    with sentences(as_json=as_json):
        files = {"permission": permission, "trust": trust, "bucket": bucket_policy, "key": key_policy}
        vendor = papers.vendor_of(vendor_arn, subject, audience, issuer)
        findings = papers.review_files(Settings.load(config).destination(config), files, vendor)
        good = papers.tell_review(findings, Screen.of_terminal(), as_json=as_json)
    if not good:
        raise typer.Exit(FAILED)


@app.command(short_help="Write the JSON schema of the configuration.")
def schema(
    *,
    as_json: Annotated[bool, typer.Option("--json", show_default=False, help="Accepted for consistency.")] = True,
) -> None:
    """Write the JSON schema of the configuration, good enough to draw a form from."""
    del as_json
    tell_json(DestinationConfig.model_json_schema())


@app.command(short_help="Show it all on an S3 inside the process.")
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
    *,
    as_json: AsJson = False,
) -> None:
    """Show it all on an S3 inside the process: set-up, check, transfer, repetition, refusals.

    Needs no account and no network, and leaves nothing behind. Exits with 1 if anything it claims does not hold.
    """
    with sentences(as_json=as_json), standard_output():
        source = RowSource.of_file(file) if file else RowSource.of_environment()
        claims = demonstration.run(source, Screen.of_terminal(quiet=as_json))
    if as_json:
        told = [{"claim": claim, "holds": holds} for claim, holds in claims.items()]
        tell_json({"ok": all(claims.values()), "claims": told})
    if not all(claims.values()):
        raise typer.Exit(FAILED)


def _destination(config: Path | None, journal: Path | None = None) -> tuple[Destination, FileJournal | None]:
    """Open the configured destination, and its journal if there is to be one."""
    settings = Settings.load(config)
    folder = journal or settings.journal
    if folder and folder.exists() and not folder.is_dir():
        message = f"{folder} is no folder: a journal is one."
        raise SettingsProblem(message)
    remembered = FileJournal(folder) if folder else None
    return Destination(settings.destination(config), identity=settings.who(), journal=remembered), remembered


def _require_folder(journal: FileJournal | None) -> None:
    """Refuse a journal that is not there: of a misspelt one nobody would find what is to be finished."""
    if journal is not None and not journal.path.exists():
        message = f"There is no folder {journal.path}: make it, if no transfer has been remembered there yet."
        raise SettingsProblem(message)
