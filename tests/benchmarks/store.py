"""What a contestant is told: where the sink is, and which environment variables lead other libraries there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

Row = dict[str, object]
Task = Callable[[], object]
"""The work that is timed, once; what is needed before has been made."""
Transfer = Callable[[int], None]
"""One tiny transfer of many, by its number."""

REGION: Final = "us-east-1"
KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # of AWS's documentation


@dataclass(frozen=True, slots=True)
class Store:
    """The sink, as one lap sees it."""

    endpoint_url: str
    certificate: str
    prefix: str
    bucket: str = "bench"

    @property
    def uri(self) -> str:
        """Bucket and prefix as most libraries like them."""
        return f"s3://{self.bucket}/{self.prefix}"

    def environment(self) -> dict[str, str]:
        """List the variables by which AWS's tools, and those that follow them, are configured from outside."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ALLOW_HTTP": "true",  # obstore and polars
            "AWS_CA_BUNDLE": self.certificate,
            "SSL_CERT_FILE": self.certificate,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }

    def as_json(self) -> dict[str, str]:
        """Dump to plain values."""
        return asdict(self)
