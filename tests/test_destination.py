"""The façade: shared by threads, pickled to workers, forked, closed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake import FakeAws
from fake.world import ROLE_ARN, USER_SECRET

from s3dest import AmbientIdentity, ConfigError, Destination, JsonLines, StateError, TransferOptions, WebIdentity

HERE = Path(__file__).parent
FORK = multiprocessing.get_context("fork")


def copy_of(destination: Destination) -> Destination:
    """Send a destination through a pickle."""
    copy: Destination = pickle.loads(pickle.dumps(destination))  # noqa: S301  # our own
    return copy


def test_a_prefix_that_no_session_policy_can_hold_is_refused_at_once() -> None:
    """And not by the first check: STS takes 2,048 characters, and the check's policy names the prefix twice."""
    aws = FakeAws()
    with pytest.raises(ConfigError, match="STS takes 2048") as caught:
        Destination(aws.config(prefix="\u3042" * 150))
    assert caught.value.code == "session_policy_too_long"
    role = {"role_arn": ROLE_ARN, "external_id": None, "session_policy": False}
    for auth in (role, aws.user):
        Destination(aws.config(prefix="\u3042" * 150, auth=auth))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"config": {"bucket": "acme-lake"}}, "needs a DestinationConfig, not a dict"),
        ({"config": None}, "needs a DestinationConfig"),
        ({"identity": "arn:aws:iam::1:user/x"}, "not a str"),
        ({"identity": boto3.Session}, "AmbientIdentity or a WebIdentity"),
        ({"options": {"concurrency": 2}}, "options are TransferOptions, not a dict"),
        ({"journal": "journal"}, "a FileJournal, or has the methods of Journal, not a str"),
        ({"signer": b"PEM"}, "a ManifestSigner, not a bytes"),
    ],
)
def test_wrong_arguments_are_refused_at_once(aws: FakeAws, arguments: dict[str, Any], message: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigError, match=message):
        Destination(**{"config": aws.config(), **arguments})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda to: to.commit([]), "each as an argument of its own, not a list"),
        (lambda to: to.abort("{}"), "not a str"),
        (lambda to: to.check(wait=30), "a timedelta, not an int"),
        (lambda to: to.check(wait=timedelta(seconds=-1)), "cannot be negative"),
        (lambda to: to.check(mode=["setup"]), "mode is 'setup' or 'recheck'"),
        (lambda to: to.check(multipart={}), "multipart is 'auto'"),
        (lambda to: to.append("orders", format=JsonLines), "such as JsonLines.. makes, not <class"),
        (lambda to: to.append("orders", format=None), "not None"),
        (lambda to: to.append("orders", on_progress=5), "on_progress is a function, not an int"),
        (lambda to: to.check(on_wait="print"), "on_wait is a function, not a str"),
    ],
)
def test_a_wrong_argument_of_a_method_is_refused_at_once(
    aws: FakeAws, wrong: Callable[[Any], object], message: str
) -> None:
    """In a typed error, before anything is sent."""
    with aws.destination() as destination, pytest.raises(ConfigError, match=message):
        wrong(destination)
    assert aws.log == []


def test_nothing_is_sent_before_it_must_be(aws: FakeAws) -> None:
    """Neither by making a destination nor by opening a transfer; closing sends nothing either."""
    with aws.destination() as destination:
        destination.client()
        append = destination.append("orders")
        append.write({"id": 1})
        append.abort()
        copy_of(Destination(aws.config()))
    assert aws.log == []


