# Account A, the instances': RoleA with an instance profile, which may assume one role of account B and nothing else.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [data.aws_partition.current.partition == "aws-cn" ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "permissions" {
  statement {
    actions   = ["sts:AssumeRole"]
    resources = [var.role_b_arn]
  }
}

resource "aws_iam_role" "role_a" {
  name               = var.role_name
  description        = "Carried by instances that clone repositories of another account"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "assume_role_b" {
  name   = "AssumeRoleB"
  role   = aws_iam_role.role_a.id
  policy = data.aws_iam_policy_document.permissions.json
}

resource "aws_iam_instance_profile" "role_a" {
  name = var.role_name
  role = aws_iam_role.role_a.name
}
