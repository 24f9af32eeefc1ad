# Lets a service append to @@URI@@.

data "aws_region" "current" {}
@@IF account@@

data "aws_caller_identity" "current" {}
@@END@@

locals {
  trust_policy = <<JSON
@@TRUST@@JSON

  # with s3:DeleteObject on the file of the first connection test
  setup_policy = <<JSON
@@SETUP@@JSON

  steady_policy = <<JSON
@@STEADY@@JSON

  guard_policy = <<JSON
@@BUCKET_GUARD@@JSON
}

resource "aws_iam_role" "transfer" {
  name                 = var.role_name
  description          = "Appends to one bucket."
  max_session_duration = 3600
  assume_role_policy   = local.trust_policy

  tags = {
    @@KIT_TAG@@ = "@@KIT@@" # by which setup.sh knows the role
  }
}

resource "aws_iam_role_policy" "transfer" {
  name   = "transfer-policy"
  role   = aws_iam_role.transfer.id
  policy = var.allow_delete ? local.setup_policy : local.steady_policy
}

resource "aws_s3_bucket" "destination" {
  count  = var.create_bucket ? 1 : 0
  bucket = @@BUCKET@@

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = data.aws_region.current.id == @@REGION@@
      error_message = "The AWS provider must be set to the region of the bucket."
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "destination" {
  count  = var.create_bucket ? 1 : 0
  bucket = aws_s3_bucket.destination[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "destination" {
  count                   = var.create_bucket ? 1 : 0
  bucket                  = aws_s3_bucket.destination[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "destination" {
  count  = var.create_bucket ? 1 : 0
  bucket = aws_s3_bucket.destination[0].id

  rule {
@@IF kms@@
    bucket_key_enabled = true

@@END@@
    apply_server_side_encryption_by_default {
@@IF kms@@
      sse_algorithm     = "aws:kms"
      kms_master_key_id = @@KEY_ARN@@
@@END@@
@@IF NOT kms@@
      sse_algorithm = "AES256"
@@END@@
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "destination" {
  count  = var.create_bucket ? 1 : 0
  bucket = aws_s3_bucket.destination[0].id

  rule {
    id     = "s3dest-incomplete-uploads"
    status = "Enabled"

    filter {
      prefix = @@KEY_PREFIX@@
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = @@UPLOAD_DAYS@@
    }
  }
}

resource "aws_s3_bucket_policy" "guard" {
  count  = var.create_bucket && var.bucket_guard ? 1 : 0
  bucket = aws_s3_bucket.destination[0].id
  policy = local.guard_policy
}