def test_making_one_loads_no_boto3() -> None:
    """A host may make hundreds, and use a few."""
    code = (
        "import sys, pickle, s3dest\n"
        "auth = {'role_arn': 'arn:aws:iam::111122223333:role/r', 'external_id': 'acme'}\n"
        "config = s3dest.DestinationConfig(bucket='acme-lake', region='eu-west-1', auth=auth)\n"
        "with s3dest.Destination(config) as destination:\n"
        "    pickle.loads(pickle.dumps(destination)), repr(destination)\n"
        "print('boto3' in sys.modules, 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


@pytest.mark.usefixtures("aws")
def test_another_one_is_light(aws: FakeAws) -> None:
    """Under a mebibyte each, for services with hundreds of customers."""
    first = aws.destination()
    first.client()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        others = [aws.destination() for _ in range(5)]
        for other in others:
            other.client()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 5 < 1024 * 1024


def test_it_says_where_it_leads_and_no_more(aws: FakeAws) -> None:
    """Its repr stands in logs."""
    assert repr(aws.destination(auth=aws.user)) == "Destination('s3://acme-lake/vendor/exports')"


def test_threads_share_one_client(aws: FakeAws) -> None:
    """Also when all of them come first."""
    destination = aws.destination()
    barrier = threading.Barrier(10)
    clients: list[object] = []

    def use() -> None:
        barrier.wait()
        clients.append(destination.client())

    threads = [threading.Thread(target=use) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 10
    assert len(set(map(id, clients))) == 1


def test_threads_may_make_destinations_at_once(aws: FakeAws) -> None:
    """Each with all of botocore's handlers: a half-made client would sign nothing, or reach another store."""
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def use() -> None:
        try:
            barrier.wait()
            with aws.destination() as destination, destination.append("orders") as append:
                append.write({"id": 1})
        except BaseException as error:  # noqa: BLE001  # whatever it is
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_client_has_the_narrowed_session(aws: FakeAws) -> None:
    """For the reader who needs it: same credentials, same renewal."""
    with aws.destination() as destination:
        client = destination.client()
        client.put_object(Bucket="acme-lake", Key="vendor/exports/mine", Body=b"x")
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.put_object(Bucket="acme-lake", Key="elsewhere", Body=b"x")
        aws.clock.advance(3600)
        client.put_object(Bucket="acme-lake", Key="vendor/exports/mine", Body=b"y")
    assert aws.operations.count("AssumeRole") == 2


def test_a_closed_one_is_closed(aws: FakeAws) -> None:
    """Closing twice does nothing; every use says that it is closed."""
    destination = aws.destination()
    destination.check()
    with destination as same:
        assert same is destination
    destination.close()
    for use in (
        destination.check,
        destination.client,
        destination.__enter__,
        lambda: destination.append("orders"),
        destination.commit,
        destination.abort,
        destination.resume,
    ):
        with pytest.raises(StateError, match="is closed") as caught:
            use()
        assert caught.value.code == "closed"


def test_an_unused_one_can_be_closed(aws: FakeAws) -> None:
    """There is nothing to close."""
    aws.destination().close()


def test_a_pickle_takes_everything_along(aws: FakeAws, tmp_path: Path) -> None:
    """Config, identity, options, and whether it is closed; no client and no session."""
    token = tmp_path / "token"
    token.write_text("token")
    options = TransferOptions(object_rows=2)
    destination = Destination(aws.config(), identity=WebIdentity(token), options=options)
    with destination.append("orders") as append:
        append.write({"id": 1})
    copy = copy_of(destination)
    assert (copy.config, copy.options) == (destination.config, options)
    aws.log.clear()
    with copy.append("orders") as append:
        append.write({"id": 2})
    assert aws.operations == ["AssumeRoleWithWebIdentity", "PutObject", "PutObject"]
    destination.close()
    with pytest.raises(StateError, match="closed"):
        copy_of(destination).check()


def test_a_users_secret_goes_along(aws: FakeAws) -> None:
    """A worker could not sign without; a pickle is to be guarded like the secret."""
    assert USER_SECRET.encode() in pickle.dumps(Destination(aws.config(auth=aws.user)))
    assert copy_of(Destination(aws.config(auth=aws.user))).check().ok


def test_a_session_of_the_vendor_does_not(aws: FakeAws) -> None:
    """It is refused with what to do instead."""
    with pytest.raises(ConfigError, match="cannot be pickled"):
        pickle.dumps(Destination(aws.config(), identity=AmbientIdentity(boto3.Session())))


def test_a_worker_builds_its_own_client(aws: FakeAws) -> None:
    """In a process that shares nothing with this one."""
    code = (
        "import pickle, sys\n"
        "from fake import FakeAws\n"
        "with FakeAws() as aws:\n"
        "    destination = pickle.load(sys.stdin.buffer)\n"
        "    with destination, destination.append('orders') as append:\n"
        "        append.write({'id': 1})\n"
        "    print(aws.operations, append.receipt.rows)"
    )
    destination = Destination(aws.config(auth=aws.user))
    destination.client()
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(destination),
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"},
        capture_output=True,
        check=False,
    )
    assert (done.stdout.decode(), done.stderr.decode()) == ("['PutObject', 'PutObject'] 1\n", "")


def in_a_child(aws: FakeAws, destination: Destination) -> list[str]:
    """Append in a forked process and return what it asked for."""
    asked = len(aws.log)
    answers: Any = FORK.SimpleQueue()

    def child() -> None:
        with destination.append("orders") as append:
            append.write({"id": 2})
        answers.put(aws.operations[asked:])

    process = FORK.Process(target=child)
    process.start()
    process.join(120)
    alive = process.is_alive()
    process.kill()
    assert not alive, "the child hangs"
    operations: list[str] = answers.get()
    return operations


@pytest.mark.parametrize("used", [False, True])
def test_a_fork_builds_its_own_client(aws: FakeAws, used: Any) -> None:
    """Sockets and sessions stay with the parent, which goes on."""
    destination = aws.destination()
    if used:
        destination.append("orders").commit()
    assert in_a_child(aws, destination) == ["AssumeRole", "PutObject", "PutObject"]
    aws.log.clear()
    destination.append("orders").commit()
    assert aws.operations == (["PutObject"] if used else ["AssumeRole", "PutObject"])


@pytest.mark.parametrize("used", [False, True])
def test_a_fork_in_the_middle_of_the_first_use_does_not_hang(aws: FakeAws, used: Any) -> None:
    """Another thread of the parent may hold the lock, and there is no such thread in the child."""
    destination = aws.destination()
    if used:
        destination.client()
    with destination._lock:
        assert in_a_child(aws, destination)[-1] == "PutObject"
