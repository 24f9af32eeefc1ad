"""The set-up kit: its documents, its texts, and that its guide leads to a destination that works."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kits import EXTERNAL_ID, KEY_ARN, OIDC, VARIANTS, VENDOR, customer, make, works
from markdown_it import MarkdownIt
from pydantic import ValidationError

from s3dest import policies
from s3dest.auth import HmacAuth
from s3dest.config import DestinationConfig
from s3dest.destination import Destination
from s3dest.kit import SetupKit
from s3dest.testing import EmbeddedS3
from s3dest.vendor import OidcSubject


@pytest.fixture(params=VARIANTS)
def kit(request: pytest.FixtureRequest) -> SetupKit:
    """Give each kind of kit."""
    return VARIANTS[request.param]


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the embedded S3 for one test; its customer owns nothing yet."""
    with EmbeddedS3() as s3:
        yield s3


def test_the_policies_are_those_of_the_policies_module(kit: SetupKit) -> None:
    """The kit adds no policy of its own, and each stands alone as a file."""
    config = kit.config(f"arn:aws:iam::{kit.account or '000000000000'}:role/transfer-role")
    expected: dict[str, object] = {
        "trust": policies.trust(config, kit.vendor),
        "permission-setup": policies.permission(config),
        "permission-steady": policies.permission(config, stage="steady"),
        "bucket-guard": policies.bucket_guard(config),
    }
    if kit.key_arn:
        expected["kms-key-statement"] = policies.kms_key_statement(config)
    files = kit.files()
    for name, document in expected.items():
        text = files[f"policies/{name}.json"].replace("ACCOUNT_ID", "000000000000")
        assert json.loads(text) == document
    assert files.keys() >= {"GUIDE.md", "cloudformation.json", "setup.sh", "terraform/main.tf"}
    assert ("policies/kms-key-statement.json" in files) is bool(kit.key_arn)


@pytest.mark.parametrize("vendor", [VENDOR, OIDC])
def test_what_looks_like_an_account_is_none(vendor: Any) -> None:
    """A prefix and an external id are kept to the letter; the account is filled in where an ARN has it."""
    odd = "a::000000000000:b"
    external_id = odd if vendor is VENDOR else None
    files = make(prefix=odd, vendor=vendor, external_id=external_id, key_arn=KEY_ARN).files()
    for name, text in files.items():
        assert re.findall(r"\ba::(.*?):b\b", text) == ["000000000000"] * text.count(odd), name
        assert not re.search("(iam|sts)::000000000000:", text), name
    assert "arn:aws:iam::ACCOUNT_ID:role/transfer-role" in files["policies/kms-key-statement.json"]
    by_token = {"cloudformation.json": "${AWS::AccountId}", "terraform/main.tf": "${data.aws_caller_identity"}
    for name, account in by_token.items():
        assert (f"arn:aws:iam::{account}" in files[name]) is (vendor is OIDC)


def test_no_text_has_places_left_open(kit: SetupKit) -> None:
    """All values are filled in; a value that looks like a place is left as it is."""
    place = re.compile(r"@@(IF|END|[A-Z_]+@@)")
    for name, text in kit.files().items():
        assert "000000000000" not in text, name
        assert not place.search(text.replace("@@BUCKET@@" if "@@" in kit.prefix else "//", "")), name
        assert text.endswith("\n"), name
        assert "\n\n\n" not in text, name


def test_the_guide_has_the_steps_with_the_values_filled_in() -> None:
    """What customers were always told to do: bucket, policy, role, user, hand back, take delete away."""
    guide = make(service="Sync Ltd").files()["GUIDE.md"]
    positions = [
        guide.index(text)
        for text in (
            "Connecting your S3 bucket to Sync Ltd",
            "## Step 1: Set up the bucket",
            "Enter the bucket name `acme-lake`",
            "## Step 2: Create policy and IAM role",
            '"arn:aws:s3:::acme-lake/vendor/exports/*"',
            "Select **Custom trust policy**",
            f'"sts:ExternalId": "{EXTERNAL_ID}"',
            "Enter the role name `transfer-role`",
            "### Instead of a role: an IAM user with an access key",
            "## Step 3: Add your destination",
            "## Step 4: After the connection test",
            "### Optional: a bucket that nobody can overwrite",
        )
    ]
    assert positions == sorted(positions)
    assert "KMS" not in guide
    assert "ACCOUNT_ID" not in guide


