"""Role or keys: which it is, and what each field takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from s3dest.auth import Auth, HmacAuth, RoleAuth

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
AUTH: TypeAdapter[RoleAuth | HmacAuth] = TypeAdapter(Auth)


def problem(value: object) -> tuple[tuple[int | str, ...], str]:
    """Tell the one field and message that a wrong auth is refused with."""
    with pytest.raises(ValidationError) as caught:
        AUTH.validate_python(value)
    (line,) = caught.value.errors()
    return line["loc"], line["msg"]


def test_the_kind_is_inferred_from_the_keys_present() -> None:
    """No customer writes a type: the field names say it."""
    assert AUTH.validate_python(ROLE) == RoleAuth(role_arn=ROLE["role_arn"], external_id="acme-7f3c")
    assert isinstance(AUTH.validate_python(KEYS), HmacAuth)
    assert isinstance(AUTH.validate_json('{"access_key_id": "AKIA1234", "secret_access_key": "x"}'), HmacAuth)


def test_models_pass_as_they_are() -> None:
    """An auth built in Python is taken as it is."""
    auth = RoleAuth(role_arn=ROLE["role_arn"], external_id=None)
    assert AUTH.validate_python(auth) is auth


@pytest.mark.parametrize("value", [None, {}, "arn:aws:iam::111122223333:role/r", 7, {"role": "r"}, [ROLE]])
def test_what_is_no_auth_is_told_the_choice(value: object) -> None:
    """The message names the four fields."""
    location, message = problem(value)
    assert location == ()
    assert message == "needs either role_arn and external_id, or access_key_id and secret_access_key"


def test_both_kinds_at_once_are_refused() -> None:
    """Which of the two should win is not ours to guess."""
    assert problem({**ROLE, **KEYS})[1].endswith(", not both")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"role_arn": ROLE["role_arn"]}, "external_id"),
        ({"external_id": "acme"}, "role_arn"),
        ({"access_key_id": "AKIA1234"}, "secret_access_key"),
        ({"secret_access_key": "x"}, "access_key_id"),
        ({**ROLE, "secret_access_key": "x"}, "secret_access_key"),
        ({**ROLE, "externalId": "x"}, "externalId"),
    ],
)
def test_missing_and_surplus_fields_are_named(value: object, field: str) -> None:
    """The location is what the customer wrote, without the tag of the union."""
    assert problem(value)[0] == (field,)


@pytest.mark.parametrize("external_id", [None, "ab", "+=,.@:/-_aZ9", "x" * 1224])
def test_external_ids_of_sts_pass(external_id: str | None) -> None:
    """2 to 1224 characters of STS's alphabet, or none, said outright."""
    assert RoleAuth(role_arn=ROLE["role_arn"], external_id=external_id).external_id == external_id


@pytest.mark.parametrize("external_id", ["", "a", "a b", "ä" * 3, "x" * 1225, "a*"])
def test_other_external_ids_are_refused(external_id: str) -> None:
    """STS would refuse them later, with less said."""
    assert problem({**ROLE, "external_id": external_id})[0] == ("external_id",)


@pytest.mark.parametrize("name", ["a", "a b", "x" * 65, "a/b", "a:b"])
def test_session_names_are_those_of_sts(name: str) -> None:
    """2 to 64 characters, without slash or colon."""
    assert problem({**ROLE, "session_name": name})[0] == ("session_name",)
    assert RoleAuth(role_arn=ROLE["role_arn"], external_id=None, session_name="x" * 64).session_name == "x" * 64


@pytest.mark.parametrize("given", [900, "900", " 900 ", "PT15M", "00:15:00", timedelta(minutes=15)])
def test_durations_come_as_seconds_or_iso(given: Any) -> None:
    """Plain JSON can say a duration in seconds, as ISO 8601 or as a clock shows it."""
    auth = AUTH.validate_python({**ROLE, "duration": given})
    assert isinstance(auth, RoleAuth)
    assert auth.duration == timedelta(minutes=15)


@pytest.mark.parametrize("given", [0, 0.5, -900, 12 * 3600 + 1, "PT13H", "soon"])
def test_durations_out_of_range_are_refused(given: object) -> None:
    """Twelve hours are the most that STS gives."""
    assert problem({**ROLE, "duration": given})[0] == ("duration",)


@pytest.mark.parametrize(
    ("key_id", "sentence"),
    [("", "without spaces"), ("AK IA", "without spaces"), ("ä" * 8, "without spaces"), ("ASIAXYZ1", "temporary")],
)
def test_wrong_key_ids_are_refused(key_id: str, sentence: str) -> None:
    """A session's key would work for an hour and then fail in production."""
    location, message = problem({**KEYS, "access_key_id": key_id})
    assert location == ("access_key_id",)
    assert sentence in message


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("**********", "masked"),
        (SecretStr("**********"), "masked"),
        ("•••", "masked"),
        ("two words", "spaces"),
    ],
)
def test_wrong_secrets_are_refused(secret: object, sentence: str) -> None:
    """Above all one that a form or a dump has masked."""
    location, message = problem({**KEYS, "secret_access_key": secret})
    assert location == ("secret_access_key",)
    assert sentence in message


def test_a_secret_pasted_with_a_line_end_is_trimmed() -> None:
    """The console's copy button adds one."""
    auth = HmacAuth(access_key_id=" AKIA1234\n", secret_access_key=SecretStr(" x/y+z\n"))
    assert (auth.access_key_id, auth.secret_access_key.get_secret_value()) == ("AKIA1234", "x/y+z")


def test_the_role_is_taken_apart() -> None:
    """Account, partition and name are at hand for policies and checks."""
    role = RoleAuth(role_arn="arn:aws-cn:iam::111122223333:role/a/b", external_id=None).role
    assert (role.partition, role.account, role.name) == ("aws-cn", "111122223333", "a/b")
