variable "create_bucket" {
  description = "Whether to create the bucket; one that exists keeps its settings."
  type        = bool
  default     = @@CREATE_BUCKET@@
}

variable "allow_delete" {
  description = "For the first connection test, which removes its own probe only. Set to false afterwards."
  type        = bool
  default     = true
}

variable "bucket_guard" {
  description = "Whether nobody can overwrite under the prefix, you included; for a new bucket only."
  type        = bool
  default     = @@GUARD@@
}

variable "role_name" {
  description = "Name of the role."
  type        = string
  default     = @@ROLE_NAME@@
}