def test_the_guide_tells_what_else_a_customer_needs() -> None:
    """A key's own policy, an OIDC provider, the account to fill in: only where they are needed."""
    assert "### Let the role use the KMS key" in VARIANTS["key"].files()["GUIDE.md"]
    assert "arn:aws:iam::111122223333:role/transfer-role" in VARIANTS["key"].files()["GUIDE.md"]
    oidc = VARIANTS["oidc"].files()["GUIDE.md"]
    assert "provider URL `https://oidc.example.com/id/1`" in oidc
    assert "put the 12 digits of your AWS account" in oidc
    assert "The bucket `acme-lake` in `eu-west-1` exists." in oidc
    assert "against overwriting" not in oidc
    guarded = make(create_bucket=False, guard=True).files()
    assert "Whichever way you take, add the policy against overwriting" in guarded["GUIDE.md"]
    assert "on a new bucket" not in guarded["GUIDE.md"]
    assert "on a new bucket" in make(guard=True).files()["GUIDE.md"]
    google = VARIANTS["google"].files()["GUIDE.md"]
    assert "provider URL" not in google
    assert "104029292853099978293" in google


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bucket": "Acme"}, ("bucket",)),
        ({"region": "eu-west-1a"}, ("region",)),
        ({"prefix": "a*"}, ("prefix",)),
        ({"key_arn": "alias/x"}, ("key_arn",)),
        ({"role_name": "a b"}, ("role_name",)),
        ({"role_name": "r/../x"}, ("role_name",)),
        ({"account": "1"}, ("account",)),
        ({"service": "x\n# y"}, ("service",)),
        ({"external_id": None}, ("external_id",)),
        ({"external_id": "*"}, ("external_id",)),
        ({"region": "cn-north-1"}, ("vendor",)),
        ({"vendor": OidcSubject(issuer="http://i.example.com", subject="s", audience="a")}, ("vendor",)),
    ],
)
def test_a_wrong_value_is_named_by_its_field(changes: dict[str, object], field: tuple[str, ...]) -> None:
    """What would make a kit that fails in the customer's hands is refused in the vendor's."""
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    assert [line["loc"] for line in caught.value.errors()] == [field]


@pytest.mark.parametrize(
    ("vendor", "found"),
    [
        ("arn:aws:iam::999999999999:role/syncer", {("vendor",): "needs an arn, or subject and audience"}),
        ({"role_arn": "arn:aws:iam::999999999999:role/syncer"}, {("vendor",): "needs an arn, or subject and audience"}),
        ({"arn": "arn:aws:iam::999999999999:role/*"}, {("vendor", "arn"): "a wildcard would let everybody in"}),
        ({"subject": "12345"}, {("vendor", "audience"): "Field required"}),
        ({"issuer": "i", "subject": "s", "audience": "a"}, {("vendor", "issuer"): "must be the issuer's URL"}),
    ],
)
def test_a_wrong_vendor_is_told_as_what_it_was_meant_to_be(vendor: object, found: dict[tuple[str, ...], str]) -> None:
    """And not as none of the three."""
    with pytest.raises(ValidationError) as caught:
        make(vendor=vendor)
    errors = {line["loc"]: line["msg"] for line in caught.value.errors()}
    assert errors.keys() == found.keys()
    assert all(sentence in errors[field] for field, sentence in found.items())


def test_what_is_handed_back_makes_the_config() -> None:
    """Bucket, region and prefix are known; the role's ARN is all that is missing."""
    config = VARIANTS["key"].config("arn:aws:iam::111122223333:role/transfer-role")
    assert config.uri == "s3://acme-lake/vendor/exports"
    assert (config.expected_bucket_owner, config.auth.external_id) == ("111122223333", EXTERNAL_ID)  # type: ignore[union-attr]
    assert config.encryption is not None


def test_a_role_of_another_account_is_refused() -> None:
    """A kit that was made for one account is not completed by a role of another."""
    with pytest.raises(ValidationError, match="of account 222233334444, and this kit was made for account") as caught:
        make(account="111122223333").config("arn:aws:iam::222233334444:role/transfer-role")
    assert [line["loc"] for line in caught.value.errors()] == [("auth", "role_arn")]


