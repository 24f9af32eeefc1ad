"""The catalogue: each cause has one code, one owner, and texts that fill."""

from __future__ import annotations

import re
import string
from typing import get_args

import pytest
from fake import FakeAws

from s3dest import catalogue, problems
from s3dest.diagnosis import _values, describe
from s3dest.errors import CheckFailedError, ConfigError, CredentialsError, Owner, RequestError
from s3dest.problem import Problem

CATALOGUE = {
    name: value
    for _, module in catalogue.CHAPTERS
    for name, value in vars(module).items()
    if isinstance(value, Problem)
}
EACH = pytest.mark.parametrize("problem", CATALOGUE.values(), ids=CATALOGUE.keys())

SAME_CAUSE_TWO_WAYS = {"not_s3": 2, "sts_answer": 2}
"""Causes with two texts: what is no S3 or STS by a success without facts or a refusal."""


@EACH
def test_a_code_is_a_stable_name(problem: Problem) -> None:
    """Programs compare it."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", problem.code)
    assert problem.owner in get_args(Owner)
    assert issubclass(problem.error, (RequestError, CredentialsError, CheckFailedError, ConfigError))


def test_one_meaning_has_one_code() -> None:
    """And two meanings have two; where a code has two texts, the error and owner or cause are the same."""
    codes = [problem.code for problem in CATALOGUE.values()]
    assert {code: codes.count(code) for code in codes if codes.count(code) > 1} == SAME_CAUSE_TWO_WAYS
    for code in SAME_CAUSE_TWO_WAYS:
        assert len({(each.error, each.owner) for each in CATALOGUE.values() if each.code == code}) == 1


@EACH
def test_texts_name_only_what_is_there(problem: Problem) -> None:
    """A field that is not filled would be a KeyError in the middle of a failure."""
    texts = (problem.title, problem.remedy, problem.elsewhere)
    fields = {name for text in texts for _, name, _, _ in string.Formatter().parse(text)}
    values = _values(FakeAws().config(), "key")
    assert fields - {None} <= values.keys() == catalogue.PLACEHOLDERS.keys()


@EACH
def test_texts_are_sentences(problem: Problem) -> None:
    """The title says what is wrong, the remedy what to do."""
    for text in (problem.title, problem.remedy, *([problem.elsewhere] if problem.elsewhere else [])):
        assert re.match(r"[A-Z{]|s3dest |botocore ", text)
        assert text.endswith(".")


@EACH
@pytest.mark.parametrize("auth", ["role", "hmac"])
def test_a_problem_becomes_an_error_with_values(problem: Problem, auth: str) -> None:
    """For a role and a user alike, no braces are left."""
    aws = FakeAws()
    config = aws.config(**({"auth": aws.user} if auth == "hmac" else {}))
    operation = "AssumeRole" if problem.error is CredentialsError else "PutObject"
    error = describe(problem, config, operation=operation, key="vendor/exports/a")
    assert not re.search(r"[{}]", str(error))
    assert (error.code, error.owner, error.retryable) == (problem.code, problem.owner, problem.retryable)


def test_braces_in_values_are_left_alone() -> None:
    """A key may hold them."""
    error = describe(problems.KEY_EXISTS, FakeAws().config(), operation="PutObject", key="a/{bucket}")
    assert "s3://acme-lake/a/{bucket}" in str(error)


@EACH
def test_what_may_have_happened_is_worth_another_try(problem: Problem) -> None:
    """An ambiguous outcome is settled by sending the same request again: every one of ours may be repeated."""
    if problem.ambiguous:
        assert problem.retryable
