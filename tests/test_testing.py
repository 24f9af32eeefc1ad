"""The test kit: permissions are enforced as on AWS, requests are logged, and nothing is left behind."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader
from moto import mock_aws, settings
from moto.iam.access_control import IAMPolicyStatement

from s3dest import policies
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.config import DestinationConfig
from s3dest.destination import Destination
from s3dest.errors import ConfigError, StateError
from s3dest.policies import Statement
from s3dest.testing import Customer, EmbeddedS3
from s3dest.vendor import GoogleServiceAccount

FOLDER = "vendor/exports/"
USER = HmacAuth.model_validate({"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret"})
PROBE = "vendor/exports/.s3dest-probe/a"


@pytest.fixture
def s3() -> Iterator[EmbeddedS3]:
    """Run the kit for one test."""
    with EmbeddedS3() as s3:
        yield s3


LOADER = Loader()


def client(service: str, *keys: str, region: str | None = None) -> Any:
    """Make a plain boto3 client; with one loader for all, since each costs a quarter of a second."""
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    make: Any = boto3.Session  # its types know no list of keys
    return make(*keys, botocore_session=session, region_name=region).client(service)


def assume(config: DestinationConfig, **more: str) -> dict[str, str]:
    """Assume a customer's role as the vendor."""
    assert isinstance(config.auth, RoleAuth)
    sts: Any = boto3.client("sts")
    answer: dict[str, str] = sts.assume_role(RoleArn=config.auth.role_arn, RoleSessionName="tests", **more)[
        "Credentials"
    ]
    return answer


