"""The catalogue, on S3's 403: which policy says no, to what, and the statement that fixes it."""

from __future__ import annotations

from s3dest.errors import AccessDeniedError
from s3dest.problem import Problem

_SLOWLY = "A policy just saved can take minutes to take effect."

PUT_DENIED = Problem(
    "put_denied",
    AccessDeniedError,
    "customer",
    "Writing to {uri} is denied.",
    "Allow s3:PutObject on {objects_arn} in the policy of the role or user, and see that no other policy (of the "
    "bucket, the organisation, a permissions boundary or a VPC endpoint) denies it, such as by a condition on the IP "
    f"address or VPC that requests come from. The answer does not say which it is. {_SLOWLY}",
    statement="put",
    settles=True,
    elsewhere="Some stores say the same of a wrong key, of a bucket that is not there, or that is not of the owner who "
    "is given as expected_bucket_owner.",
)
PUT_NOT_ALLOWED = Problem(
    "put_not_allowed",
    AccessDeniedError,
    "customer",
    "No policy of {principal} allows {action} on {objects_arn}.",
    "Attach the generated policy; check that its resource has the right bucket and ends in /*, and that no condition "
    f"(on the IP address or VPC of the request, say) keeps it from counting. {_SLOWLY}",
    statement="put",
    settles=True,
)
DENIED_BY_IDENTITY_POLICY = Problem(
    "denied_by_identity_policy",
    AccessDeniedError,
    "customer",
    "A policy of {principal} denies {action} explicitly{policy_arn}.",
    "Remove the deny, or exempt {objects_arn} from it, or meet its condition, such as one on the IP address or VPC "
    "of the request: an allow elsewhere does not outweigh it.",
    settles=True,
)
DENIED_BY_BUCKET_POLICY = Problem(
    "denied_by_bucket_policy",
    AccessDeniedError,
    "customer",
    "The policy of bucket {bucket!r} denies {action} explicitly{policy_arn}.",
    "Look in the bucket policy for a deny with a condition on encryption, TLS, VPC endpoint, IP address or "
    "organisation (or for RestrictPublicBuckets), and exempt {principal} from it.",
    settles=True,
)
ENCRYPTION_DEMANDED = Problem(
    "encryption_demanded",
    AccessDeniedError,
    "customer",
    "A policy denies uploads to bucket {bucket!r} that do not ask for {encryption}, which the store accepts.",
    "Set the destination's encryption to what the policy demands: config.model_copy(update={mend}).",
)
DENIED_BY_SCP = Problem(
    "denied_by_organization",
    AccessDeniedError,
    "customer",
    "A service control policy of the account's organisation does not let {principal} do {action}{policy_arn}.",
    "Ask the administrator of the AWS organisation for an exception; nothing in the account itself outweighs it. Such "
    "policies often have a condition on the region, IP address or VPC of the request.",
    settles=True,
)
DENIED_BY_RCP = Problem(
    "denied_by_resource_control",
    AccessDeniedError,
    "customer",
    "A resource control policy of the bucket's organisation does not let {principal} do {action}{policy_arn}.",
    "Ask the administrator of the bucket's AWS organisation for an exception. Such policies often have a condition on "
    "the caller's organisation, or on the IP address or VPC of the request.",
    settles=True,
)
DENIED_BY_BOUNDARY = Problem(
    "denied_by_boundary",
    AccessDeniedError,
    "customer",
    "The permissions boundary of {principal} does not let it do {action}{policy_arn}.",
    "Extend the permissions boundary by the statement, and remove what denies it there; both it and the role's "
    "policy must allow the action.",
    statement="boundary",
    settles=True,
)
DENIED_BY_SESSION_POLICY = Problem(
    "denied_by_session_policy",
    AccessDeniedError,
    "vendor",
    "The session policy that s3dest sends does not allow {action}.",
    "Set session_policy to false in RoleAuth, and report it: s3dest narrowed the session too far. The customer can do "
    "nothing about this.",
)
DENIED_BY_VPC_ENDPOINT = Problem(
    "denied_by_vpc_endpoint",
    AccessDeniedError,
    "vendor",
    "The policy of the VPC endpoint on the way does not let {action} through{policy_arn}.",
    "Add the statement to the policy of the VPC endpoint through which the vendor's requests go, and remove what "
    "denies it there.",
    statement="endpoint",
    settles=True,
)
DENIED_CROSS_ACCOUNT = Problem(
    "denied_cross_account",
    AccessDeniedError,
    "customer",
    "The bucket {bucket!r} is in another account than {principal}, and does not let it write.",
    "Add the statement to the bucket's own policy: across accounts both the role and the bucket must allow it.",
    statement="bucket",
    settles=True,
)
BUCKET_OWNER_DIFFERS = Problem(
    "bucket_owner_differs",
    AccessDeniedError,
    "customer",
    "The bucket {bucket!r} does not belong to account {owner}, though the role may write to it.",
    "Check the bucket's name: it may have been deleted and taken over by others. If the bucket is meant to be in "
    "another account, set expected_bucket_owner to that.",
)
REQUESTER_PAYS = Problem(
    "requester_pays",
    AccessDeniedError,
    "customer",
    "The bucket {bucket!r} makes requesters pay, and refuses requests that do not agree to.",
    "Turn Requester Pays off for the bucket, or use a role in the account that owns it.",
)
ACL_REFUSED = Problem(
    "acl_refused",
    AccessDeniedError,
    "vendor",
    "The request carried an ACL, and the bucket accepts none (or s3:PutObjectAcl is missing).",
    "s3dest sends no ACL: find what adds the header on the way, a gateway or an event handler, and remove it.",
)
TAGS_DENIED = Problem(
    "tags_denied",
    AccessDeniedError,
    "vendor",
    "The request carried tags, and s3:PutObjectTagging is not allowed.",
    "s3dest sends no tags: find what adds the header on the way, and remove it.",
)
MULTIPART_DENIED = Problem(
    "multipart_denied",
    AccessDeniedError,
    "customer",
    "The bucket accepts a put to {uri} but refuses a multipart upload, which large objects need.",
    "If a policy demands If-None-Match, exempt the requests that create no object, as the statement does.",
    statement="guard",
    settles=True,
)
DELETE_DENIED = Problem(
    "delete_denied",
    AccessDeniedError,
    "customer",
    "Deleting s3://{bucket}/{key} is denied.",
    "Delete that object by hand. To have the check clean up, allow s3:DeleteObject on {probes_arn} while it runs; "
    "appending does not need it.",
    severity="warning",
    statement="delete",
)
PROBE_LOCKED = Problem(
    "object_locked",
    AccessDeniedError,
    "customer",
    "Object Lock protects s3://{bucket}/{key} from being deleted.",
    "Nothing to fix: the probe, a few bytes, stays until its retention ends.",
    severity="note",
)
MFA_DELETE = Problem(
    "mfa_delete",
    AccessDeniedError,
    "customer",
    "The bucket lets nothing be deleted without a second factor: s3://{bucket}/{key} stays.",
    "Nothing to fix: a lifecycle rule or somebody with the second factor can remove the probe.",
    severity="note",
)
ABORT_DENIED = Problem(
    "abort_denied",
    AccessDeniedError,
    "customer",
    "Aborting the multipart upload of s3://{bucket}/{key} is denied.",
    "Nothing of it is visible. Let a lifecycle rule remove incomplete multipart uploads after 7 days, or allow "
    "s3:AbortMultipartUpload.",
    severity="note",
    statement="uploads-expire",
)
