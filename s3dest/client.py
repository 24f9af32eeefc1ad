"""The boto3 client of a destination: everything that the environment could change is said outright."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from s3dest.answer_limit import limit_answers
from s3dest.config import DestinationConfig
from s3dest.credentials import KeyProvider
from s3dest.options import MIB, TransferOptions
from s3dest.payload_hash import sign_known_hashes
from s3dest.piece import Piece
from s3dest.sdk import session_with
from s3dest.verdicts import REGION_CODES
from s3dest.version import __version__

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SMALL_BODY: Final = MIB
"""Bytes up to which a refusal after the whole body costs less than asking first (``Expect: 100-continue``)."""

_REDIRECTS: Final = frozenset({301, 302, 307})


def create_client(config: DestinationConfig, options: TransferOptions, provider: KeyProvider) -> S3Client:
    """Make the boto3 client of one destination in one process."""
    settings = Config(
        signature_version="s3v4",
        user_agent_extra=f"s3dest/{__version__}",
        connect_timeout=options.connect_timeout.total_seconds(),
        read_timeout=options.read_timeout.total_seconds(),
        max_pool_connections=options.concurrency,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": 1},
        # said outright, so that nothing in the host's environment changes the form of a request
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # unknown to the stubs
        s3={
            "addressing_style": config.addressing_style,
            # each body carries a checksum; over TLS a signed digest of it would add nothing but its cost
            "payload_signing_enabled": not config.over_tls,
            "us_east_1_regional_endpoint": "regional",
            "use_accelerate_endpoint": False,
        },
    )
    client: S3Client = session_with(provider).client(
        "s3", region_name=config.region, endpoint_url=config.endpoint_url, config=settings
    )
    limit_answers(client)
    if not config.over_tls:
        sign_known_hashes(client, provider)
    events = client.meta.events
    events.register_first("needs-retry.s3", _refuse_redirect)
    # of the general event, which comes after an operation's own: botocore adds the header there
    events.register_last("before-call.s3", _expect_only_for_large)
    return client


def _refuse_redirect(response: tuple[Any, dict[str, Any]] | None, operation: Any, **_: object) -> None:  # noqa: ANN401
    """Show a wrong region as it is: botocore would ask HeadBucket, go elsewhere, and tell nobody."""
    if response is None:
        return
    http, parsed = response
    code = str(parsed.get("Error", {}).get("Code", ""))
    if http.status_code in _REDIRECTS or code in REGION_CODES:
        raise ClientError(parsed, operation.name)  # type: ignore[arg-type]  # as botocore raises it


def _expect_only_for_large(params: dict[str, Any], **_: object) -> None:
    """Save a small body the round trip of asking first."""
    if _size(params.get("body")) <= SMALL_BODY:
        params["headers"].pop("Expect", None)


def _size(body: object) -> int:
    if isinstance(body, BytesIO):  # botocore has made a file of bytes by now
        return body.getbuffer().nbytes
    return len(body) if isinstance(body, Piece) else 0
