"""Reading grants out of templates, in JSON as the CDK writes it and in YAML as people do."""

import tempfile
import unittest
from pathlib import Path

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
              - {Sid: Stop, Effect: Allow, Action: ec2:StopInstances, Resource: !Sub "arn:aws:ec2:*:${AWS::AccountId}:instance/*"}
              - Sid: Look
                Effect: Allow
                Action: [ec2:DescribeInstances, ec2:DescribeRegions]
                Resource: "*"
                Condition: {StringEquals: {ec2:Region: !Ref AWS::Region}}
"""


def role(**more) -> dict:
    return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "R", **more}}


def attr(logical: str) -> dict:
    return {"Fn::GetAtt": [logical, "Arn"]}


class Grants(unittest.TestCase):
    def test_of_a_written_template(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "member.yaml"
            file.write_text(YAML)
            found = statements(template(file), "R")
        self.assertEqual(
            found,
            [
                Statement("Stop", ("ec2:StopInstances",), ("arn:aws:ec2:*:${AWS::AccountId}:instance/*",), ()),
                Statement("Look", ("ec2:DescribeInstances", "ec2:DescribeRegions"), ("*",), ("ec2:Region",)),
            ],
        )

    def test_of_policies_beside_the_role(self):
        document = {"Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": attr("Topic")}]}
        policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "Role"}]}}
        other = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document, "Roles": [{"Ref": "Other"}]}}
        found = statements({"Role": role(), "Policy": policy, "OtherPolicy": other}, "R")
        self.assertEqual(found, [Statement("", ("sns:Publish",), ('{"Fn::GetAtt": ["Topic", "Arn"]}',), ())])

    def test_what_cannot_be_told_is_refused(self):
        everything_else = {"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}
        for more in (
            {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
            {"Policies": [{"PolicyDocument": everything_else}]},
        ):
            self.assertRaises(Unreadable, statements, {"Role": role(**more)}, "R")
        self.assertRaises(Unreadable, statements, {"Role": role(), "Twin": role()}, "R")


class LentToLambda(unittest.TestCase):
    def setUp(self):
        function = {"Role": attr("Role"), "LoggingConfig": {"LogGroup": {"Ref": "Log"}}}
        self.resources = {
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

    def lent(self) -> set[tuple[str, str]]:
        return {(one.action, one.resource.split('"')[3]) for one in borrowed(self.resources, "Role")}

    def test_follows_from_what_lambda_is_told_to_do(self):
        logs, launches = (
            {("logs:CreateLogStream", "Log"), ("logs:PutLogEvents", "Log")},
            {
                ("sqs:ReceiveMessage", "Launches"),
                ("sqs:DeleteMessage", "Launches"),
                ("sqs:GetQueueAttributes", "Launches"),
            },
        )
        self.assertEqual(self.lent(), logs | launches | {("sqs:SendMessage", "Failures")})
        del self.resources["Mapping"], self.resources["Unhandled"]
        self.assertEqual(self.lent(), logs)

    def test_is_nothing_for_another_functions_role(self):
        self.assertEqual(borrowed(self.resources, "AnotherRole"), [])
        self.assertIsInstance(borrowed(self.resources, "Role")[0], Borrowed)


if __name__ == "__main__":
    unittest.main()
