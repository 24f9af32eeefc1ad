"""``s3dest setup`` and ``s3dest review``: the customer's documents, before and after they are in their hands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from s3dest.cli.report import show_findings, standard_output, tell_json
from s3dest.cli.rows import STDIN, InputError, standard_input
from s3dest.cli.screen import Screen
from s3dest.cli.settings import READ_ONCE, SettingsProblem
from s3dest.config import DestinationConfig
from s3dest.findings import Finding
from s3dest.kit import GUIDE, SetupKit
from s3dest.policies import review
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, VendorIdentity, new_external_id


def vendor_of(arn: str | None, subject: str | None, audience: str | None, issuer: str | None) -> VendorIdentity | None:
    """Make the vendor's identity of the options; none for none.

    Raises:
        SettingsProblem: They do not go together, or one is wrong.
    """
    given = tuple(name for name, value in _named(arn, subject, audience, issuer).items() if value)
    try:
        match given:
            case ():
                return None
            case ("--vendor-arn",):
                return AwsPrincipal(arn=arn or "")
            case ("--subject", "--audience"):
                return GoogleServiceAccount(subject=subject or "", audience=audience or "")
            case ("--subject", "--audience", "--issuer"):
                return OidcSubject(issuer=issuer or "", subject=subject or "", audience=audience or "")
    except ValidationError as error:
        raise _problem(error) from None
    message = (
        "The vendor is --vendor-arn (an AWS principal), or --subject and --audience (a Google service account), "
        "or these two and --issuer (any OIDC provider)."
    )
    raise SettingsProblem(message)


def _named(arn: str | None, subject: str | None, audience: str | None, issuer: str | None) -> dict[str, str | None]:
    return {"--vendor-arn": arn, "--subject": subject, "--audience": audience, "--issuer": issuer}


def make_kit(vendor: VendorIdentity | None, values: Mapping[str, object], folder: Path) -> SetupKit:
    """Make the kit of the options; an external id is made where one is needed and none was given.

    Raises:
        SettingsProblem: One is wrong, or a kit that is there would get another external id.
    """
    if vendor is None:
        vendor_of(None, "missing", None, None)
    if isinstance(vendor, AwsPrincipal) and not values.get("external_id") and (folder / GUIDE).exists():
        message = f"{folder} holds a kit already: give its --external-id to write it anew, or another --output."
        raise SettingsProblem(message)
    external_id = values.get("external_id") or (new_external_id() if isinstance(vendor, AwsPrincipal) else None)
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return SetupKit.model_validate({**given, "vendor": vendor, "external_id": external_id})
    except ValidationError as error:
        raise _problem(error) from None


def hand_out(kit: SetupKit, folder: Path, screen: Screen, *, as_json: bool) -> None:
    """Write the kit, and tell what is in it and what to keep."""
    written = [str(path) for path in kit.write(folder)]
    config = {
        "bucket": kit.bucket,
        "region": kit.region,
        "prefix": kit.prefix,
        "auth": {"role_arn": "ROLE_ARN", "external_id": kit.external_id},
        **({"encryption": {"type": "sse-kms", "key_arn": kit.key_arn}} if kit.key_arn else {}),
    }
    known = f", with the external id {kit.external_id}" if kit.external_id else ""
    with standard_output(f"The set-up kit is in {folder}{known}."):
        if as_json:
            tell_json({"ok": True, "external_id": kit.external_id, "files": written, "config": config})
        else:
            _show_kit(kit, folder, written, config, screen)


def _show_kit(kit: SetupKit, folder: Path, written: list[str], config: Mapping[str, object], screen: Screen) -> None:
    screen.verdict("ok", f"The set-up kit is in {folder}. Give all of it to your customer; {GUIDE} comes first.")
    for path in written:
        screen.say(f"  {path}", style="dim")
    if kit.external_id:
        screen.verdict("note", f"Keep the external id with this customer, and never change it: {kit.external_id}")
    if kit.guard and not kit.create_bucket:
        text = f"No way of the kit adds the policy against overwriting to a bucket that exists: {GUIDE} says how to."
        screen.verdict("warning", text)
    screen.document("When they hand back the role's ARN, this is the configuration", config)


def review_files(
    config: DestinationConfig, files: Mapping[str, Path | None], vendor: VendorIdentity | None
) -> tuple[Finding, ...]:
    """Review the policies in files.

    Raises:
        InputError: There is none, or one cannot be read.
        SettingsProblem: No file was given, or standard input for two.
    """
    if list(files.values()).count(STDIN) > 1:
        raise SettingsProblem(READ_ONCE)
    texts = {kind: _text(path) for kind, path in files.items() if path is not None}
    if not texts:
        message = "Give at least one policy: --permission, --trust, --bucket-policy or --key-policy."
        raise SettingsProblem(message)
    return review(config, vendor=vendor, **texts)


def tell_review(findings: tuple[Finding, ...], screen: Screen, *, as_json: bool) -> bool:
    """Tell the findings; return whether there is nothing to fix."""
    good = all(finding.severity == "note" for finding in findings)
    codes = ", ".join(finding.code for finding in findings if finding.severity != "note")
    with standard_output("There is nothing to fix." if good else f"There is something to fix ({codes})."):
        if as_json:
            tell_json({"ok": good, "findings": [finding.model_dump(mode="json") for finding in findings]})
        else:
            show_findings(screen, findings)
            outcome = ("ok", "There is nothing to fix.") if good else ("FAILED", "Fix the findings above.")
            screen.verdict(*outcome)
    return good


def _text(path: Path) -> str:
    if path == STDIN:
        return standard_input().read().decode("utf-8", "replace")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text in UTF-8'}."
        raise InputError(message) from error


def _problem(error: ValidationError) -> SettingsProblem:
    lines = error.errors(include_input=False, include_context=False, include_url=False)
    return SettingsProblem("; ".join(f"{'.'.join(map(str, line['loc']))}: {line['msg']}" for line in lines) + ".")
