"""The catalogue, on what only a check can find: nothing failed, and yet somebody should know."""

from __future__ import annotations

from s3dest.errors import CheckFailedError
from s3dest.problem import Problem

NOT_APPEND_ONLY = Problem(
    "append_only_not_enforced",
    CheckFailedError,
    "customer",
    "The store ignores If-None-Match: it let the same key be written twice.",
    "Choose a store, or a version of it, that enforces it. Keys name their bytes, so s3dest overwrites nothing all the "
    "same; to use this store knowingly: config.model_copy(update={mend}).",
)
COMPLETE_NOT_CONDITIONAL = Problem(
    "complete_overwrites",
    CheckFailedError,
    "customer",
    "The store ignores If-None-Match when a multipart upload is completed: it overwrote the probe.",
    "Choose a store, or a version of it, that enforces it. Keys name their bytes, so s3dest overwrites nothing all the "
    "same; to use this store knowingly: config.model_copy(update={mend}).",
)
ACCEPTED_WEAKNESS = Problem(
    "append_only_waived",
    CheckFailedError,
    "vendor",
    "The store does not enforce append-only ({weakness}), and the config accepts that.",
    "Keys name their bytes, so s3dest overwrites nothing; whoever steals its keys could. Take capabilities out of "
    "the config once the store enforces it.",
    severity="warning",
)
PROBE_LEFT_OVER = Problem(
    "probe_left_over",
    CheckFailedError,
    "customer",
    "The probe s3://{bucket}/{key} may be left over.",
    "Check whether that object is there, and delete it by hand: it is not known whether writing it took effect.",
    severity="warning",
)
BUCKET_VERSIONED = Problem(
    "bucket_versioned",
    CheckFailedError,
    "customer",
    "The bucket is versioned: deleting set a marker, and a version of {key} remains.",
    "A lifecycle rule on noncurrent versions of the probe folder removes it; with Object Lock, once its retention has "
    "ended.",
    severity="note",
    statement="versions-expire",
)
CLEAR_TEXT = Problem(
    "clear_text",
    CheckFailedError,
    "customer",
    "Data, and the tokens of sessions, go to {uri} in clear text: an address begins with http, not https.",
    "Give the store a certificate, and set endpoint_url and sts_endpoint_url to https addresses.",
    severity="warning",
)
EXTERNAL_ID_ABSENT = Problem(
    "external_id_absent",
    CheckFailedError,
    "vendor",
    "The role is assumed without an external id: other customers of the vendor could name it as theirs.",
    "Demand one with sts:ExternalId in the trust policy.",
    severity="warning",
    elsewhere="Ceph knows none: there the role's principal alone must keep others out.",
)
EXTERNAL_ID_NOT_SENT = Problem(
    "external_id_not_sent",
    CheckFailedError,
    "vendor",
    "The external id is not sent: identity tokens have none, and their audience takes its place.",
    "Use a separate audience for each customer.",
    severity="note",
)
EXTERNAL_ID_NOT_REQUIRED = Problem(
    "external_id_not_required",
    CheckFailedError,
    "customer",
    "The role {role_arn} can be assumed without an external id: any other customer of the vendor could name it as "
    "theirs.",
    "Demand the external id {external_id} with StringEquals on sts:ExternalId, by adding the condition to the "
    "statement of the trust policy that lets the vendor in. A trust policy just saved can take some minutes to "
    "take effect.",
    statement="external-id",
    settles=True,
    elsewhere="Ceph knows no sts:ExternalId: there the principal alone keeps others out; say so by external_id None.",
)
EXTERNAL_ID_NOT_COMPARED = Problem(
    "external_id_not_compared",
    CheckFailedError,
    "customer",
    "The role {role_arn} can be assumed with a wrong external id: its condition is too loose.",
    "Compare the external id {external_id} with StringEquals, not StringLike with a wildcard nor StringEqualsIfExists.",
    statement="external-id",
    settles=True,
)
AUDIENCE_NOT_COMPARED = Problem(
    "audience_not_compared",
    CheckFailedError,
    "customer",
    "The role {role_arn} can be assumed with a token of another audience: any other customer of the vendor could name "
    "it as theirs.",
    "Compare the audience in the trust policy with StringEquals: accounts.google.com:oaud for Google, ISSUER:aud for "
    "other providers.",
    settles=True,
)
PROTECTION_UNTESTED = Problem(
    "protection_untested",
    CheckFailedError,
    "vendor",
    "Whether the role {role_arn} refuses {stranger} could not be determined.",
    "Check again: only a plain refusal counts as protection.",
    severity="warning",
)
MAY_READ = Problem(
    "may_read",
    CheckFailedError,
    "customer",
    "{principal} may read objects under {uri}, which appending does not need.",
    "Remove s3:GetObject: the statement is all that appending needs.",
    severity="warning",
    statement="steady",
)
MAY_LIST = Problem(
    "may_list",
    CheckFailedError,
    "customer",
    "{principal} may list the bucket {bucket!r}, which appending does not need.",
    "Remove s3:ListBucket: the statement is all that appending needs.",
    severity="warning",
    statement="steady",
)
MAY_DELETE = Problem(
    "may_delete",
    CheckFailedError,
    "customer",
    "{principal} may delete what is delivered under {uri}, which nothing needs.",
    "Remove s3:DeleteObject: the statement is all that appending needs. The set-up check deletes on {probes_arn} "
    "alone.",
    severity="warning",
    statement="steady",
)
MAY_PUT_ELSEWHERE = Problem(
    "may_put_elsewhere",
    CheckFailedError,
    "customer",
    "{principal} may write outside {uri}.",
    "Restrict s3:PutObject to {objects_arn}, as the statement does.",
    severity="warning",
    statement="steady",
)
AUDIT_INCONCLUSIVE = Problem(
    "audit_inconclusive",
    CheckFailedError,
    "network",
    "Whether {principal} may {right} could not be determined.",
    "Audit again.",
    severity="note",
)
UNFINISHED = Problem(
    "check_unfinished",
    CheckFailedError,
    "network",
    "The check ran out of time before its last step.",
    "Check again; see the durations of the steps for what is slow.",
    severity="warning",
)
WAITED = Problem(
    "waited_for_iam",
    CheckFailedError,
    "aws",
    "The check succeeded only after {waited}: a policy just saved was not in effect before.",
    "Nothing to fix; a transfer begun before that would have failed.",
    severity="note",
)
