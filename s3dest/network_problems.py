"""The catalogue, on what lies between: names, connections, TLS, proxies, lost answers."""

from __future__ import annotations

from s3dest.errors import RequestError, TransportError
from s3dest.problem import Problem

UNREACHABLE = Problem(
    "endpoint_unreachable",
    TransportError,
    "network",
    "The store cannot be reached.",
    "Check the region's spelling, endpoint_url, name resolution and egress rules.",
    retryable=True,
)
NAME_NOT_FOUND = Problem(
    "name_not_found",
    TransportError,
    "network",
    "The name of the store cannot be resolved.",
    "Check this machine's DNS, and the spelling of endpoint_url; a store that knows no bucket in the host name needs "
    "addressing_style 'path'.",
    retryable=True,
)
REGION_UNKNOWN = Problem(
    "region_unknown",
    TransportError,
    "customer",
    "There is no S3 in region {region!r}: its name cannot be resolved, and AWS lists no such region.",
    "Set the region that the S3 console shows beside the bucket.",
)
CONNECTION_REFUSED = Problem(
    "connection_refused",
    TransportError,
    "network",
    "The store's address refuses connections.",
    "Check the port in endpoint_url, that the store is running, and the firewall in between.",
    retryable=True,
)
CONNECT_TIMED_OUT = Problem(
    "connect_timed_out",
    TransportError,
    "network",
    "No connection to the store came about in time.",
    "Check egress rules, routes and security groups: packets to the store are dropped.",
    retryable=True,
)
PROXY_UNREACHABLE = Problem(
    "proxy_unreachable", TransportError, "network", "The proxy cannot be reached.", "Check the proxy.", retryable=True
)
TLS_UNTRUSTED = Problem(
    "tls_failed",
    TransportError,
    "network",
    "No trusted TLS connection to the store can be made.",
    "Add the store's certificate authority (AWS_CA_BUNDLE), or check that the port speaks TLS.",
)
TLS_NOT_SPOKEN = Problem(
    "tls_not_spoken",
    TransportError,
    "network",
    "What listens at the store's address does not speak TLS.",
    "Check the port in endpoint_url (https on a port for http?), and look for a proxy in between.",
)
ANSWER_LOST = Problem(
    "answer_lost",
    TransportError,
    "network",
    "The store's answer did not arrive.",
    "Try again; whether the request took effect is unknown.",
    retryable=True,
    ambiguous=True,
)
UNUSABLE_REQUEST = Problem(
    "unusable_request", RequestError, "vendor", "The request cannot be sent.", "See what botocore said."
)
