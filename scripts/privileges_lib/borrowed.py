"""What Lambda itself does under the function's role. The code calls none of it, so it follows from what the template
tells Lambda to do."""

from dataclasses import dataclass
from typing import Any

from .grants import frozen


@dataclass(frozen=True)
class Borrowed:
    action: str
    resource: str
    why: str


def borrowed(resources: dict[str, Any], role: str) -> list[Borrowed]:
    """For each function that has the role, by its logical id."""
    found = []
    for logical, one in resources.items():
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Role"] == {"Fn::GetAtt": [role, "Arn"]}:
            found += _log(one["Properties"])
            found += _retries(resources, logical)
            found += _sources(resources, logical)
    return found


def _log(function: dict[str, Any]) -> list[Borrowed]:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html; never CreateLogGroup, for the group
    is the template's."""
    group = function["LoggingConfig"]["LogGroup"]["Ref"]
    return _each("Lambda writes the function's log", _arn(group), "logs:CreateLogStream", "logs:PutLogEvents")


def _retries(resources: dict[str, Any], function: str) -> list[Borrowed]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    found = []
    for one in _of(resources, "AWS::Lambda::EventInvokeConfig", function):
        destination = one["DestinationConfig"]["OnFailure"]["Destination"]
        if _type(resources, destination) == "AWS::SQS::Queue":
            found += _each("Lambda keeps failed invocations", frozen(destination), "sqs:SendMessage")
    return found


def _sources(resources: dict[str, Any], function: str) -> list[Borrowed]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions"""
    found = []
    for one in _of(resources, "AWS::Lambda::EventSourceMapping", function):
        if _type(resources, one["EventSourceArn"]) == "AWS::SQS::Queue":
            actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
            found += _each("Lambda polls the queue for the function", frozen(one["EventSourceArn"]), *actions)
    return found


def _each(why: str, resource: str, *actions: str) -> list[Borrowed]:
    return [Borrowed(action, resource, why) for action in actions]


def _of(resources: dict[str, Any], kind: str, function: str) -> list[dict[str, Any]]:
    properties = (one["Properties"] for one in resources.values() if one["Type"] == kind)
    return [one for one in properties if one["FunctionName"] in ({"Ref": function}, {"Fn::GetAtt": [function, "Arn"]})]


def _arn(logical: str) -> str:
    return frozen({"Fn::GetAtt": [logical, "Arn"]})


def _type(resources: dict[str, Any], resource: object) -> str | None:
    """The type of what an attribute of it names."""
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        return resources[resource["Fn::GetAtt"][0]]["Type"]
    return None
