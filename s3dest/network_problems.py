"""The catalogue, on what lies between: names, connections, TLS, proxies, lost answers.

``{service}`` is who was asked, the store or STS; where it was STS, the error is a `CredentialsError`.
"""

from __future__ import annotations

from s3dest.errors import RequestError, TransportError
from s3dest.problem import Problem

UNREACHABLE = Problem(
    "endpoint_unreachable",
    TransportError,
    "network",
    "{service} cannot be reached.",
    "Check the region's spelling, {endpoint}, name resolution and egress rules.",
    retryable=True,
)
NAME_NOT_FOUND = Problem(
    "name_not_found",
    TransportError,
    "network",
    "The name of {service} cannot be resolved.",
    "Check this machine's DNS, and the spelling of the {address}.",
    retryable=True,
    elsewhere="A store that knows no bucket in the host name needs addressing_style 'path'.",
)
REGION_UNKNOWN = Problem(
    "region_unknown",
    TransportError,
    "customer",
    "There is no region {region!r}: no name of {service} can be resolved there, and AWS lists no such region.",
    "Set the region that the S3 console shows beside the bucket.",
)
CONNECTION_REFUSED = Problem(
    "connection_refused",
    TransportError,
    "network",
    "The address of {service} refuses connections.",
    "Check the port in {endpoint}, that {service} is running, and the firewall in between.",
    retryable=True,
)
CONNECT_TIMED_OUT = Problem(
    "connect_timed_out",
    TransportError,
    "network",
    "No connection to {service} could be made in time.",
    "Check egress rules, routes and security groups: packets to {service} are dropped.",
    retryable=True,
)
PROXY_UNREACHABLE = Problem(
    "proxy_unreachable",
    TransportError,
    "network",
    "The proxy between here and {service} cannot be reached.",
    "Check its address (HTTPS_PROXY, HTTP_PROXY), or name {service} in NO_PROXY.",
    retryable=True,
)
PROXY_MALFORMED = Problem(
    "proxy_malformed",
    TransportError,
    "vendor",
    "The address of the proxy between here and {service} cannot be read.",
    "Correct HTTPS_PROXY, HTTP_PROXY on the machine that runs s3dest: http://USER:PASSWORD@HOST:PORT, with odd "
    "characters of the password escaped (%2F for a slash, %23 for #, %3F for ?).",
)
PROXY_WANTS_LOGIN = Problem(
    "proxy_wants_login",
    TransportError,
    "network",
    "The proxy between here and {service} requires a user name and password (407).",
    "Put them into the proxy's address (HTTPS_PROXY, HTTP_PROXY), or name {service} in NO_PROXY.",
)
PROXY_REFUSES = Problem(
    "proxy_refuses",
    TransportError,
    "network",
    "The proxy between here and {service} does not let the connection through.",
    "Allow {service} in the proxy, or name it in NO_PROXY.",
    retryable=True,
)
GATEWAY_FAILED = Problem(
    "gateway_failed",
    TransportError,
    "network",
    "What lies between here and {service} answered in its place, and says that it failed: there is no request id.",
    "Try again later; if it stays, look at the proxy, load balancer or gateway in between.",
    retryable=True,
    ambiguous=True,
)
TLS_UNTRUSTED = Problem(
    "tls_failed",
    TransportError,
    "network",
    "No trusted TLS connection to {service} can be made.",
    "Add the certificate authority of {service}, or of the proxy that inspects TLS (AWS_CA_BUNDLE).",
)
TLS_WRONG_HOST = Problem(
    "tls_wrong_host",
    TransportError,
    "network",
    "The certificate of {service} is for another host.",
    "Check {endpoint} (an address instead of a name?), and look for a proxy in between; a store whose certificate "
    "covers no bucket in the host name needs addressing_style 'path'.",
)
TLS_EXPIRED = Problem(
    "tls_expired",
    TransportError,
    "network",
    "The certificate of {service}, or of its issuer, is not valid today.",
    "Have it renewed, and make sure that the clock of this machine is right.",
)
TLS_BROKEN_OFF = Problem(
    "tls_broken_off",
    TransportError,
    "network",
    "The connection to {service} broke off before TLS was agreed.",
    "Try again; nothing was sent. If it happens each time, look for a firewall or proxy in between, and check the port "
    "in {endpoint} (https on a port for http?).",
    retryable=True,
)
TLS_BUNDLE_MISSING = Problem(
    "tls_bundle_missing",
    TransportError,
    "vendor",
    "The file of trusted certificate authorities cannot be read.",
    "Correct AWS_CA_BUNDLE (or ca_bundle in the AWS profile) on the machine that runs s3dest.",
)
NOT_HTTP = Problem(
    "http_not_spoken",
    TransportError,
    "network",
    "What listens at the address of {service} does not speak HTTP.",
    "Check the port in {endpoint} (http on a port for https?), and look for a proxy in between.",
    retryable=True,
    ambiguous=True,
)
TLS_NOT_SPOKEN = Problem(
    "tls_not_spoken",
    TransportError,
    "network",
    "What listens at the address of {service} does not speak TLS.",
    "Check the port in {endpoint} (https on a port for http?), and look for a proxy in between.",
)
ANSWER_LOST = Problem(
    "answer_lost",
    TransportError,
    "network",
    "The answer of {service} did not arrive, or cannot be read.",
    "Try again; whether the request took effect is unknown. If it happens each time, check the port in {endpoint} "
    "(http on a port for https?), and look for a proxy in between.",
    retryable=True,
    ambiguous=True,
)
UNUSABLE_REQUEST = Problem(
    "unusable_request", RequestError, "vendor", "The request cannot be sent.", "See botocore's message."
)
