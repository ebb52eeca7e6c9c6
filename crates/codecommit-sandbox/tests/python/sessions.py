"""Asks for sessions with all that AssumeRole takes, and prints what came of it as JSON."""

import json

import botocore.session
from botocore.exceptions import ClientError

ROLE_B = "arn:aws:iam::222222222222:role/RoleB"
THIRD = "arn:aws:iam::222222222222:role/Third"
APP = "arn:aws:codecommit:ap-northeast-1:222222222222:app"
NARROW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": APP}}


def client(credentials=None):
    keys = {}
    if credentials:
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
    return botocore.session.Session().create_client("sts", **keys)


def code(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "no error"


def printable(credentials):
    return {key: value for key, value in credentials.items() if key != "Expiration"}


base = client()
tagged = base.assume_role(
    RoleArn=ROLE_B,
    RoleSessionName="tagged",
    DurationSeconds=900,
    SourceIdentity="alice",
    Tags=[{"Key": "team", "Value": "deploy + run"}, {"Key": "only-here", "Value": ""}],
    TransitiveTagKeys=["team"],
)
chained = client(tagged["Credentials"])
third = chained.assume_role(RoleArn=THIRD, RoleSessionName="third", SourceIdentity="alice")


def narrowed(**by):
    given = base.assume_role(RoleArn=ROLE_B, RoleSessionName="narrowed", **by)
    assert given["PackedPolicySize"] > 0 if "Policy" in by else True
    return printable(given["Credentials"])


def assume_third(**more):
    return lambda: chained.assume_role(RoleArn=THIRD, RoleSessionName="third", **more)


print(json.dumps({
    "source_identity": tagged["SourceIdentity"],
    "third": {key: value for key, value in client(third["Credentials"]).get_caller_identity().items() if key == "Arn"},
    "retagged": code(assume_third(Tags=[{"Key": "Team", "Value": "other"}])),
    "renamed": code(assume_third(SourceIdentity="mallory")),
    "unknown_policy": code(
        lambda: base.assume_role(RoleArn=ROLE_B, RoleSessionName="x1", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/None"}])
    ),
    "inline": narrowed(Policy=json.dumps(NARROW)),
    "managed": narrowed(PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AWSCodeCommitReadOnly"}]),
    "managed_other": narrowed(Policy=json.dumps({**NARROW, "Statement": {**NARROW["Statement"], "Resource": "other"}})),
}))
