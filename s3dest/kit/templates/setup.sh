#!/usr/bin/env bash
# Lets a service append to one folder of an S3 bucket. Read it, then run it as an administrator of the account that is to
# own bucket and role; it needs the AWS CLI. It may be run again: a bucket that is there is kept as it is, and so is a role
# that this kit has not made.
#
#   bash setup.sh           bucket, role, and the policy for the first connection test
#   bash setup.sh steady    after that test: takes s3:DeleteObject away
set -euo pipefail

bucket=@@BUCKET@@
region=@@REGION@@
role=@@ROLE_NAME@@
kit=@@KIT@@ # this kit's tag on the role that it makes
create_bucket=@@CREATE_BUCKET@@ # no, if the bucket exists already; it keeps its settings then
bucket_guard=@@GUARD@@ # yes: nobody can overwrite under the prefix, you included; for a new bucket only

export AWS_REGION=$region AWS_DEFAULT_REGION=$region # IAM's and STS's own region follows from it, in every partition

say() { printf '%s\n' "$1" >&2; }

trust_policy=$(
  cat <<'JSON'
@@TRUST@@JSON
)

setup_policy=$(
  cat <<'JSON'
@@SETUP@@JSON
)

steady_policy=$(
  cat <<'JSON'
@@STEADY@@JSON
)

guard_policy=$(
  cat <<'JSON'
@@BUCKET_GUARD@@JSON
)

lifecycle=$(
  cat <<'JSON'
@@LIFECYCLE@@JSON
)

make_bucket() {
  say "Creating the bucket $bucket in $region."
@@IF located@@
  aws s3api create-bucket --bucket "$bucket" --region "$region" --object-ownership BucketOwnerEnforced \
    --create-bucket-configuration "LocationConstraint=$region" >/dev/null
@@END@@
@@IF NOT located@@
  aws s3api create-bucket --bucket "$bucket" --region "$region" --object-ownership BucketOwnerEnforced >/dev/null
@@END@@
  aws s3api put-public-access-block --bucket "$bucket" --region "$region" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
@@IF kms@@
  key=@@KEY_ARN@@
  aws s3api put-bucket-encryption --bucket "$bucket" --region "$region" --server-side-encryption-configuration \
    '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "'"$key"'"}, "BucketKeyEnabled": true}]}'
@@END@@
@@IF NOT kms@@
  aws s3api put-bucket-encryption --bucket "$bucket" --region "$region" --server-side-encryption-configuration \
    '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}'
@@END@@
  aws s3api put-bucket-lifecycle-configuration --bucket "$bucket" --region "$region" \
    --lifecycle-configuration "$lifecycle" >/dev/null
  if [ "$bucket_guard" = yes ]; then
    say "Putting the bucket guard in place."
    aws s3api put-bucket-policy --bucket "$bucket" --region "$region" --policy "$guard_policy"
  fi
}

role_is_there=no

# Stops before anything is changed where the role is there and is not this kit's: others may rely on it.
check_role() {
  local answer
  if answer=$(aws iam get-role --role-name "$role" --query "Role.Tags[?Key=='@@KIT_TAG@@'].Value | [0]" --output text 2>&1); then
    role_is_there=yes
    if [[ $answer != *"$kit"* ]]; then
      refuse_role "was not made by this kit"
    fi
  elif [[ $answer != *NoSuchEntity* ]]; then
    say "$answer"
    exit 1
  fi
}

# What else the role may do would be the service's to do, too.
check_policies() {
  local attached inline
  attached=$(aws iam list-attached-role-policies --role-name "$role" --query 'AttachedPolicies[].PolicyName' --output text)
  inline=$(aws iam list-role-policies --role-name "$role" --query "PolicyNames[?@ != 'transfer-policy']" --output text)
  if [ -n "$attached$inline" ]; then
    refuse_role "has policies that are not this kit's (${attached:+$attached }$inline)"
  fi
}

refuse_role() {
  say "The role $role is there, and $1. Nothing was changed."
  say "Choose another name for the role: set role=... in this script, or ask for a kit with another role_name."
  exit 1
}

make_role() {
@@IF account@@
  local account
  account=$(aws sts get-caller-identity --query Account --output text)
  trust_policy=${trust_policy//::@@ACCOUNT_ID@@:/::$account:}
@@END@@
  if [ "$role_is_there" = yes ]; then
    say "The role $role of this kit is there; it gets the trust policy and the permission policy anew."
    aws iam update-assume-role-policy --role-name "$role" --policy-document "$trust_policy"
  else
    say "Creating the role $role."
    aws iam create-role --role-name "$role" --assume-role-policy-document "$trust_policy" \
      --description "Appends to one bucket." --tags "Key=@@KIT_TAG@@,Value=$kit" >/dev/null
  fi
}

put_policy() {
  aws iam put-role-policy --role-name "$role" --policy-name transfer-policy --policy-document "$1"
}

case "${1:-setup}" in
  setup)
    check_role
    if [ "$role_is_there" = yes ]; then
      check_policies
    fi
    if aws s3api head-bucket --bucket "$bucket" --region "$region" >/dev/null 2>&1; then
      say "The bucket $bucket is there; it keeps its settings."
      if [ "$create_bucket" = yes ]; then
        say "Should an earlier run of this script have broken off, delete the bucket and run it again."
      fi
      if [ "$bucket_guard" = yes ]; then
        say "Make sure that its policy has the statements of policies/bucket-guard.json: only a new bucket gets them here."
      fi
    elif [ "$create_bucket" = yes ]; then
      make_bucket
    else
      say "There is no bucket $bucket in this account. Create it, or set create_bucket=yes in this script."
      exit 1
    fi
    make_role
    put_policy "$setup_policy"
    say "Done. Hand back these three values:"
    ;;
  steady)
    check_role
    put_policy "$steady_policy"
    say "Done: s3:PutObject is all that is left. The values are the same:"
    ;;
  *)
    say "usage: bash setup.sh [steady]"
    exit 2
    ;;
esac

printf 'bucket name:   %s\n' "$bucket"
printf 'bucket region: %s\n' "$region"
printf 'role ARN:      %s\n' "$(aws iam get-role --role-name "$role" --query Role.Arn --output text)"
