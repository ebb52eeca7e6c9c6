"""Holds the fleet's template against the API models of AWS (botocore's) and moto, and prints its documents.

    read_fleet.py TEMPLATE

Every resource and every API call of an automation step is checked as the input of the call that it stands for.
"""

import json
import sys

import boto3
import botocore.session
import yaml
from botocore.validate import ParamValidator
from moto import mock_aws


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as a word each."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix}-{node.value}")
template = yaml.load(open(sys.argv[1]), Loader)
resources = template["Resources"]
session = botocore.session.get_session()


def check(service, api, parameters):
    shape = session.get_service_model(service).operation_model(api).input_shape
    report = ParamValidator().validate(parameters, shape)
    unknown = set(parameters) - set(shape.members)
    assert not report.has_errors(), f"{api}: {report.generate_report()}"
    assert not unknown, f"{api} knows no {unknown}"


def properties(name):
    return resources[name]["Properties"]


check("ssm", "CreateAssociation", properties("Association"))
check("autoscaling", "PutLifecycleHook", properties("LifecycleHook"))
targets = properties("LaunchRule").pop("Targets")
pattern = json.dumps(properties("LaunchRule").pop("EventPattern"))
check("events", "PutRule", {"Name": "launch", "EventPattern": pattern, **properties("LaunchRule")})
check("events", "PutTargets", {"Rule": "launch", "Targets": targets})

# What stands where a step names a parameter of its document.
VALUES = {"{{ InstanceId }}": "i-0123456789abcdef0", "{{ Token }}": "bcd2f1b8-9a78-44d3-8a7a-4dd07d7cf635"}
OWN = {"Service", "Api", "PropertySelector", "DesiredValues"}
documents = {}
with mock_aws():
    ssm = boto3.client("ssm")
    for name in ("DeployDocument", "LaunchDocument"):
        given = properties(name)
        content = given["Content"]
        made = ssm.create_document(
            Name=name,
            Content=json.dumps(content),
            DocumentType=given["DocumentType"],
            DocumentFormat="JSON",
        )["DocumentDescription"]
        assert made["SchemaVersion"] == content["schemaVersion"], made
        documents[name] = content
        for step in content["mainSteps"]:
            text = json.dumps(step["inputs"])
            for parameter, value in VALUES.items():
                text = text.replace(parameter, value)
            inputs = json.loads(text)
            if "Api" in inputs:
                check(inputs["Service"], inputs["Api"], {key: inputs[key] for key in inputs if key not in OWN})
            if step["action"] == "aws:runCommand":
                check("ssm", "SendCommand", inputs)

print(json.dumps({"documents": documents, "association": properties("Association"), "hook": properties("LifecycleHook")}))
