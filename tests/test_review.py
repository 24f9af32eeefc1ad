"""The linter of pasted policies: ours pass, and each common mistake is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from reviewing import GOOGLE, KEY_ARN, KEYS, OIDC, ROLE, TARGET, VENDOR, make

from s3dest import policies
from s3dest.findings import Finding
from s3dest.vendor import VendorIdentity

Change = Callable[[Any], object]


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Shorten findings to what programs look at."""
    return [(finding.severity, finding.code) for finding in findings]


def set_(name: str, value: object) -> Change:
    """Change one element of a statement."""
    return lambda statement: statement.update({name: value})


@pytest.mark.parametrize("encryption", [None, {"type": "sse-s3"}, {"key_arn": KEY_ARN}], ids=["none", "s3", "kms"])
@pytest.mark.parametrize("prefix", ["vendor/exports", ""])
@pytest.mark.parametrize("vendor", [VENDOR, GOOGLE, OIDC], ids=["aws", "google", "oidc"])
def test_our_own_policies_pass(vendor: VendorIdentity, prefix: str, encryption: Any) -> None:
    """What the kit makes has nothing for the linter to say, as values and as text."""
    external_id = ROLE["external_id"] if vendor is VENDOR else None
    config = make(prefix=prefix, encryption=encryption, auth={**ROLE, "external_id": external_id})
    documents: dict[str, Any] = {
        "permission": policies.permission(config),
        "trust": policies.trust(config, vendor),
        "bucket": policies.bucket_guard(config),
    }
    if config.encryption and config.encryption.type == "sse-kms":
        statement = policies.kms_key_statement(config)
        documents["key"] = {"Version": "2012-10-17", "Statement": statement}
    assert policies.review(config, vendor=vendor, **documents) == ()
    texts = {name: json.dumps(document) for name, document in documents.items()}
    assert policies.review(config, vendor=vendor, **texts) == ()


def test_without_delete_a_note_says_how_to_check() -> None:
    """The steady policy is right, and a set-up check would leave its probe."""
    found = policies.review(make(), permission=policies.permission(make(), stage="steady"))
    assert codes(found) == [("note", "delete_not_allowed")]