@pytest.mark.parametrize(
    ("pasted", "prefix", "parts"),
    [
        ("s3://acme-lake/vendor/exports", "", ("acme-lake", "vendor/exports")),
        ("s3://acme-lake", "a", ("acme-lake", "a")),
        ("arn:aws:s3:::acme-lake", "", ("acme-lake", "")),
    ],
)
def test_a_pasted_bucket_is_taken_apart(pasted: str, prefix: str, parts: tuple[str, str]) -> None:
    """In the kit's own fields, which are told to the vendor, as in its texts."""
    kit = make(bucket=pasted, prefix=prefix)
    assert (kit.bucket, kit.prefix) == parts


def test_a_refusal_of_the_vendor_ends_once() -> None:
    """The message is that of another error, and is put into a sentence."""
    with pytest.raises(ValidationError) as caught:
        make(region="cn-north-1")
    assert not caught.value.errors()[0]["msg"].endswith(".")


@pytest.mark.parametrize("folder", ["a`b", "``", "`a", "a|b", "a `|` b", "_a_ [b](c) &amp;"])
def test_the_guide_shows_every_folder_as_it_is(folder: str) -> None:
    """Also one that Markdown would take for its own: in the first sentence, and in a table."""
    guide = make(prefix=folder).files()["GUIDE.md"]
    tokens = MarkdownIt().enable("table").parse(guide.partition("## Take one")[0])
    shown = [part.content for token in tokens for part in token.children or () if part.type == "code_inline"]
    assert shown.count(f"{folder}/") == 2
    assert [token.type for token in tokens].count("td_open") == 10


def test_the_kit_is_written_to_a_folder(tmp_path: Path) -> None:
    """Files are where the guide says, with nothing of an earlier kit between them; the script can be run."""
    make(key_arn=KEY_ARN).write(tmp_path / "kit")
    kit = make()
    written = kit.write(tmp_path / "kit")
    assert {
        str(path.relative_to(tmp_path / "kit")): path.read_text(encoding="utf-8") for path in written
    } == kit.files()
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert os.access(tmp_path / "kit" / "setup.sh", os.X_OK)


# By hand


def following(guide: str) -> dict[str, Any]:
    """Take what a customer would type and paste from the guide, and from nowhere else."""
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)]
    typed = {
        "bucket": re.search(r"Enter the bucket name `(.+?)`", guide),
        "region": re.search(r"S3 service page, in the region `(.+?)`", guide),
        "policy": re.search(r"Name the policy `(.+?)`", guide),
        "role": re.search(r"Enter the role name `(.+?)`", guide),
        "user": re.search(r"Enter the user name `(.+?)`", guide),
    }
    return {name: match[1] if match else None for name, match in typed.items()} | dict(
        zip(("permission", "trust", "steady", "guard"), blocks, strict=True)
    )


@pytest.mark.parametrize("way", ["role", "user"])
def test_following_the_guide_leads_to_a_passing_check(s3: EmbeddedS3, way: str) -> None:
    """A new customer with nothing but the guide gets there, by either method."""
    kit = make()
    steps = following(kit.files()["GUIDE.md"])
    iam = customer(s3, "iam")
    customer(s3, "s3").create_bucket(
        Bucket=steps["bucket"], CreateBucketConfiguration={"LocationConstraint": steps["region"]}
    )
    document = json.dumps(steps["permission"])
    policy = iam.create_policy(PolicyName=steps["policy"], PolicyDocument=document)["Policy"]["Arn"]
    if way == "role":
        made = iam.create_role(RoleName=steps["role"], AssumeRolePolicyDocument=json.dumps(steps["trust"]))
        iam.attach_role_policy(RoleName=steps["role"], PolicyArn=policy)
        works(s3, kit, made["Role"]["Arn"])
        return
    iam.create_user(UserName=steps["user"])
    iam.attach_user_policy(UserName=steps["user"], PolicyArn=policy)
    key = iam.create_access_key(UserName=steps["user"])["AccessKey"]
    auth = HmacAuth(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
    values = {"bucket": steps["bucket"], "region": steps["region"], "prefix": kit.prefix}
    with Destination(DestinationConfig.model_validate({**values, "auth": auth})) as destination:
        assert destination.check().ok
