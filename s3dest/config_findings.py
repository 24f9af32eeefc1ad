"""What pydantic says about a configuration, as findings: the same shape as a check's, for the same form.

The sentences are our own (names.py, auth.py, config.py) and repeat no input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3dest import config_problems
from s3dest.errors import ConfigError
from s3dest.findings import Finding
from s3dest.kind import kind_of
from s3dest.problem import Problem

if TYPE_CHECKING:
    from pydantic import ValidationError

_BY_FIELD: Final = {
    "bucket": config_problems.BUCKET_NAME_INVALID,
    "region": config_problems.REGION_INVALID,
    "prefix": config_problems.PREFIX_INVALID,
    "role_arn": config_problems.ROLE_ARN_INVALID,
    "access_key_id": config_problems.KEYS_INVALID,
    "secret_access_key": config_problems.KEYS_INVALID,
    "endpoint_url": config_problems.ENDPOINT_INVALID,
    "sts_endpoint_url": config_problems.ENDPOINT_INVALID,
}
_BY_SENTENCE: Final = (
    ("bucket", "directory bucket", config_problems.DIRECTORY_BUCKET),
    ("bucket", "ARN", config_problems.BUCKET_IS_ADDRESS),
    ("bucket", "web address", config_problems.BUCKET_IS_ADDRESS),
    ("access_key_id", "temporary credentials", config_problems.TEMPORARY_KEY),
)


def config_findings(error: ValidationError | ConfigError) -> tuple[Finding, ...]:
    """Turn the error of ``DestinationConfig.model_validate`` into findings, one for each field; sends nothing.

    That of a `Destination` which refuses a config is turned into one, too.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(error, ConfigError):
        return (
            Finding(code=error.code, severity="error", owner=error.owner, message=error.message, remedy=error.remedy),
        )
    if not hasattr(error, "errors"):
        message = f"config_findings() takes the error of a configuration, not {kind_of(error)}."
        raise ConfigError(message, remedy="Give it the ValidationError that DestinationConfig.model_validate() raises.")
    lines = error.errors(include_input=False, include_context=False, include_url=False)
    return tuple(_finding(line["loc"], line["msg"]) for line in lines)


def _finding(location: tuple[int | str, ...], sentence: str) -> Finding:
    field = str(location[-1]) if location else ""
    problem = _problem(field, sentence)
    where = ".".join(str(name) for name in location) or "The configuration"
    # pydantic's own sentences stand alone, ours follow the field's name
    said = f": {sentence}" if sentence[:1].isupper() else f" {sentence}"
    return Finding(
        code=problem.code,
        severity="error",
        owner=problem.owner,
        message=f"{problem.title} {where}{said}.",
        remedy=problem.remedy,
        link=problem.link,
    )


def _problem(field: str, sentence: str) -> Problem:
    for name, words, problem in _BY_SENTENCE:
        if field == name and words in sentence:
            return problem
    if sentence == "Field required":
        return config_problems.CONFIG_INVALID
    return _BY_FIELD.get(field, config_problems.CONFIG_INVALID)
