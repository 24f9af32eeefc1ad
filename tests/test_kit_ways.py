"""The ways through a set-up kit by machine: CloudFormation, Terraform, the script for the AWS CLI."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from kits import KEY_ARN, VARIANTS, VENDOR, customer, make, works
from moto.core.authorization import disable_iam_authentication
from moto.core.models import botocore_stubber

from s3dest import policies
from s3dest.kit import SetupKit
from s3dest.testing import EmbeddedS3
from s3dest.vendor import AwsPrincipal


@pytest.fixture(params=VARIANTS)
def kit(request: pytest.FixtureRequest) -> SetupKit:
    """Give each kind of kit."""
    return VARIANTS[request.param]


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the embedded S3 for one test; its customer owns nothing yet."""
    with EmbeddedS3() as s3:
        yield s3


# CloudFormation


def test_the_template_hands_back_what_is_asked_for() -> None:
    """Three outputs, and a bucket that is closed, encrypted and tidy."""
    template = json.loads(VARIANTS["key"].files()["cloudformation.json"])
    assert list(template["Outputs"]) == ["BucketName", "BucketRegion", "RoleArn"]
    bucket = template["Resources"]["Bucket"]["Properties"]
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY_ARN
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["AbortIncompleteMultipartUpload"]) == ("vendor/exports/", {"DaysAfterInitiation": 7})
    assert template["Parameters"]["BucketGuard"]["Default"] == "yes"


