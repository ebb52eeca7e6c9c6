"""Writes vectors-awscli.json and vectors-git-remote-codecommit.json beside this file.

The expected values come from the peers' own code, not from a copy of its
rules: the AWS CLI's credential helper is given git's request on its standard
input, and git-remote-codecommit makes its URL. Only the clock and the
credentials are handed to them.

    python3 -m venv venv
    venv/bin/pip install awscli==1.46.3 git-remote-codecommit==1.17
    venv/bin/python crates/codecommit-auth/tests/data/make_vectors.py

Nothing is sent anywhere. The same inputs give the same files, byte for byte.
"""

import argparse
import datetime
import importlib.metadata
import io
import json
import os
import pathlib
import random
import sys
import types

import git_remote_codecommit
from awscli.customizations import codecommit
from botocore.credentials import Credentials

HERE = pathlib.Path(__file__).parent
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# Suffixes of the hosts; region by region, since the CLI reads only some of them from the host.
SUFFIX = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
SUFFIX_LONG = {
    "us-iso-east-1": "c2s.ic.gov",
    "us-isob-east-1": "sc2s.sgov.gov",
    "eu-isoe-west-1": "cloud.adc-e.uk",
    "us-isof-south-1": "csp.hci.ic.gov",
}


def suffix(region):
    return SUFFIX_LONG.get(region) or SUFFIX.get(region.split("-")[0], "amazonaws.com")


def inputs():
    dice = random.Random("codecommit-auth")
    golden = ("ANOTREAL", "notrealrnrELgWzOk3IfjzDKtFBhDby")

    def token(length):
        return "".join(dice.choice(BASE64) for _ in range(length)) + "=="

    def keys():
        return (
            "ASIA" + "".join(dice.choice(BASE64[:26] + "234567") for _ in range(16)),
            "".join(dice.choice(BASE64) for _ in range(40)),
        )

    def row(region, name, time, key=None, session=None, host=None, vouched=False):
        access, secret = key or keys()
        return {
            "host": host or f"git-codecommit.{region}.{suffix(region)}",
            "vouched": vouched,
            "region": region,
            "repository": name,
            "access_key_id": access,
            "secret_access_key": secret,
            "session_token": session,
            "unix_time": time,
        }

    yield row("us-east-1", "my-repo", 0, golden)
    yield row("us-east-1", "my-repo", 0, golden, "notarealsessiontoken")
    # Every region of the partition data that an AWS customer may meet, and one that no list knows.
    times = [951_782_400, 951_868_799, 1_086_307_199, 1_456_790_399, 1_709_251_199,
             1_735_689_599, 1_735_689_600, 1_789_012_345, 2_147_483_648, 4_107_542_399]
    names = ["app", "App", "A", "0", "_", "-", "..x", "a.b_c-d", "n" * 100, "MyDemoRepo"]
    regions = ["ap-northeast-1", "eu-west-3", "sa-east-1", "af-south-1", "me-central-1",
               "il-central-1", "mx-central-1", "ca-west-1", "us-gov-west-1", "us-gov-east-1",
               "cn-north-1", "cn-northwest-1", "eusc-de-east-1", "us-iso-east-1",
               "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "mars-north-1"]
    lengths = [None, 1, 16, 364, 1000, 2048]
    for number, region in enumerate(regions):
        length = lengths[number % len(lengths)]
        yield row(region, names[number % len(names)], times[number % len(times)],
                  session=length and token(length))
    # FIPS and VPC endpoints.
    for region in ["us-east-1", "us-gov-west-1", "ca-central-1"]:
        yield row(region, "app", 1_789_000_000, session=token(300),
                  host=f"git-codecommit-fips.{region}.amazonaws.com")
    for region, host in [
        ("us-east-2", "vpce-0123456789abcdef0-a1b2c3d4.git-codecommit.us-east-2.vpce.amazonaws.com"),
        ("us-east-2", "vpce-0123456789abcdef0-a1b2c3d4-us-east-2a.git-codecommit.us-east-2.vpce.amazonaws.com"),
        ("us-west-2", "vpce-0fedcba98-z.git-codecommit-fips.us-west-2.vpce.amazonaws.com"),
        ("cn-north-1", "vpce-0a-b.git-codecommit.cn-north-1.vpce.amazonaws.com.cn"),
    ]:
        yield row(region, "app", 1_789_000_001, session=token(300), host=host)
    # Endpoints that a user vouches for, with and without a port.
    for host in ["127.0.0.1:8443", "localhost:1", "git.internal.example", "git_proxy.example:65535"]:
        yield row("ap-northeast-1", "app", 1_789_000_002, session=token(300), host=host, vouched=True)
    # A port on one of CodeCommit's own hosts.
    yield row("eu-west-1", "app", 1_789_000_003, session=token(300),
              host="git-codecommit.eu-west-1.amazonaws.com:8443")


def moment(unix_time):
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=unix_time)


def ask_awscli(row):
    """What `aws codecommit credential-helper get` answers to git."""
    credentials = Credentials(row["access_key_id"], row["secret_access_key"], row["session_token"])
    session = types.SimpleNamespace(
        get_credentials=lambda: credentials,
        get_config_variable=lambda name: {"region": row["region"]}[name],
    )
    codecommit.get_current_datetime = lambda: moment(row["unix_time"])
    request = f"protocol=https\nhost={row['host']}\npath=v1/repos/{row['repository']}\n\n"
    sys.stdin, stdin = io.StringIO(request), sys.stdin
    sys.stdout, stdout = io.StringIO(), sys.stdout
    try:
        command = codecommit.CodeCommitGetCommand(session)
        command._run_main(
            argparse.Namespace(ignore_host_check=row["vouched"] or "amazonaws.com" not in row["host"]),
            argparse.Namespace(region=row["region"]),
        )
        answer = sys.stdout.getvalue()
    finally:
        sys.stdin, sys.stdout = stdin, stdout
    return dict(line.split("=", 1) for line in answer.splitlines())


def ask_git_remote_codecommit(row):
    """The URL that git-remote-codecommit hands to git."""
    credentials = types.SimpleNamespace(
        access_key=row["access_key_id"],
        secret_key=row["secret_access_key"],
        token=row["session_token"],
    )
    clock = types.SimpleNamespace(utcnow=lambda: moment(row["unix_time"]))
    git_remote_codecommit.datetime = types.SimpleNamespace(datetime=clock)
    os.environ["CODE_COMMIT_ENDPOINT"] = row["host"]
    return git_remote_codecommit.git_url(row["repository"], "v1", row["region"], credentials)


def write(name, package, rows):
    content = {"made_with": f"{package} {importlib.metadata.version(package)}", "vectors": rows}
    (HERE / name).write_text(json.dumps(content, indent=1) + "\n")
    print(f"{name}: {len(rows)} vectors")


def main():
    rows = list(inputs())
    write("vectors-awscli.json", "awscli", [row | ask_awscli(row) for row in rows])
    write(
        "vectors-git-remote-codecommit.json",
        "git-remote-codecommit",
        [row | {"url": ask_git_remote_codecommit(row)} for row in rows],
    )


main()
