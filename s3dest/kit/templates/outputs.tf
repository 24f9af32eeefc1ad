output "bucket_name" {
  description = "Hand this back."
  value       = @@BUCKET@@
}

output "bucket_region" {
  description = "Hand this back."
  value       = @@REGION@@
}

output "role_arn" {
  description = "Hand this back."
  value       = aws_iam_role.transfer.arn
}
