"""Reading grants out of templates, in JSON as the CDK writes it and in YAML as people do."""

from pathlib import Path
from typing import Any

import pytest

from privileges_lib.borrowed import Borrowed, borrowed
from privileges_lib.grants import Statement, Unreadable, statements, template

YAML = """\
Resources:
  Responder:
    Type: AWS::IAM::Role
    Properties:
      RoleName: R
      Policies:
        - PolicyName: Respond
          PolicyDocument:
            Statement:
              - Sid: Stop
                Effect: Allow
                Action: ec2:StopInstances
                Resource: !Sub "arn:aws:ec2:*:${AWS::AccountId}:instance/*"
              - Sid: Look
                Effect: Allow
                Action: [ec2:DescribeInstances, ec2:DescribeRegions]
                Resource: "*"
                Condition: {StringEquals: {ec2:Region: !Ref AWS::Region}}
"""


def role(**more: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "R", **more}}


def attr(logical: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical, "Arn"]}


def test_of_a_written_template(tmp_path: Path) -> None:
    file = tmp_path / "member.yaml"
    file.write_text(YAML)
    found = statements(template(file), "R")
    assert found == [
        Statement("Stop", ("ec2:StopInstances",), ("arn:aws:ec2:*:${AWS::AccountId}:instance/*",), ()),
        Statement("Look", ("ec2:DescribeInstances", "ec2:DescribeRegions"), ("*",), ("ec2:Region",)),
    ]


def test_of_policies_beside_the_role() -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": attr("Topic")}]}
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "Role"}]}}
    other = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "Other"}]}}
    found = statements({"Role": role(), "Policy": policy, "OtherPolicy": other}, "R")
    assert found == [Statement("", ("sns:Publish",), ('{"Fn::GetAtt": ["Topic", "Arn"]}',), ())]


def test_what_cannot_be_told_is_refused() -> None:
    everything_else = {"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}
    for more in (
        {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        {"Policies": [{"PolicyDocument": everything_else}]},
    ):
        with pytest.raises(Unreadable):
            statements({"Role": role(**more)}, "R")
    with pytest.raises(Unreadable):
        statements({"Role": role(), "Twin": role()}, "R")


@pytest.fixture
def resources() -> dict[str, Any]:
    function = {"Role": attr("Role"), "LoggingConfig": {"LogGroup": {"Ref": "Log"}}}
    return {
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Failures": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Launches": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Unhandled": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "DestinationConfig": {"OnFailure": {"Destination": attr("Failures")}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "Function"}, "EventSourceArn": attr("Launches")},
        },
    }


def lent(resources: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one.action, one.resource.split('"')[3]) for one in borrowed(resources, "Role")}


def test_follows_from_what_lambda_is_told_to_do(resources: dict[str, Any]) -> None:
    logs, launches = (
        {("logs:CreateLogStream", "Log"), ("logs:PutLogEvents", "Log")},
        {("sqs:ReceiveMessage", "Launches"), ("sqs:DeleteMessage", "Launches"), ("sqs:GetQueueAttributes", "Launches")},
    )
    assert lent(resources) == logs | launches | {("sqs:SendMessage", "Failures")}
    del resources["Mapping"], resources["Unhandled"]
    assert lent(resources) == logs


def test_is_nothing_for_another_functions_role(resources: dict[str, Any]) -> None:
    assert borrowed(resources, "AnotherRole") == []
    assert isinstance(borrowed(resources, "Role")[0], Borrowed)
