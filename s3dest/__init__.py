"""s3dest delivers a service's data into a bucket that its customer owns: append-only, with least privilege."""

from typing import TYPE_CHECKING

from s3dest import policies
from s3dest.auth import HmacAuth, RoleAuth
from s3dest.capabilities import Capabilities
from s3dest.config import DestinationConfig
from s3dest.config_findings import config_findings
from s3dest.destination import Destination, FormatName
from s3dest.drift import Change
from s3dest.encryption import SseKms, SseS3
from s3dest.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CheckFailedError,
    ConfigError,
    CredentialsError,
    IntegrityError,
    LocalFileError,
    RequestError,
    RowError,
    S3DestError,
    StateError,
    ThrottledError,
    TransportError,
    WrongRegionError,
)
from s3dest.findings import CheckReport, CheckStep, Finding
from s3dest.formats.arrow import ArrowArray, ArrowStream
from s3dest.formats.csv import Csv
from s3dest.formats.encoder import ArrowEncoder, Encoder, Format, RowLike, SchemaGrown
from s3dest.formats.jsonl import JsonLines
from s3dest.formats.parquet import Parquet
from s3dest.identity import AmbientIdentity, GoogleIdentityToken, Identity, TokenSource, WebIdentity
from s3dest.journal import FileJournal, Journal, SharedJournal
from s3dest.kit import SetupKit
from s3dest.options import TransferOptions
from s3dest.prepared import PendingUpload, PreparedAppend, PreparedObject, PreparedPart
from s3dest.results import Progress, Receipt, StoredObject
from s3dest.schema import Column
from s3dest.signature import ManifestSigner
from s3dest.vendor import AwsPrincipal, GoogleServiceAccount, OidcSubject, VendorIdentity, new_external_id
from s3dest.version import __version__

if TYPE_CHECKING:
    from s3dest.append import AppendWriter

__all__ = [
    "AccessDeniedError",
    "AmbientIdentity",
    "AppendWriter",
    "ArrowArray",
    "ArrowEncoder",
    "ArrowStream",
    "AwsPrincipal",
    "BucketNotFoundError",
    "Capabilities",
    "Change",
    "CheckFailedError",
    "CheckReport",
    "CheckStep",
    "Column",
    "ConfigError",
    "CredentialsError",
    "Csv",
    "Destination",
    "DestinationConfig",
    "Encoder",
    "FileJournal",
    "Finding",
    "Format",
    "FormatName",
    "GoogleIdentityToken",
    "GoogleServiceAccount",
    "HmacAuth",
    "Identity",
    "IntegrityError",
    "Journal",
    "JsonLines",
    "LocalFileError",
    "ManifestSigner",
    "OidcSubject",
    "Parquet",
    "PendingUpload",
    "PreparedAppend",
    "PreparedObject",
    "PreparedPart",
    "Progress",
    "Receipt",
    "RequestError",
    "RoleAuth",
    "RowError",
    "RowLike",
    "S3DestError",
    "SchemaGrown",
    "SetupKit",
    "SharedJournal",
    "SseKms",
    "SseS3",
    "StateError",
    "StoredObject",
    "ThrottledError",
    "TokenSource",
    "TransferOptions",
    "TransportError",
    "VendorIdentity",
    "WebIdentity",
    "WrongRegionError",
    "__version__",
    "config_findings",
    "new_external_id",
    "policies",
]


def __dir__() -> list[str]:
    """List the writer's class, too."""
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # for a type checker, a module with this function has every name, misspelt ones too

    def __getattr__(name: str) -> object:
        """Load the writer's class when it is asked for: it needs boto3, which importing s3dest shall not load."""
        if name == "AppendWriter":
            import s3dest.loading  # noqa: PLC0415  # so that its lock is no name of the package

            with s3dest.loading.LOADING:
                from s3dest.append import AppendWriter  # noqa: PLC0415

            return AppendWriter
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
