"""Where the vendor's credentials may be sent, whatever a config says."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest

from s3dest import AmbientIdentity, ConfigError, Destination, DestinationConfig, WebIdentity, config_findings

ROLE = {"role_arn": "arn:aws:iam::111122223333:role/transfer-role", "external_id": "acme-7f3c"}
KEYS = {"access_key_id": "AKIAFAKEUSER00000001", "secret_access_key": "user-secret-0123456789"}
AWS = "https://sts.eu-west-1.amazonaws.com"


def token() -> str:
    """Be a token source that can be pickled."""
    return "token"


def config(**changes: Any) -> DestinationConfig:
    """Configure a destination."""
    return DestinationConfig.model_validate({"bucket": "acme-lake", "region": "eu-west-1", "auth": ROLE, **changes})


IDENTITIES = [AmbientIdentity(sts_hosts=()), WebIdentity(token, sts_hosts=())]


@pytest.mark.parametrize("identity", IDENTITIES, ids=["ambient", "web"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoint_url": "https://s3.example.com"}, "endpoint_url"),
        ({"endpoint_url": "https://ec2-203-0-113-25.eu-west-1.compute.amazonaws.com"}, "endpoint_url"),
        ({"sts_endpoint_url": "https://evil.example.com"}, "sts_endpoint_url"),
        ({"sts_endpoint_url": "https://sts.eu-west-1.amazonaws.com.example.com"}, "sts_endpoint_url"),
        ({"sts_endpoint_url": "https://vpce-1a2b-5e6f.sts.eu-west-1.vpce.amazonaws.com"}, "sts_endpoint_url"),
        ({"sts_endpoint_url": "https://s3.eu-west-1.amazonaws.com"}, "sts_endpoint_url"),
        ({"sts_endpoint_url": "http://127.0.0.1:5000"}, "sts_endpoint_url"),
        ({"sts_endpoint_url": "http://sts.eu-west-1.amazonaws.com"}, "sts_endpoint_url"),
    ],
)
def test_credentials_go_to_awss_sts_alone(identity: Any, changes: dict[str, str], field: str) -> None:
    """A customer cannot have them sent to a server of theirs; what is wrong is a finding for their form, too."""
    with pytest.raises(ConfigError) as caught:
        Destination(config(**changes), identity=identity)
    assert (caught.value.code, caught.value.owner) == ("sts_host_not_trusted", "customer")
    assert f"The config's {field} would have" in caught.value.message
    (finding,) = config_findings(caught.value)
    assert (finding.code, finding.owner, finding.severity) == ("sts_host_not_trusted", "customer", "error")
    assert (finding.message, finding.remedy) == (caught.value.message, caught.value.remedy)


@pytest.mark.parametrize("identity", IDENTITIES, ids=["ambient", "web"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sts_endpoint_url": AWS},
        {"sts_endpoint_url": "https://sts.amazonaws.com"},
        {"sts_endpoint_url": "https://sts-fips.us-east-1.amazonaws.com"},
        {"sts_endpoint_url": "https://sts.us-east-1.api.aws"},
        {"endpoint_url": "https://s3.example.com", "sts_endpoint_url": AWS},
        {"endpoint_url": "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com"},
        {"endpoint_url": "https://s3.example.com", "auth": KEYS},
    ],
)
def test_where_none_is_asked_but_awss_nothing_is_refused(identity: Any, changes: dict[str, Any]) -> None:
    """Nor where a user's keys ask none."""
    Destination(config(**changes), identity=identity).close()


@pytest.mark.parametrize("hosts", [["RGW.example.com", "10.0.0.7"], {"rgw.example.com"}])
def test_hosts_that_the_vendor_names_are_trusted(hosts: Any) -> None:
    """By name, at any port; but not in clear text, which others read along."""
    identity = AmbientIdentity(sts_hosts=hosts)
    Destination(config(endpoint_url="https://rgw.example.com:8443/s3"), identity=identity).close()
    Destination(config(sts_endpoint_url=AWS), identity=identity).close()
    for url in ("https://rgw2.example.com", "https://x.rgw.example.com", "http://rgw.example.com"):
        with pytest.raises(ConfigError) as caught:
            Destination(config(endpoint_url=url), identity=identity)
        assert ("https address" in caught.value.remedy) is url.startswith("http:")


def test_this_very_machine_may_be_asked_in_clear_text() -> None:
    """As test servers and side-cars are."""
    where = {"endpoint_url": "http://127.0.0.1:9000"}
    Destination(config(**where), identity=WebIdentity(token, sts_hosts=["127.0.0.1"])).close()


@pytest.mark.parametrize("hosts", ["rgw.example.com", b"rgw", 7, ["https://rgw.example.com"], ["rgw:8443"], [7], [""]])
def test_what_names_no_hosts_is_refused(hosts: Any) -> None:
    """A text would be a collection of its letters, and a URL the name of no host."""
    for make in (lambda: AmbientIdentity(sts_hosts=hosts), lambda: WebIdentity(token, sts_hosts=hosts)):
        with pytest.raises(ConfigError, match="collection of host names") as caught:
            make()
        assert caught.value.code == "sts_hosts"


@pytest.mark.parametrize(
    "identity", [AmbientIdentity(sts_hosts=["b", "a", "A"]), WebIdentity(token, sts_hosts=("a", "b"))]
)
def test_the_limit_crosses_processes(identity: Any) -> None:
    """And is a value: order and letters do not count."""
    for copied in (pickle.loads(pickle.dumps(identity)), replace(identity)):  # noqa: S301  # our own
        assert copied == identity
        assert hash(copied) == hash(identity)
        assert copied.sts_hosts == ("a", "b")