def client_of(config: DestinationConfig, **more: str) -> Any:
    """Get into a customer's account as the vendor, with boto3 alone."""
    if isinstance(config.auth, HmacAuth):
        keys = [config.auth.access_key_id, config.auth.secret_access_key.get_secret_value()]
        return client("s3", *keys, region=config.region)
    if config.auth.external_id:
        more["ExternalId"] = config.auth.external_id
    answer = assume(config, **more)
    keys = [answer[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return client("s3", *keys, region=config.region)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Make a call that must be refused, and return code and message of the answer."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def put(client: Any, key: str, body: bytes = b"x", **more: str) -> None:
    """Put an object into the bucket of the default customer."""
    client.put_object(Bucket="acme-lake", Key=key, Body=body, **more)


@pytest.mark.parametrize("auth", ["role", "hmac"])
def test_the_setup_policy_grants_two_actions_under_the_prefix(s3: EmbeddedS3, auth: Literal["role", "hmac"]) -> None:
    """A customer's credentials can do what the guide grants, and each other call is refused as AWS words it."""
    customer = s3.customer(auth=auth)
    client = client_of(customer.config)
    put(client, f"{FOLDER}dt=2026-11-23/a b", IfNoneMatch="*")
    client.delete_object(Bucket="acme-lake", Key=PROBE)

    for call, action in (
        (lambda: client.delete_object(Bucket="acme-lake", Key=f"{FOLDER}dt=2026-11-23/a b"), "s3:DeleteObject"),
        (lambda: put(client, "elsewhere"), "s3:PutObject"),
        (lambda: client.get_object(Bucket="acme-lake", Key=f"{FOLDER}a"), "s3:GetObject"),
        (lambda: client.list_objects_v2(Bucket="acme-lake"), "s3:ListBucket"),
    ):
        code, message = refusal(call)
        assert code == "AccessDenied"
        assert f'is not authorized to perform: {action} on resource: "arn:aws:s3:::acme-lake' in message
        assert message.endswith(f"because no identity-based policy allows the {action} action")


def test_delete_can_be_taken_away(s3: EmbeddedS3) -> None:
    """The steady policy works at once, for sessions that are open too."""
    customer = s3.customer()
    client = client_of(customer.config)
    customer.revoke_delete()
    put(client, PROBE)
    assert refusal(lambda: client.delete_object(Bucket="acme-lake", Key=PROBE))[0] == "AccessDenied"
    assert customer.permission == policies.permission(customer.config, stage="steady")


@pytest.mark.parametrize("auth", ["role", "hmac"])
def test_a_prefix_is_granted_as_it_is_written(s3: EmbeddedS3, auth: Literal["role", "hmac"]) -> None:
    """Moto alone takes it for a regular expression, which others match, and it itself does not."""
    customer = s3.customer(auth=auth, prefix="a.b|c $x(+)[ü]^")
    with Destination(customer.config) as destination:
        assert not destination.check().findings
        with destination.append("orders") as append:
            append.write({"id": 1})
    assert customer.rows("orders") == [{"id": 1}]
    client = client_of(customer.config)
    for key in ("axb|c $x(+)[ü]^/a", "a.b|c/a", "a.b", "c $x/a", "other/a"):
        assert refusal(partial(put, client, key))[0] == "AccessDenied"


def test_wildcards_of_policies_are_iams(s3: EmbeddedS3) -> None:
    """A ``?`` is one character, and a ``*`` also line breaks; nothing else stands for another."""
    customer = s3.customer(auth="hmac")
    resource = "arn:aws:s3:::acme-lake/a?c/[ab]*d"
    customer.put_permission(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Put*", "Resource": resource}]}
    )
    client = client_of(customer.config)
    put(client, "a?c/[ab]d")
    put(client, "abc/[ab]/c\n/d")
    for key in ("ac/[ab]d", "abbc/[ab]d", "abc/ad", "abc/[ab]dd/"):
        assert refusal(partial(put, client, key))[0] == "AccessDenied"


@pytest.mark.parametrize("external_id", [{}, {"ExternalId": "another-customer"}], ids=["missing", "wrong"])
def test_a_role_is_closed_without_its_external_id(s3: EmbeddedS3, external_id: dict[str, str]) -> None:
    """Forgetting it is refused too, which moto alone would let pass."""
    config = s3.customer().config
    code, message = refusal(lambda: assume(config, **external_id))
    assert code == "AccessDenied"
    role_arn = config.model_dump()["auth"]["role_arn"]
    assert message == f"User: {s3.vendor.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"


def test_a_role_that_demands_no_external_id_is_open_without(s3: EmbeddedS3) -> None:
    """``external_id=None`` says outright that there is none."""
    put(client_of(s3.customer(external_id=None).config), f"{FOLDER}a")


def test_a_role_that_is_not_there_is_refused(s3: EmbeddedS3) -> None:
    """Moto alone would open a session of it."""
    s3.customer()
    arn = "arn:aws:iam::123456789012:role/nobody"
    assert refusal(lambda: client("sts").assume_role(RoleArn=arn, RoleSessionName="tests"))[0] == "AccessDenied"


def test_a_web_identity_opens_only_a_role_that_trusts_one(s3: EmbeddedS3) -> None:
    """The token is not looked at, but the way in is."""
    google = s3.customer(vendor=GoogleServiceAccount(subject="123456789", audience="acme"))
    other = s3.customer(bucket="beta-lake")
    sts = client("sts")

    def assume_with_token(customer: Customer) -> object:
        assert isinstance(customer.config.auth, RoleAuth)
        return sts.assume_role_with_web_identity(
            RoleArn=customer.config.auth.role_arn, RoleSessionName="tests", WebIdentityToken="token"
        )

    assume_with_token(google)
    assert refusal(lambda: assume_with_token(other)) == (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )


def test_a_session_policy_narrows_the_session(s3: EmbeddedS3) -> None:
    """What the role allows and the session policy does not is refused, and the message names the session policy."""
    config = s3.customer().config
    client = client_of(config, Policy=json.dumps(policies.session(config, purpose="setup-check")))
    put(client, f"{FOLDER}a")
    client.delete_object(Bucket="acme-lake", Key=f"{FOLDER}.s3dest-probe/a")
    code, message = refusal(lambda: client.delete_object(Bucket="acme-lake", Key=f"{FOLDER}a"))
    assert (code, message.partition("because ")[2]) == (
        "AccessDenied",
        "no session policy allows the s3:DeleteObject action",
    )


def test_the_guard_refuses_whatever_could_overwrite(s3: EmbeddedS3) -> None:
    """Only creation with ``If-None-Match`` passes; parts of a multipart upload need none."""
    customer = s3.customer(guard=True)
    client = client_of(customer.config)
    put(client, f"{FOLDER}a", IfNoneMatch="*")
    code, message = refusal(lambda: put(client, f"{FOLDER}a", b"y"))
    assert code == "AccessDenied"
    assert message.endswith("with an explicit deny in a resource-based policy")
    assert refusal(lambda: put(client, f"{FOLDER}a", b"y", IfNoneMatch="*"))[0] == "PreconditionFailed"
    source = {"Bucket": "acme-lake", "Key": f"{FOLDER}a"}
    _, message = refusal(lambda: client.copy_object(Bucket="acme-lake", Key=f"{FOLDER}b", CopySource=source))
    assert message.endswith("with an explicit deny in a resource-based policy")

    key = f"{FOLDER}large"
    upload = client.create_multipart_upload(Bucket="acme-lake", Key=key)["UploadId"]
    part = client.upload_part(Bucket="acme-lake", Key=key, UploadId=upload, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

    def complete(**more: str) -> dict[str, object]:
        done: dict[str, object] = client.complete_multipart_upload(
            Bucket="acme-lake", Key=key, UploadId=upload, MultipartUpload=parts, **more
        )
        return done

    assert refusal(complete)[0] == "AccessDenied"
    assert "VersionId" not in complete(IfNoneMatch="*")
    assert [stored.read() for stored in customer.objects()] == [b"x", b"1"]


def test_without_the_guard_an_overwrite_passes(s3: EmbeddedS3) -> None:
    """As on AWS: ``s3:PutObject`` alone includes overwriting."""
    customer = s3.customer()
    client = client_of(customer.config)
    put(client, f"{FOLDER}a")
    put(client, f"{FOLDER}a", b"y")
    assert [stored.read() for stored in customer.objects()] == [b"y"]


def test_an_upload_that_is_not_there_is_no_such_upload(s3: EmbeddedS3) -> None:
    """Moto alone crashes with a KeyError."""
    client = client_of(s3.customer().config)
    code, _ = refusal(
        lambda: client.upload_part(Bucket="acme-lake", Key=f"{FOLDER}a", UploadId="gone", PartNumber=1, Body=b"1")
    )
    assert code == "NoSuchUpload"


def test_the_log_holds_each_request_once_and_none_of_the_customers(s3: EmbeddedS3) -> None:
    """Set-up, listing and reading by the customer are left out."""
    customer = s3.customer()
    client = client_of(customer.config)
    put(client, f"{FOLDER}a")
    refusal(lambda: client.list_objects_v2(Bucket="acme-lake"))
    customer.objects()
    assert s3.requests == ["AssumeRole", "PutObject", "ListObjectsV2"]
    s3.forget_requests()
    assert s3.requests == []


@pytest.mark.parametrize("auth", ["role", "hmac"])
def test_a_destination_works_without_a_word_about_tests(s3: EmbeddedS3, auth: Literal["role", "hmac"]) -> None:
    """A pipeline's own code runs as in production, pickled too, and each of its requests is in the log."""
    customer = s3.customer(auth=auth)
    with pickle.loads(pickle.dumps(Destination(customer.config))) as destination:  # noqa: S301  # our own
        with destination.append("orders") as append:
            append.write({"id": 1})
        assert customer.rows("orders") == [{"id": 1}]
        assert destination.check().ok
    assume = ["AssumeRole"] if auth == "role" else []
    strangers = assume * 2
    probe = ["PutObject", "PutObject", "DeleteObject"]
    assert s3.requests == [*assume, "PutObject", "PutObject", *assume, *strangers, *probe]


def test_rows_are_those_that_a_manifest_names(s3: EmbeddedS3) -> None:
    """An object without a manifest is no committed row."""
    customer = s3.customer()
    client = client_of(customer.config)
    put(client, f"{FOLDER}orders/a.jsonl", b'{"id":1}\n{"id":2}\n')
    put(client, f"{FOLDER}orders/b.jsonl.gz", gzip.compress(b'{"id":3}\n'))
    put(client, f"{FOLDER}orders/orphan.jsonl", b'{"id":4}\n')
    assert customer.rows("orders") == []
    entries = [{"url": f"s3://acme-lake/{FOLDER}orders/{name}"} for name in ("a.jsonl", "b.jsonl.gz")]
    put(client, f"{FOLDER}_manifests/orders/dt=2026-11-23/manifest_1.json", json.dumps({"entries": entries}).encode())
    assert customer.rows("orders") == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_objects_of_other_formats_give_no_rows(s3: EmbeddedS3) -> None:
    """What is no JSON Lines is not guessed at."""
    customer = s3.customer()
    put(client_of(customer.config), f"{FOLDER}a.parquet")
    (stored,) = customer.objects()
    with pytest.raises(ValueError, match=r"a\.parquet does not hold JSON Lines"):
        stored.rows()


def test_everything_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, botocore's handlers and moto's switches are put back, also after an exception."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMINE")

    def state() -> tuple[object, ...]:
        return (
            dict(os.environ),
            list(BUILTIN_HANDLERS),
            settings.INITIAL_NO_AUTH_ACTION_COUNT,
            boto3.DEFAULT_SESSION,
            vars(IAMPolicyStatement)["_match"],
        )

    before = state()

    def fail() -> None:
        with EmbeddedS3() as s3:
            assert "AWS_PROFILE" not in os.environ
            client_of(s3.customer().config)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert state() == before


def test_of_threads_that_start_at_once_one_succeeds() -> None:
    """The others are told why, and leave environment and moto as they are."""
    before = dict(os.environ)
    ready = threading.Barrier(4)

    def start(_number: int) -> str:
        ready.wait()
        try:
            with EmbeddedS3():
                done.wait(20)
        except StateError as error:
            refused.release()
            return error.message
        return "started"

    refused, done = threading.Semaphore(0), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(start, range(4))
        for _ in range(3):
            assert refused.acquire(timeout=20)
        done.set()
    told = list(answers)
    assert told.count("started") == 1
    assert sum("running already" in each for each in told) == 3
    assert dict(os.environ) == before


def test_a_session_of_an_outer_mock_is_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test suite that mocks AWS itself has made boto3's default session by then, with keys of moto's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOUTER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "outer")
    with mock_aws():
        boto3.client("s3", region_name="eu-west-1")
        outer = boto3.DEFAULT_SESSION
        with EmbeddedS3() as s3:
            assert Destination(s3.customer().config).check().ok
        assert boto3.DEFAULT_SESSION is outer


def test_boto3s_own_session_is_the_vendors(s3: EmbeddedS3) -> None:
    """Whatever is made of it: code under test may do so, and a test give it other keys."""
    assert boto3.client("sts").get_caller_identity()["Arn"].endswith(":user/vendor")
    assert boto3.resource("s3").Bucket(s3.customer().config.bucket).name == "acme-lake"


def test_an_outer_mock_keeps_its_state_and_sees_none_of_ours() -> None:
    """Moto's own nested mocks share all there is: the second of two would find the roles of the first."""
    with mock_aws():
        outer = client("s3", "AKIAOUTER", "outer", region="us-east-1")
        outer.create_bucket(Bucket="acme-lake")
        outer.put_object(Bucket="acme-lake", Key="kept", Body=b"kept")
        for _ in range(2):
            with EmbeddedS3() as s3:
                assert s3.customer().objects() == []
        assert [bucket["Name"] for bucket in outer.list_buckets()["Buckets"]] == ["acme-lake"]
        assert outer.get_object(Bucket="acme-lake", Key="kept")["Body"].read() == b"kept"
        assert client("iam", "AKIAOUTER", "outer", region="us-east-1").list_roles()["Roles"] == []


def test_destinations_are_closed_with_it() -> None:
    """One that makes a client afterwards would reach the network."""
    outside = Destination(DestinationConfig(bucket="other", region="eu-west-1", auth=USER))
    with EmbeddedS3() as s3:
        inside = Destination(s3.customer().config)
        worker = pickle.loads(pickle.dumps(inside))  # noqa: S301  # made here
    for destination in (inside, worker):
        with pytest.raises(StateError, match="is closed"):
            destination.check()
    with outside:
        pass


def test_each_customer_has_a_bucket_of_its_own(s3: EmbeddedS3) -> None:
    """By default, as a fixture of each test wants on an embedded S3 of them all; one that is taken is refused."""
    assert s3.customer(bucket="acme-lake-2").config.bucket == "acme-lake-2"
    customers = [s3.customer(), s3.customer(auth="hmac"), s3.customer()]
    assert [customer.config.bucket for customer in customers] == ["acme-lake", "acme-lake-3", "acme-lake-4"]
    with pytest.raises(ConfigError, match="'acme-lake' is another customer's"):
        s3.customer(bucket="acme-lake")


def test_an_explicit_deny_is_told_as_one(s3: EmbeddedS3) -> None:
    """As AWS does, whether it is a role's or a user's, and also where a statement allows it."""
    deny: Statement = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    for customer in (s3.customer(), s3.customer(auth="hmac")):
        statements = [*customer.permission["Statement"], deny]
        customer.put_permission({"Version": "2012-10-17", "Statement": statements})
        assert [finding.code for finding in Destination(customer.config).check().findings] == [
            "denied_by_identity_policy"
        ]
        customer.put_permission({"Version": "2012-10-17", "Statement": [deny]})
        with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
            put(client_of(customer.config), f"{FOLDER}a")


def test_each_start_begins_with_nothing() -> None:
    """Buckets and roles of one run are not in the next, be it another object's or the same one's."""
    again = EmbeddedS3()
    for s3 in (EmbeddedS3(), again, again):
        with s3:
            assert s3.requests == []
            customer = s3.customer()
            assert customer.config.bucket == "acme-lake"
            assert customer.objects() == []
            with Destination(customer.config) as destination, destination.append("orders") as append:
                append.write({"id": 1})
            assert s3.requests == ["AssumeRole", "PutObject", "PutObject"]


def test_a_second_one_at_a_time_is_refused(s3: EmbeddedS3) -> None:
    """Moto's state is the process's; the first goes on."""
    with pytest.raises(StateError, match="running already"), EmbeddedS3():
        pass
    assert s3.customer().objects() == []


def test_use_outside_the_context_is_refused() -> None:
    """Before and after, a sentence says what to do."""
    s3 = EmbeddedS3()
    with pytest.raises(StateError, match="not running"):
        s3.customer()
    with s3:
        client = client_of(s3.customer().config)
    with pytest.raises(StateError, match="not running"):
        s3.customer()
    with pytest.raises(StateError, match="has ended"):  # and does not reach the network
        put(client, f"{FOLDER}a")


def test_without_moto_the_error_names_the_extra() -> None:
    """Importing the kit needs no moto; starting it does."""
    code = (
        "import sys; sys.modules['moto'] = None\n"
        "from s3dest.testing import EmbeddedS3\n"
        "try:\n    EmbeddedS3().__enter__()\n"
        "except ValueError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 's3dest[testing]'" in done.stdout


def test_a_customer_of_an_unknown_kind_is_refused() -> None:
    """Anything but a role would be taken for a user."""
    with EmbeddedS3() as s3, pytest.raises(ConfigError, match="'roles'"):
        s3.customer(auth="roles")  # type: ignore[arg-type]


def test_a_vendor_that_is_none_is_refused(s3: EmbeddedS3) -> None:
    """An ARN alone, say."""
    with pytest.raises(ConfigError, match="not a str"):
        s3.customer(vendor="arn:aws:iam::123456789012:user/me")  # type: ignore[arg-type]
