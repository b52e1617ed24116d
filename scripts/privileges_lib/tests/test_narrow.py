"""Against AWS's own tables: what is wider than it must be, and what is no grant at all."""

import pytest

from privileges_lib.grants import Statement
from privileges_lib.narrow import judge, tables

KNOWN = tables()


def judged(action: str, *resources: str, keys: tuple[str, ...] = ()) -> tuple[list[str], dict[str, str]]:
    return judge(Statement("Sid", (action,), resources, keys), KNOWN)


def accepts(action: str, *resources: str, keys: tuple[str, ...] = ()) -> dict[str, str]:
    problems, reasons = judged(action, *resources, keys=keys)
    assert problems == []
    return reasons


def refuses(words: str, action: str, *resources: str, keys: tuple[str, ...] = ()) -> None:
    problems, reasons = judged(action, *resources, keys=keys)
    assert (len(problems), reasons) == (1, {})
    assert words in problems[0]


def test_any_resource_has_a_reason() -> None:
    assert accepts("ec2:DescribeInstances", "*") == {"ec2:DescribeInstances": "AWS has no resource for it to name"}
    reasons = accepts("cloudwatch:PutMetricData", "*", keys=("cloudwatch:namespace",))
    assert "cloudwatch:namespace" in reasons["cloudwatch:PutMetricData"]


def test_any_resource_without_one() -> None:
    refuses("could name instance", "ec2:StopInstances", "*")
    refuses("could name dataset", "cloudwatch:PutMetricData", "*")
    # A condition on something else does not narrow it.
    refuses("could name instance", "ec2:StopInstances", "*", keys=("aws:PrincipalOrgID",))


def test_a_wildcard_and_a_slip_of_the_pen() -> None:
    refuses("is a wildcard", "ec2:Stop*", "arn:aws:ec2:*:123456789012:instance/*")
    refuses("AWS knows no action", "ec2:StopInstance", "arn:aws:ec2:*:123456789012:instance/*")


def test_a_resource_of_the_kind_that_the_action_is_about(subtests: pytest.Subtests) -> None:
    for action, resource in (
        ("ec2:StopInstances", "arn:aws:ec2:*:${AWS::AccountId}:instance/*"),
        (
            "autoscaling:SuspendProcesses",
            "arn:aws:autoscaling:*:123456789012:autoScalingGroup:*:autoScalingGroupName/*",
        ),
        ("sns:Publish", "arn:aws:sns:us-east-1:123456789012:runawaytrain"),
        ("sqs:SendMessage", '{"Fn::GetAtt": ["Failures", "Arn"]}'),
    ):
        with subtests.test(action):
            assert accepts(action, resource) == {}


def test_a_resource_of_another_kind() -> None:
    refuses("it is about group", "iam:RemoveUserFromGroup", "arn:aws:iam::123456789012:user/*")
    refuses("it is about instance", "ec2:StopInstances", "arn:aws:ec2:*:123456789012:*")
    refuses("it is about role", "sts:AssumeRole", "arn:aws:sts::123456789012:role/Responder")


def test_a_resource_where_there_is_none_to_name_grants_nothing() -> None:
    refuses("is none", "iam:ListUsers", "arn:aws:iam::123456789012:user/*")


def test_any_account_needs_a_condition() -> None:
    refuses("reaches into any account", "sts:AssumeRole", "arn:aws:iam::*:role/Responder")
    accepts("sts:AssumeRole", "arn:aws:iam::*:role/Responder", keys=("aws:ResourceOrgID",))


def test_an_action_that_must_not_be_narrowed_has_its_harm_as_reason() -> None:
    accepts("cloudwatch:GetMetricData", "*")
    refuses("is granted on any resource", "cloudwatch:DeleteAlarms", "*")
