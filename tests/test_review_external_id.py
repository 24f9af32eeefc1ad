"""The linter of how trust policies test external ids."""

from __future__ import annotations

from typing import Any

import pytest
from reviewing import EXACT, ID, ID_KEY, OTHER, ROLE, VENDOR, codes, make, policy, way

EXTERNAL_IDS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "must be there, too": ({**EXACT, "Null": {ID_KEY: "false"}}, []),
    "any of": ({"ForAnyValue:StringEquals": {ID_KEY: ID}}, []),
    "all of": ({"ForAllValues:StringEquals": {ID_KEY: ID}}, [("warning", "external_id_optional")]),
    "if sent, and must be": ({"StringEqualsIfExists": {ID_KEY: ID}, "Null": {ID_KEY: "false"}}, []),
    "must be there alone": ({"Null": {ID_KEY: "false"}}, [("warning", "external_id_missing")]),
    "all but another": ({"StringNotEquals": {ID_KEY: "beta"}}, [("warning", "external_id_missing")]),
    "all but some": ({"StringNotLike": {ID_KEY: "beta-*"}}, [("warning", "external_id_missing")]),
    "all but another, and ours": ({**EXACT, "StringNotEquals": {ID_KEY: "beta"}}, []),
    "as an ARN": ({"ArnLike": {ID_KEY: ID}}, [("error", "external_id_operator")]),
    "must not be there": ({"Null": {ID_KEY: "true"}}, [("error", "external_id_operator")]),
    "other case": ({"StringEqualsIgnoreCase": {ID_KEY: ID.upper()}}, []),
    "other case, exactly": ({"StringEquals": {ID_KEY: ID.upper()}}, [("error", "external_id_mismatch")]),
    "like": ({"StringLike": {ID_KEY: "acme-*"}}, [("warning", "external_id_wildcard")]),
    "like another": ({"StringLike": {ID_KEY: "beta-*"}}, [("error", "external_id_mismatch")]),
    "like, and exactly": ({**EXACT, "StringLike": {ID_KEY: "acme-*"}}, []),
    "if sent, another": ({"StringEqualsIfExists": {ID_KEY: "beta"}}, [("error", "external_id_mismatch")]),
}


@pytest.mark.parametrize("name", EXTERNAL_IDS)
def test_an_external_id_can_be_demanded_in_several_ways(name: str) -> None:
    """What lets in the vendor's and no other is no finding, however it is written."""
    condition, expected = EXTERNAL_IDS[name]
    assert codes(make(), VENDOR, trust=way(condition)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Null": {ID_KEY: "true"}}, []),
        ({"StringEqualsIfExists": {ID_KEY: ID}}, []),
        ({"Null": {ID_KEY: "false"}}, [("error", "external_id_mismatch")]),
        ({"ForAnyValue:StringEquals": {ID_KEY: ID}}, [("error", "external_id_mismatch")]),
    ],
)
def test_without_an_external_id_none_may_be_demanded(condition: Any, expected: Any) -> None:
    """The config says that there is none; what lets in who sends none is right."""
    assert codes(make(auth={**ROLE, "external_id": None}), VENDOR, trust=way(condition)) == expected


SECOND: dict[str, tuple[Any, list[str]]] = {
    "another customer's id": ({"StringEquals": {ID_KEY: "beta"}}, ["external_id_several"]),
    "ids of other customers": ({"StringEquals": {ID_KEY: ["beta", "gamma"]}}, ["external_id_several"]),
    "another id, and it must be": (
        {"StringEqualsIfExists": {ID_KEY: "beta"}, "Null": {ID_KEY: "false"}},
        ["external_id_several"],
    ),
    "another id, or none": ({"StringEqualsIfExists": {ID_KEY: "beta"}}, ["external_id_optional"]),
    "like others": ({"StringLike": {ID_KEY: "beta-*"}}, ["external_id_wildcard"]),
    "all but one": ({"StringNotEquals": {ID_KEY: "beta"}}, ["external_id_missing"]),
    "all but ours": ({"StringNotEquals": {ID_KEY: ID}}, ["external_id_missing"]),
    "no id": ({"Null": {ID_KEY: "true"}}, ["external_id_missing"]),
    "ours, from elsewhere": ({**EXACT, "Bool": {"aws:SecureTransport": "false"}}, []),
    "nobody's": ({"StringEquals": {ID_KEY: "beta"}, "StringNotEquals": {ID_KEY: "beta"}}, []),
    "two at once": ({"StringEquals": {ID_KEY: "beta"}, "StringEqualsIgnoreCase": {ID_KEY: "gamma"}}, []),
}


@pytest.mark.parametrize("name", SECOND)
def test_one_way_in_is_enough_and_a_second_may_let_others_in(name: str) -> None:
    """What a second statement about the vendor lacks keeps nobody out; whom it lets in besides is told."""
    condition, expected = SECOND[name]
    first, second = way(EXACT)["Statement"][0], way(condition)["Statement"][0]
    for vendor in (VENDOR, None):
        found = codes(make(), vendor, trust=policy(second, first))
        assert found == [("warning", code) for code in expected]


def test_alone_it_is_an_error_that_another_id_is_demanded() -> None:
    """Then nobody lets the vendor in."""
    assert codes(make(), VENDOR, trust=way({"StringEquals": {ID_KEY: "beta"}})) == [("error", "external_id_mismatch")]


def test_a_statement_about_another_partner_is_theirs() -> None:
    """As long as nobody says who the vendor is, each statement may be about it, but one that lets it in is enough."""
    given = policy(
        *way(EXACT)["Statement"], *way({"StringEquals": {ID_KEY: "beta"}}, Principal={"AWS": OTHER})["Statement"]
    )
    assert codes(make(), trust=given) == []


MISSING = [("warning", "external_id_missing")]
DEMANDS: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    ("*", {"StringNotEquals": {ID_KEY: ID}}, []),
    ({"AWS": [VENDOR.arn, OTHER]}, {"StringNotEquals": {ID_KEY: ID}}, []),
    ({"AWS": OTHER}, {"StringNotEquals": {ID_KEY: ID}}, MISSING),
    ("*", {"StringNotEqualsIfExists": {ID_KEY: ID}}, []),
    ("*", {"StringNotLike": {ID_KEY: "acme-*"}}, [("warning", "external_id_wildcard")]),
    ("*", {"StringNotEquals": {ID_KEY: [ID, "beta"]}}, [("warning", "external_id_several")]),
    ("*", {"Null": {ID_KEY: "true"}}, MISSING),
    ("*", {"ForAnyValue:StringNotEquals": {ID_KEY: ID}}, MISSING),
    ("*", {"StringEquals": {ID_KEY: "beta"}}, MISSING),
    ("*", {"StringNotEquals": {ID_KEY: ID}, "Bool": {"aws:SecureTransport": "true"}}, MISSING),
    ("*", {"StringNotEquals": {ID_KEY: "beta"}}, [("error", "trust_denied"), *MISSING]),
]


@pytest.mark.parametrize(("principal", "condition", "expected"), DEMANDS)
def test_a_denial_of_all_ids_but_one_demands_that_one(principal: Any, condition: Any, expected: Any) -> None:
    """It is as good as a test of the statement that lets the vendor in."""
    denial = {"Effect": "Deny", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    assert codes(make(), VENDOR, trust=policy(way({})["Statement"][0], denial)) == expected
