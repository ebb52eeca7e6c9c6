variable "role_b_arn" {
  type        = string
  description = "The ARN of the role in account B. It need not exist yet."

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role_b_arn))
    error_message = "It must read arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "role_name" {
  type        = string
  description = "The name of the role, and of the instance profile that carries it."
  default     = "RoleA"
}