def every_policy() -> Iterator[dict[str, object]]:
    """Put each policy of each kit, and those of its sessions, into a resource of CloudFormation that takes its kind."""
    for name, kit in VARIANTS.items():
        documents = kit.documents
        sessions = [policies.session(documents.config), policies.session(documents.config, purpose="setup-check")]
        for policy in (documents.setup, documents.steady, *sessions):
            yield {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
        yield {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": documents.trust}}
        guard = {"Bucket": f"acme-{name}", "PolicyDocument": documents.bucket_guard}
        yield {"Type": "AWS::S3::BucketPolicy", "Properties": guard}
        if statement := documents.kms_key_statement:
            keep = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            yield {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}, **keep}


@pytest.mark.slow  # the linter takes 5 s to begin
def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    """AWS's own linter, which knows IAM's grammar and every action, passes each kind of template and each policy."""
    pytest.importorskip("cfnlint")
    resources = {f"Policy{number}": resource for number, resource in enumerate(every_policy())}
    alone = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    texts = {name: kit.files()["cloudformation.json"] for name, kit in VARIANTS.items()}
    texts["policies"] = json.dumps(alone, ensure_ascii=False)
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    lint = "from cfnlint.runner import main; main()"
    regions = sorted({kit.region for kit in VARIANTS.values()})
    paths = [str(path) for path in tmp_path.glob("*.json")]
    command = [sys.executable, "-c", lint, "--regions", *regions, "--", *paths]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[-4000:]
    assert len(paths) == len(VARIANTS) + 1


@pytest.mark.slow  # moto's CloudFormation imports all services: 3 s
@pytest.mark.filterwarnings("default::DeprecationWarning")  # of moto's other services
def test_the_template_makes_a_destination_that_works(s3: EmbeddedS3) -> None:
    """Deployed, its role passes check and append, and the outputs are what the customer hands back."""
    pytest.importorskip("moto.cloudformation.models", exc_type=ImportError)
    kit = make()
    formation = customer(s3, "cloudformation")
    stack = {
        "StackName": "s3dest",
        "TemplateBody": kit.files()["cloudformation.json"],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    formation.create_stack(**stack)
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in formation.describe_stacks(StackName="s3dest")["Stacks"][0]["Outputs"]
    }
    assert outputs["BucketName"] == "acme-lake"
    assert outputs["BucketRegion"] == "eu-west-1"
    works(s3, kit, outputs["RoleArn"])


# Terraform


def hcl(text: str) -> Any:
    """Parse HCL."""
    parser = pytest.importorskip("hcl2")
    return parser.loads(text)


def test_the_terraform_module_parses(kit: SetupKit) -> None:
    """Every file is HCL, and the outputs are what the customer hands back."""
    files = {name: text for name, text in kit.files().items() if name.endswith(".tf")}
    assert set(files) == {f"terraform/{name}.tf" for name in ("main", "variables", "outputs", "versions")}
    parsed = {name: hcl(text) for name, text in files.items()}
    outputs = [next(iter(output)).strip('"') for output in parsed["terraform/outputs.tf"]["output"]]
    assert outputs == ["bucket_name", "bucket_region", "role_arn"]


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not at hand")
def test_the_terraform_module_is_formatted(kit: SetupKit, tmp_path: Path) -> None:
    """As ``terraform fmt`` would write it, which parses it as well."""
    kit.write(tmp_path)
    command = ["terraform", "fmt", "-check", "-diff", str(tmp_path / "terraform")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=_without_config())
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.slow  # downloads the AWS provider
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not at hand")
def test_the_terraform_module_is_valid(kit: SetupKit, tmp_path: Path) -> None:
    """``terraform validate`` passes, where the provider can be had."""
    kit.write(tmp_path)
    folder = f"-chdir={tmp_path / 'terraform'}"
    ready = subprocess.run(["terraform", folder, "init"], check=False, capture_output=True, env=_without_config())  # noqa: S607
    if ready.returncode:
        pytest.skip("the AWS provider cannot be had")
    subprocess.run(["terraform", folder, "validate"], check=True, env=_without_config())  # noqa: S607


def _without_config() -> dict[str, str]:
    return {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}


# The script for the AWS CLI


def test_shellcheck_finds_nothing(kit: SetupKit, tmp_path: Path) -> None:
    """The script is clean, whatever its values are."""
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("shellcheck is not at hand")
    kit.write(tmp_path)
    done = subprocess.run([shellcheck, str(tmp_path / "setup.sh")], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


class Bridge(BaseHTTPRequestHandler):
    """Takes the AWS CLI's requests to the embedded S3, as the customer's administrator."""

    def answer(self) -> None:
        """Send one on, to the address that AWS has for the service in its signature."""
        service = self.headers["Authorization"].partition("Credential=")[2].split("/")[3]
        region = "" if service == "iam" else ".eu-west-1"
        url = f"https://{service}{region}.amazonaws.com{self.path}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        request = AWSPreparedRequest(self.command, url, headers, body, False)  # type: ignore[arg-type]  # noqa: FBT003
        with disable_iam_authentication():
            reply: Any = botocore_stubber(f"before-send.{service}", request)
        self.send_response(reply.status_code)
        for name, value in reply.headers.items():
            if name.lower() not in {"content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)

    do_GET = do_PUT = do_POST = do_HEAD = answer  # noqa: N815  # http.server's names

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def bridge() -> Iterator[str]:
    """Serve the embedded S3 to other processes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Bridge) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(bridge: str, tmp_path: Path) -> Run:
    """Write a kit and run its script by bash, with the real AWS CLI."""
    if shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not at hand")
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": bridge}

    def run(kit: SetupKit, *arguments: str) -> subprocess.CompletedProcess[str]:
        kit.write(tmp_path)
        command = ["bash", str(tmp_path / "setup.sh"), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    return run


@pytest.mark.slow  # a dozen runs of the AWS CLI, half a second each
@pytest.mark.parametrize(
    "changes", [{}, {"guard": True, "key_arn": KEY_ARN, "role_name": "sync+role"}], ids=["plain", "all"]
)
def test_the_script_makes_a_destination_that_works(s3: EmbeddedS3, run: Run, changes: dict[str, object]) -> None:
    """Run twice; then check and append pass, and delete goes with `steady`."""
    kit = make(**changes)
    outputs = []
    for arguments in ([], ["steady"]) if kit.guard else ([], [], ["steady"]):
        done = run(kit, *arguments)
        assert done.returncode == 0, done.stderr
        outputs.append(dict(re.findall(r"^(.+?): +(.+)$", done.stdout, re.MULTILINE)))
        if len(outputs) == 1 and not kit.guard:
            works(s3, kit, outputs[0]["role ARN"])
    assert all(output == outputs[0] for output in outputs)
    assert list(outputs[0].items())[:2] == [("bucket name", "acme-lake"), ("bucket region", "eu-west-1")]
    role = customer(s3, "iam").get_role_policy(RoleName=kit.role_name, PolicyName="transfer-policy")
    assert role["PolicyDocument"] == policies.permission(kit.config(outputs[0]["role ARN"]), stage="steady")
    rules = customer(s3, "s3").get_bucket_lifecycle_configuration(Bucket="acme-lake")["Rules"]
    assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    encryption = customer(s3, "s3").get_bucket_encryption(Bucket="acme-lake")["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") == kit.key_arn


ADMIN = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def of_role(s3: EmbeddedS3, name: str = "transfer-role") -> tuple[Any, ...]:
    """Tell all that a script could change about a role."""
    iam = customer(s3, "iam")
    role = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline]
    return role["AssumeRolePolicyDocument"], role.get("Tags"), inline, documents


@pytest.mark.slow  # runs of the AWS CLI, half a second each
@pytest.mark.parametrize("mode", [[], ["steady"]], ids=["setup", "steady"])
def test_the_script_leaves_a_strange_role_alone(s3: EmbeddedS3, run: Run, mode: list[str]) -> None:
    """Somebody's own role of that name, an administrator's say, is not handed to the vendor, and nothing is made."""
    trust = json.dumps(policies.trust(make().config("arn:aws:iam::111122223333:role/x"), VENDOR)).replace(
        "vendor", "etl"
    )
    customer(s3, "iam").create_role(RoleName="transfer-role", AssumeRolePolicyDocument=trust)
    customer(s3, "iam").put_role_policy(RoleName="transfer-role", PolicyName="admin", PolicyDocument=ADMIN)
    before = of_role(s3)
    done = run(make(), *mode)
    assert done.returncode == 1
    assert "The role transfer-role is there, and was not made by this kit. Nothing was changed.\n" in done.stderr
    assert "Choose another name for the role" in done.stderr
    assert of_role(s3) == before
    assert customer(s3, "s3").list_buckets()["Buckets"] == []


@pytest.mark.slow  # runs of the AWS CLI, half a second each
@pytest.mark.parametrize(
    "changes", [{"prefix": "other"}, {"external_id": "of-another-vendor"}], ids=["prefix", "external id"]
)
def test_the_script_leaves_another_kits_role_alone(s3: EmbeddedS3, run: Run, changes: dict[str, object]) -> None:
    """It would lose the first one's external id and policy; under a name of its own it gets a role of its own."""
    assert run(make()).returncode == 0
    before = of_role(s3)
    done = run(make(**changes))
    assert (done.returncode, "was not made by this kit" in done.stderr) == (1, True)
    assert of_role(s3) == before
    assert run(make(**changes, role_name="second-role")).returncode == 0
    assert of_role(s3) == before


@pytest.mark.slow  # runs of the AWS CLI, half a second each
def test_the_script_gives_no_vendor_what_others_added(s3: EmbeddedS3, run: Run) -> None:
    """Its own role is set up anew with the vendor's new principal, unless that can do more by now."""
    assert run(make()).returncode == 0
    moved = make(vendor=AwsPrincipal(arn="arn:aws:iam::123456789012:role/new"))
    assert run(moved).returncode == 0
    assert of_role(s3)[0]["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::123456789012:role/new"}
    customer(s3, "iam").put_role_policy(RoleName="transfer-role", PolicyName="admin", PolicyDocument=ADMIN)
    before = of_role(s3)
    done = run(make())
    assert (done.returncode, "policies that are not this kit's (admin)" in done.stderr) == (1, True)
    assert of_role(s3) == before


def test_every_way_tags_the_role_alike(kit: SetupKit) -> None:
    """So that the script knows a role that a template made."""
    files = kit.files()
    (tag,) = json.loads(files["cloudformation.json"])["Resources"]["Role"]["Properties"]["Tags"]
    assert re.fullmatch("[0-9a-f]{32}", tag["Value"])
    assert f'{tag["Key"]} = "{tag["Value"]}"' in files["terraform/main.tf"]
    assert f"kit={tag['Value']} #" in files["setup.sh"]
    assert f"Key=='{tag['Key']}'" in files["setup.sh"]
