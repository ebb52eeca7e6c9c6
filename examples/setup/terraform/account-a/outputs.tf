output "role_a_arn" {
  description = "For the module of account B."
  value       = aws_iam_role.role_a.arn
}

output "instance_profile_name" {
  description = "Attach it to the instances."
  value       = aws_iam_instance_profile.role_a.name
}