PERMISSION: dict[str, tuple[Change, list[tuple[str, str]]]] = {
    "other prefix": (set_("Resource", "arn:aws:s3:::acme-lake/exports/*"), [("error", "other_prefix")]),
    "no star": (set_("Resource", "arn:aws:s3:::acme-lake"), [("error", "resource_without_star")]),
    "folder": (set_("Resource", "arn:aws:s3:::acme-lake/vendor/exports/"), [("error", "resource_without_star")]),
    "other bucket": (set_("Resource", "arn:aws:s3:::BUCKET_NAME/*"), [("error", "other_bucket")]),
    "variable": (
        set_("Resource", "arn:aws:s3:::acme-lake/${aws:PrincipalTag/prefix}/*"),
        [("warning", "put_conditional")],
    ),
    "some characters": (set_("Resource", f"{TARGET[:-1]}?"), [("error", "other_prefix")]),
    "bucket and other prefix": (
        set_("Resource", ["arn:aws:s3:::acme-lake", KEY_ARN, "arn:aws:s3:::acme-lake/exports/*"]),
        [("error", "other_prefix")],
    ),
    "all but manifests": (
        lambda it: it.update(NotResource=f"{it.pop('Resource')[:-1]}_manifests/*"),
        [("error", "other_prefix"), ("warning", "allows_all_but")],
    ),
    "partition": (set_("Resource", TARGET.replace("aws", "aws-cn", 1)), [("error", "partition")]),
    "whole bucket": (set_("Resource", "arn:aws:s3:::acme-lake/*"), [("warning", "resource_too_wide")]),
    "neighbours": (set_("Resource", TARGET.replace("/*", "*")), [("warning", "resource_too_wide")]),
    "everything": (set_("Resource", "*"), [("warning", "resource_too_wide")]),
    "all but": (
        lambda it: it.update(NotAction="iam:*", Action=it.pop("Action")) or it.pop("Action"),
        [("warning", "allows_all_but")],
    ),
    "no put": (set_("Action", "s3:AbortMultipartUpload"), [("error", "put_not_allowed")]),
    "delete data": (set_("Action", ["s3:PutObject", "s3:DeleteObject"]), [("warning", "delete_too_wide")]),
    "s3 star": (set_("Action", "s3:*"), [("warning", "action_too_wide")]),
    "case": (set_("Action", ["S3:PUTOBJECT"]), []),
    "acl": (
        set_("Action", ["s3:PutObject", "s3:PutObjectAcl", "s3:ListBucket"]),
        [("warning", "action_not_needed")] * 2,
    ),
    "acl demanded": (
        set_("Condition", {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
        [("error", "put_condition_unmet")],
    ),
    "header demanded": (
        set_("Condition", {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}),
        [("error", "put_condition_unmet")],
    ),
    "no header allowed": (
        set_("Condition", {"Null": {"s3:if-none-match": "true"}}),
        [("error", "put_condition_unmet")],
    ),
    "header of parts": (
        set_("Condition", {"StringEquals": {"s3:if-none-match": "*"}}),
        [("error", "put_condition_unmet")],
    ),
    "key of another service": (
        set_("Condition", {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}),
        [("error", "put_condition_unmet")],
    ),
    "tags": (set_("Condition", {"StringEquals": {"s3:RequestObjectTag/x": "1"}}), [("error", "put_condition_unmet")]),
    "list": (set_("Condition", {"StringLike": {"s3:prefix": "vendor/*"}}), [("error", "put_condition_unmet")]),
    "user": (set_("Condition", {"StringEquals": {"aws:username": "sync"}}), [("error", "put_condition_unmet")]),
    "second factor": (
        set_("Condition", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        [("error", "put_condition_unmet")],
    ),
    "account": (
        set_("Condition", {"StringEquals": {"s3:ResourceAccount": "111122223333", "aws:RequestedRegion": "eu-west-1"}}),
        [],
    ),
    "tls": (set_("Condition", {"Bool": {"aws:SecureTransport": True}}), []),
    "address": (set_("Condition", {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}), [("warning", "put_conditional")]),
    "typo": (set_("Resources", TARGET), [("error", "policy_grammar")]),
    "effect": (set_("Effect", "allow"), [("error", "policy_grammar")]),
    "principal": (set_("Principal", "*"), [("error", "policy_grammar")]),
    "condition": (set_("Condition", {"StringEquals": "x"}), [("error", "policy_grammar")]),
}


@pytest.mark.parametrize("name", PERMISSION)
def test_mistakes_in_a_permission_policy_are_named(name: str) -> None:
    """Too narrow is an error, too wide a warning; each has its own code."""
    change, expected = PERMISSION[name]
    policy: Any = policies.permission(make())
    change(policy["Statement"][0])
    found = [line for line in codes(policies.review(make(), permission=policy)) if line[1] != "delete_not_allowed"]
    assert found == expected


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (KEY_ARN, "is not of S3"),
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/lake/object/*", "is an access point"),
        ("arn:aws:s3:eu-west-1:111122223333:acme-lake/vendor/exports/*", "names a region or an account"),
        ("arn:aws:s3:::globex/vendor/exports/*", "is about another bucket"),
    ],
)
def test_what_is_no_bucket_is_told_from_another_one(resource: str, why: str) -> None:
    """Each is mended in another way."""
    policy: Any = policies.permission(make())
    policy["Statement"][0]["Resource"] = resource
    finding = policies.review(make(), permission=policy)[0]
    assert finding.code == "other_bucket"
    assert f"which {why}" in finding.message


def test_a_condition_that_the_config_meets_is_no_finding() -> None:
    """Where the config says how to encrypt, each request carries the header."""
    config = make(encryption={"type": "sse-s3"})
    policy: Any = policies.permission(config)
    policy["Statement"][0]["Condition"] = {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    assert policies.review(config, permission=policy) == ()


def test_a_grant_for_one_storage_class_lets_no_manifest_in() -> None:
    """The config's is that of data, and manifests and probes have none."""
    config = make(storage_class="STANDARD_IA")
    policy: Any = policies.permission(config)
    policy["Statement"][0]["Condition"] = {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}
    (finding,) = policies.review(config, permission=policy)
    assert (finding.severity, finding.code) == ("error", "put_condition_unmet")
    assert "manifests and probes" in finding.remedy.lower()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda it: it.update(Action="kms:GenerateDataKey"), ["decrypt_not_allowed"]),
        (lambda it: it.update(Action="kms:Decrypt"), ["generatedatakey_not_allowed"]),
        (lambda it: it.update(Resource=KEY_ARN[:-1]), ["generatedatakey_not_allowed", "decrypt_not_allowed"]),
        (
            lambda it: it.update(Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}}),
            ["generatedatakey_not_allowed", "decrypt_not_allowed"],
        ),
        (
            lambda it: it.update(Condition={"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
            ["generatedatakey_not_allowed", "decrypt_not_allowed"],
        ),
    ],
    ids=["decrypt", "generate", "other key", "other region", "header"],
)
def test_both_actions_on_the_key_are_needed(change: Change, expected: list[str]) -> None:
    """Without `kms:Decrypt` small objects pass and large ones fail: the linter says so before."""
    config = make(encryption={"key_arn": KEY_ARN})
    policy: Any = policies.permission(config)
    change(policy["Statement"][2])
    assert codes(policies.review(config, permission=policy)) == [("error", code) for code in expected]


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        (
            "kms:ViaService",
            'Write the condition as {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}.',
        ),
        ("kms:CallerAccount", "Remove the"),
    ],
)
def test_the_condition_on_the_key_that_is_not_met_is_named(key: str, remedy: str) -> None:
    """One that is no matter of the service is not mended by naming it."""
    config = make(encryption={"key_arn": KEY_ARN})
    policy: Any = policies.permission(config)
    policy["Statement"][2]["Condition"] = {"StringEquals": {key: "222233334444"}}
    found = policies.review(config, permission=policy)
    assert len(found) == 2
    for finding in found:
        assert f"under a condition only that is not met ({key.lower()})" in finding.message
        assert finding.remedy.startswith(remedy)


DENIALS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "outright": ({}, [("error", "put_denied")]),
    "http": ({"Bool": {"aws:SecureTransport": "false"}}, []),
    "no header": ({"Null": {"s3:x-amz-server-side-encryption": "true"}}, [("error", "put_denied")]),
    "not kms": ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, [("error", "put_denied")]),
    "not kms, if given": (
        {"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        [("error", "put_denied")],
    ),
    "network": ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, [("warning", "put_denied_sometimes")]),
}


@pytest.mark.parametrize("kind", ["permission", "bucket"])
@pytest.mark.parametrize("name", DENIALS)
def test_a_denial_is_judged_by_its_condition(name: str, kind: str) -> None:
    """A bucket that demands encryption headers refuses puts without; one that demands TLS does not."""
    condition, expected = DENIALS[name]
    denial = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::acme-lake/*", "Condition": condition}
    policy: dict[str, Any] = {"Version": "2012-10-17", "Statement": [denial]}
    if kind == "bucket":
        denial["Principal"] = "*"
    else:
        policy["Statement"] += policies.permission(make())["Statement"]
    given: dict[str, Any] = {kind: policy}
    assert codes(policies.review(make(), **given)) == expected


def test_a_denial_of_somebody_else_is_none_of_ours() -> None:
    """A bucket policy about another role does not hit the vendor's."""
    denial = {
        "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/other"},
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::acme-lake/*",
    }
    assert policies.review(make(), bucket={"Version": "2012-10-17", "Statement": denial}) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda it: it["Condition"].pop("Bool"), ("error", "guard_blocks_multipart")),
        (set_("Resource", "arn:aws:s3:::acme-lake/other/*"), ("warning", "guard_elsewhere")),
        (set_("Action", "s3:DeleteObject"), ("warning", "guard_elsewhere")),
        (
            lambda it: it["Condition"].update(Null={"s3:if-none-match": "true", "s3:ObjectCreationOperation": "true"}),
            ("warning", "guard_test"),
        ),
        (
            lambda it: it.update(
                Condition={
                    "Null": {"s3:if-none-match": "true"},
                    "StringNotEquals": {"s3:ObjectCreationOperation": "true"},
                }
            ),
            ("error", "guard_blocks_multipart"),
        ),
        (lambda it: it["Condition"].update(Null={"s3:if-none-match": "false"}), ("error", "guard_inverted")),
        (
            lambda it: it["Condition"].update(Null={}, StringEquals={"s3:if-none-match": "*"}),
            ("error", "guard_inverted"),
        ),
    ],
    ids=["parts", "prefix", "action", "never", "parts alone", "inverted", "inverted text"],
)
def test_a_guard_that_does_not_guard_is_named(change: Change, expected: tuple[str, str]) -> None:
    """The exemption that multipart needs, and the prefix that is written to; also in the role's own policy."""
    policy: Any = policies.bucket_guard(make())
    change(policy["Statement"][0])
    assert codes(policies.review(make(), bucket=policy)) == [expected]
    del policy["Statement"][0]["Principal"]
    policy["Statement"] += policies.permission(make(), stage="setup")["Statement"]
    assert codes(policies.review(make(), permission=policy)) == [expected]


def test_a_guard_may_be_written_in_another_way() -> None:
    """What is not there is not equal to anything."""
    policy: Any = policies.bucket_guard(make())
    policy["Statement"][0]["Condition"] = {
        "StringNotEquals": {"s3:if-none-match": "*"},
        "Bool": {"s3:ObjectCreationOperation": "true"},
    }
    assert policies.review(make(), bucket=policy) == ()


def condition(operator: str, value: object, key: str = "sts:ExternalId") -> Change:
    """Put one test in the place of the statement's condition."""
    return set_("Condition", {operator: {key: value}})


TRUST: dict[str, tuple[Change, list[tuple[str, str]]]] = {
    "everybody": (set_("Principal", "*"), [("warning", "trust_everybody")]),
    "every account": (set_("Principal", {"AWS": "*"}), [("warning", "trust_everybody")]),
    "account": (set_("Principal", {"AWS": "arn:aws:iam::444455556666:root"}), [("note", "trust_account")]),
    "digits": (set_("Principal", {"AWS": ["444455556666"]}), [("note", "trust_account")]),
    "somebody else": (set_("Principal", {"AWS": "arn:aws:iam::444455556666:role/x"}), [("error", "trust_principal")]),
    "session": (
        set_("Principal", {"AWS": "arn:aws:sts::444455556666:assumed-role/sync/s"}),
        [("error", "trust_session")],
    ),
    "partition": (
        set_("Principal", {"AWS": "arn:aws-cn:iam::444455556666:role/sync"}),
        [("error", "partition"), ("error", "trust_principal")],
    ),
    "no id": (lambda it: it.pop("Condition"), [("warning", "external_id_missing")]),
    "other id": (condition("StringEquals", "beta"), [("error", "external_id_mismatch")]),
    "any id": (condition("StringLike", "*"), [("warning", "external_id_wildcard")]),
    "if sent": (condition("StringEqualsIfExists", "acme-7f3c"), [("warning", "external_id_optional")]),
    "not": (condition("StringNotEquals", "acme-7f3c"), [("error", "external_id_operator")]),
    "case": (condition("StringEquals", ["acme-7f3c"], "STS:externalid"), []),
    "by token": (set_("Action", "sts:AssumeRoleWithWebIdentity"), [("error", "trust_action")]),
    "resource": (lambda it: it.pop("Principal"), [("error", "policy_grammar")]),
    "several ids": (condition("StringEquals", ["acme-7f3c", "globex-1"]), [("warning", "external_id_several")]),
    "several accounts": (
        set_("Principal", {"AWS": [VENDOR.arn, "arn:aws:iam::999988887777:root"]}),
        [("warning", "trust_others")],
    ),
}

ANYBODY = {"AWS": "*"}


@pytest.mark.parametrize(
    ("principal", "action", "found"),
    [
        ("*", "s3:GetObject", ["bucket_public"]),
        ({"AWS": "*"}, ["s3:PutObject", "s3:DeleteObject"], ["bucket_public"]),
        ({"AWS": "arn:aws:iam::111122223333:root"}, "s3:GetObject", []),
    ],
)
def test_what_a_bucket_policy_lets_everybody_do_is_told(principal: Any, action: Any, found: list[str]) -> None:
    """A condition may narrow it to anything, and is not judged."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::acme-lake/*"}
    policy: Any = {"Version": "2012-10-17", "Statement": [statement]}
    assert codes(policies.review(make(), bucket=policy)) == [("warning", code) for code in found]
    statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    assert policies.review(make(), bucket=policy) == ()


def test_another_bucket_beside_the_own_one_is_told() -> None:
    """The vendor's role should have nothing to do there; a folder below the prefix is no news."""
    policy: Any = policies.permission(make())
    before = codes(policies.review(make(), permission=policy))
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::payroll/*"}
    policy["Statement"].append(statement)
    assert codes(policies.review(make(), permission=policy)) == [*before, ("warning", "resource_elsewhere")]
    statement["Resource"] = "arn:*:s3*:::payroll/*"
    assert codes(policies.review(make(), permission=policy)) == [*before, ("warning", "resource_elsewhere")]
    statement["Resource"] = f"{TARGET[:-1]}deeper/*"
    assert codes(policies.review(make(), permission=policy)) == before


BESIDE: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "own role": (
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"}},
        [("note", "trust_others")],
    ),
    "strange role": (
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:role/x"}},
        [("warning", "trust_others")],
    ),
    "deny all": ({"Effect": "Deny", "Principal": ANYBODY}, [("error", "trust_denied")]),
    "deny strangers": ({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}}, []),
    "deny all but the vendor": (
        {
            "Effect": "Deny",
            "Principal": ANYBODY,
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": VENDOR.arn}},
        },
        [],
    ),
    "deny other ids": (
        {
            "Effect": "Deny",
            "Principal": ANYBODY,
            "Condition": {"StringNotEquals": {"sts:ExternalId": "acme-7f3c"}},
        },
        [],
    ),
    "deny addresses": (
        {"Effect": "Deny", "Principal": ANYBODY, "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        [("warning", "trust_denied_sometimes")],
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_second_statement_of_a_trust_policy_is_judged_by_itself(name: str) -> None:
    """The vendor's own is right; what stands beside it keeps the vendor out, lets others in, or does neither."""
    statement, expected = BESIDE[name]
    policy: Any = policies.trust(make(), VENDOR)
    policy["Statement"].append({"Action": "sts:AssumeRole", **statement})
    assert codes(policies.review(make(), trust=policy, vendor=VENDOR)) == expected


@pytest.mark.parametrize("name", TRUST)
def test_mistakes_in_a_trust_policy_are_named(name: str) -> None:
    """What keeps the vendor out is an error, what lets others in a warning."""
    change, expected = TRUST[name]
    policy: Any = policies.trust(make(), VENDOR)
    change(policy["Statement"][0])
    assert codes(policies.review(make(), trust=policy, vendor=VENDOR)) == expected


def test_an_external_id_that_the_config_denies_is_a_mismatch() -> None:
    """The config says that there is none, and the policy demands one."""
    config = make(auth={**ROLE, "external_id": None})
    (finding,) = policies.review(config, trust=policies.trust(make(), VENDOR))
    assert (finding.severity, finding.code) == ("error", "external_id_mismatch")
    assert finding.remedy == "Put the external id into the config."


def google(**claims: str) -> Change:
    """Put these claims in the place of Google's."""
    return set_("Condition", {"StringEquals": {f"accounts.google.com:{name}": value for name, value in claims.items()}})


SUB = GOOGLE.subject
CLAIMS: dict[str, tuple[Change, list[tuple[str, str]]]] = {
    "aud for oaud": (google(sub=SUB, aud="acme"), [("error", "aud_for_oaud")]),
    "aud is azp": (google(sub=SUB, aud=SUB, oaud="acme"), []),
    "no sub": (google(oaud="acme"), [("warning", "claim_missing")]),
    "no audience": (google(sub=SUB), [("warning", "claim_missing")]),
    "other audience": (google(sub=SUB, oaud="beta"), [("error", "claim_mismatch")]),
    "e-mail": (google(sub="sync@v.iam.gserviceaccount.com", oaud="acme"), [("error", "claim_mismatch")]),
    "wildcard": (
        set_("Condition", {"StringLike": {"accounts.google.com:sub": "*", "accounts.google.com:oaud": "acme"}}),
        [("warning", "claim_wildcard")],
    ),
    "not sub": (
        set_("Condition", {"StringNotEquals": {"accounts.google.com:sub": SUB, "accounts.google.com:oaud": "acme"}}),
        [("error", "claim_operator")] * 2,
    ),
    "if there": (
        set_(
            "Condition",
            {
                "StringEqualsIfExists": {"accounts.google.com:sub": SUB},
                "ForAllValues:StringEquals": {"accounts.google.com:oaud": "acme"},
            },
        ),
        [("warning", "claim_optional")] * 2,
    ),
    "several subjects": (
        set_(
            "Condition",
            {"StringEquals": {"accounts.google.com:sub": [SUB, "1"], "accounts.google.com:oaud": "acme"}},
        ),
        [("warning", "claim_several")],
    ),
    "provider": (set_("Principal", {"Federated": "cognito-identity.amazonaws.com"}), [("error", "trust_principal")]),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_mistakes_with_googles_claims_are_named(name: str) -> None:
    """`:aud` is the service account once more; the audience is `:oaud`."""
    change, expected = CLAIMS[name]
    config = make(auth={**ROLE, "external_id": None})
    policy: Any = policies.trust(config, GOOGLE)
    change(policy["Statement"][0])
    assert codes(policies.review(config, trust=policy, vendor=GOOGLE)) == expected


@pytest.mark.parametrize(
    "change",
    [
        set_("Principal", {"AWS": "arn:aws:iam::111122223333:role/other"}),
        set_("Condition", {"StringEquals": {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}}),
        set_("Effect", "Deny"),
    ],
    ids=["role", "region", "deny"],
)
def test_a_key_policy_that_leaves_the_role_out_is_named(change: Change) -> None:
    """Both actions, for the role, through S3 in its region."""
    config = make(encryption={"key_arn": KEY_ARN})
    statement: Any = policies.kms_key_statement(config)
    change(statement)
    found = policies.review(config, key={"Version": "2012-10-17", "Statement": [statement]})
    assert set(codes(found)) == {("error", "key_policy")}


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("{", "policy_json"),
        ("[]", "policy_grammar"),
        ("{}", "policy_grammar"),
        ('{"Version": "2012-10-17", "Statement": []}', "policy_grammar"),
        ("[" * 100_000, "policy_json"),
        ('{"Version": "2012-10-17", "Statement": [1]}', "policy_grammar"),
    ],
)
def test_what_is_no_policy_is_one_finding(pasted: str, expected: str) -> None:
    """Half a document pasted is told from a wrong one, and raises nothing."""
    for kind in ("permission", "trust", "bucket", "key"):
        assert codes(policies.review(make(), **{kind: pasted})) == [("error", expected)]  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [{"Version": "2008-10-17"}, {}])
def test_an_old_version_is_a_warning_where_it_matters(version: Any) -> None:
    """2008-10-17 is what AWS assumes where none is given; in it variables are plain text."""
    policy: Any = {**version, "Statement": policies.permission(make())["Statement"]}
    assert codes(policies.review(make(), permission=policy)) == [("note", "policy_version")]
    policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalArn}"}}
    assert codes(policies.review(make(), permission=policy))[0] == ("warning", "policy_version")


def test_a_trust_policy_for_a_user_is_a_contradiction() -> None:
    """Keys are not assumed."""
    assert codes(policies.review(make(auth=KEYS), trust=policies.trust(make(), VENDOR))) == [("error", "no_role")]


def test_no_secret_is_in_a_finding() -> None:
    """The review repeats policies, never the config's secret."""
    found = policies.review(make(auth=KEYS), permission="{}", trust=policies.trust(make(), VENDOR))
    assert KEYS["secret_access_key"] not in repr(found)
