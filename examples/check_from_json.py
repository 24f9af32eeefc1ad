"""Check a stored config, as the page does where a customer enters one: validate, try, tell who has to mend what.

python check_from_json.py              plays it on an S3 inside the process, with a made-up customer
python check_from_json.py config.json  checks for real; exits with 1 if data cannot be delivered
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import ValidationError

from s3dest import Destination, DestinationConfig, config_findings
from s3dest.testing import EmbeddedS3


def check(stored: str) -> bool:
    """Check what the customer entered, stored as JSON; tell whether data can be delivered."""
    try:
        config = DestinationConfig.model_validate_json(stored)
    except ValidationError as error:
        for finding in config_findings(error):
            # in the shape of a check's findings, so that one page shows both
            print(f"{finding.severity}: {finding.code}. {finding.message} {finding.remedy}")
        return False

    with Destination(config) as destination:
        # Later, when the customer has taken s3:DeleteObject away: check(mode="recheck").
        report = destination.check()

    print(report)
    blamed = {finding.owner for finding in report.findings if finding.severity == "error"}
    if blamed:
        print(f"to be fixed by: {', '.join(sorted(blamed))}")
    # model_dump_json() is for the vendor's books: it holds the steps, the findings and AWS's request ids
    print(f"report: {len(report.model_dump_json())} characters of JSON")
    return report.ok


def play() -> None:
    """Enter a config that is right, one with a typing error, and one with another customer's external id."""
    with EmbeddedS3() as s3:
        right = s3.customer().config.model_dump(mode="json")
        typo = {**right, "region": "eu-west-1a"}
        stranger = {**right, "auth": {**right["auth"], "external_id": "another-customer"}}
        for entered in (right, typo, stranger):
            print(f"ok: {check(json.dumps(entered))}\n")


def main() -> None:
    """Check the config given, or play."""
    if len(sys.argv) > 1:
        sys.exit(0 if check(Path(sys.argv[1]).read_text(encoding="utf-8")) else 1)
    play()


if __name__ == "__main__":
    main()
