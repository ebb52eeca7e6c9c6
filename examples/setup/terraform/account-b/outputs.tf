output "role_b_arn" {
  description = "For the module of account A, and for clone-by-role --role-arn."
  value       = aws_iam_role.role_b.arn
}
