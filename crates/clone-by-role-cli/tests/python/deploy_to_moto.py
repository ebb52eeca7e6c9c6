"""Deploys a CloudFormation template to moto, and prints the policies of the role that came of it.

    deploy_to_moto.py TEMPLATE ROLE_NAME [PARAMETER=VALUE]...

The account is MOTO_ACCOUNT_ID, the region AWS_DEFAULT_REGION.
"""

import json
import sys

import boto3
from moto import mock_aws

template, role, *parameters = sys.argv[1:]
with mock_aws():
    stacks = boto3.client("cloudformation")
    stacks.create_stack(
        StackName="setup",
        TemplateBody=open(template).read(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in (parameter.split("=", 1) for parameter in parameters)
        ],
    )
    (stack,) = stacks.describe_stacks(StackName="setup")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack["StackStatus"]

    iam = boto3.client("iam")
    made = iam.get_role(RoleName=role)["Role"]
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    print(
        json.dumps(
            {
                "trust_policy": made["AssumeRolePolicyDocument"],
                "permission_policies": [
                    iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in inline
                ],
                "attached": attached,
                "arn": made["Arn"],
                "instance_profiles": [
                    [profile["InstanceProfileName"]] + [role["RoleName"] for role in profile["Roles"]]
                    for profile in profiles
                ],
                "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            }
        )
    )
