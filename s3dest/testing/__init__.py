"""The test kit: an embedded S3, STS and IAM in the process, and a customer to play against.

Needs the extra ``testing``; moto is known here and nowhere else.
"""

from __future__ import annotations

from s3dest.testing.customer import BucketObject, Customer
from s3dest.testing.embedded import EmbeddedS3

__all__ = ["BucketObject", "Customer", "EmbeddedS3"]
