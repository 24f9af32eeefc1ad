"""The catalogue, on KMS: the key that the bucket, or the config, encrypts with.

S3 passes on what KMS says: the key's state as codes that begin with ``KMS.`` (S3 API reference, "Error responses"), who
may not use it as AccessDenied that names an action of KMS.
"""

from __future__ import annotations

from s3dest.errors import AccessDeniedError, RequestError
from s3dest.problem import Problem

_ANOTHER = "or name another key in the bucket's default encryption, or in the config if that names it"

KMS_DENIED = Problem(
    "kms_denied",
    AccessDeniedError,
    "customer",
    "The bucket's KMS key may not be used{kms_action}.",
    "Allow kms:GenerateDataKey and kms:Decrypt on the key, in the policy of the role or user and in the key's own.",
    statement="kms",
    settles=True,
)
KMS_DECRYPT_DENIED = Problem(
    "kms_decrypt_denied",
    AccessDeniedError,
    "customer",
    "The bucket's KMS key may encrypt but not decrypt, which multipart uploads need (kms:Decrypt).",
    "Allow kms:Decrypt on the key too, in the policy of the role or user and in the key's own: without it small "
    "transfers work and large ones fail.",
    statement="kms",
    settles=True,
)
KMS_KEY_POLICY_DENIES = Problem(
    "kms_key_policy_denies",
    AccessDeniedError,
    "customer",
    "The KMS key's own policy does not let {principal} use it{kms_action}.",
    "Add the statement to the key's policy, and remove what denies it there: the policy of the role or user counts "
    "only where the key's own policy says so.",
    statement="kms-key",
    settles=True,
)
KMS_KEY_NOT_SHARED = Problem(
    "kms_key_not_shared",
    AccessDeniedError,
    "customer",
    "The KMS key is in another account, and cannot be used by {principal}{kms_action}.",
    "Check that the key exists in region {region!r}, and let its account add the statement to the key's policy; the "
    "policy of the role or user must allow both actions, too. The answer does not say which failed.",
    statement="kms-key",
    settles=True,
)
KMS_KEY_DISABLED = Problem(
    "kms_key_disabled",
    RequestError,
    "customer",
    "The KMS key is disabled.",
    f"Enable the key in the KMS console, {_ANOTHER}.",
)
KMS_KEY_PENDING_DELETION = Problem(
    "kms_key_pending_deletion",
    RequestError,
    "customer",
    "The KMS key is about to be deleted.",
    "Cancel the deletion before its waiting period ends (what the key encrypted is lost with it) and enable the key, "
    f"{_ANOTHER}.",
)
KMS_KEY_NOT_FOUND = Problem(
    "kms_key_not_found",
    RequestError,
    "customer",
    "There is no such KMS key in the bucket's region.",
    "Name a key that exists by its full ARN, in the bucket's default encryption, or in the config if that names it. "
    "AWS's own key aws/s3 is used by naming none.",
)
KMS_KEY_ELSEWHERE = Problem(
    "kms_key_in_another_region",
    RequestError,
    "customer",
    "The KMS key is in another region than the bucket.",
    "S3 takes only keys of the bucket's region {region!r}: name one of that region (a replica of a multi-Region key is "
    "one), in the bucket's default encryption, or in the config if that names it.",
)
KMS_KEY_WRONG_KIND = Problem(
    "kms_key_wrong_kind",
    RequestError,
    "customer",
    "The KMS key is of a kind that S3 cannot encrypt with.",
    "Name a symmetric key for encryption and decryption (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT), in the bucket's default "
    "encryption, or in the config if that names it.",
)
KMS_KEY_UNUSABLE = Problem(
    "kms_key_unusable",
    RequestError,
    "customer",
    "The KMS key cannot be used as it is.",
    "See the store's answer: its key material may not be imported, or its key store not connected. Fix that, "
    f"{_ANOTHER}.",
)
