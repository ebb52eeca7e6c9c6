variable "repository_name" {
  type        = string
  description = "The CodeCommit repository, in the region of the provider."
}

variable "role_a_arn" {
  type        = string
  description = "The ARN of the role in account A. It must exist, since IAM looks it up."

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_a_arn))
    error_message = "It must read arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "external_id" {
  type        = string
  description = "A value that whoever assumes the role must know. The other users of account A should not."
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{2,1224}$", var.external_id))
    error_message = "It must be 2 to 1224 letters, digits and any of _+=,.@:/-."
  }
}

variable "organization_id" {
  type        = string
  description = "Only principals of this organization (o-…) may assume the role. Empty for no such condition."
  default     = ""
}

variable "access" {
  type        = string
  description = "GitPull is all that a clone needs. ReadAll is every read action, for those who browse by API as well."
  default     = "GitPull"

  validation {
    condition     = contains(["GitPull", "ReadAll"], var.access)
    error_message = "It must be GitPull or ReadAll."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "The key of a repository that is encrypted with a customer's own. Empty for the AWS managed key."
  default     = ""
}

variable "role_name" {
  type        = string
  description = "The name of the role."
  default     = "RoleB"
}
