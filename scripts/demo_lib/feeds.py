"""What sets the Lambda off without anybody invoking it: the estimate that an alarm watches, a burst of launches, and
forgeries of both."""

import json
import time
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from .cast import PAYER, Account
from .cloud import HOME_REGION, Cloud, code_of
from .mail import ALARMS
from .stage import IMAGE, TYPE

LAUNCHES = "runawaytrain-launches"


def topic(name: str = ALARMS) -> str:
    return f"arn:aws:sns:{HOME_REGION}:{PAYER}:{name}"


def publish_estimate(cloud: Cloud, account: Account, dollars: float) -> None:
    """In Billing's place, which the emulator does not have: the month's charges so far."""
    cloud.admin("cloudwatch", account.id).put_metric_data(
        Namespace="AWS/Billing",
        MetricData=[
            {"MetricName": "EstimatedCharges", "Dimensions": [{"Name": "Currency", "Value": "USD"}], "Value": dollars}
        ],
    )


def publish_charges(cloud: Cloud, charges: dict[str, float]) -> None:
    """In Billing's place: what it publishes in the payer, an account's charges of the month so far by its id. US
    dollars."""
    data = [
        {
            "MetricName": "EstimatedCharges",
            "Dimensions": [{"Name": "Currency", "Value": "USD"}, {"Name": "LinkedAccount", "Value": account}],
            "Value": dollars,
        }
        for account, dollars in charges.items()
    ]
    cloud.admin("cloudwatch", PAYER).put_metric_data(Namespace="AWS/Billing", MetricData=data)


def alarms(cloud: Cloud, account: str) -> dict[str, str]:
    """The spend alarms that an account holds, by name, with their state."""
    found = cloud.admin("cloudwatch", account).describe_alarms(AlarmNamePrefix="runawaytrain-spend-")["MetricAlarms"]
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


def burst(cloud: Cloud, key: tuple[str, str], region: str, calls: int, each: int) -> list[str]:
    """Launches with somebody's own key; answers the ids."""
    ec2 = cloud.client("ec2", *key, region=region)
    made = [ec2.run_instances(ImageId=IMAGE, InstanceType=TYPE, MinCount=each, MaxCount=each) for _ in range(calls)]
    return [instance["InstanceId"] for one in made for instance in one["Instances"]]


class Wiretap:
    """Hears what the alarms' topic hands on, so that it can be sent again."""

    def __init__(self, cloud: Cloud):
        self.sqs = cloud.admin("sqs", PAYER)
        self.url = self.sqs.create_queue(QueueName="wiretap")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        self.sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})}
        )
        cloud.admin("sns", PAYER).subscribe(TopicArn=topic(), Protocol="sqs", Endpoint=arn)

    def heard(self) -> dict[str, Any]:
        """An alarm that rang, in CloudWatch's words."""
        message = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1)["Messages"][0]
        return json.loads(json.loads(message["Body"])["Message"])


def notification(alarm: dict[str, Any], topic_arn: str) -> dict[str, Any]:
    """As SNS would hand the alarm to the Lambda."""
    sns = {"Type": "Notification", "MessageId": str(uuid4()), "TopicArn": topic_arn, "Message": json.dumps(alarm)}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def refused_publish(cloud: Cloud, account: Account, alarm: dict[str, Any]) -> str | None:
    """Publishes an alarm to the payer's topic with all rights of a member; the refusal's code, or None when it was let
    in."""
    try:
        cloud.admin("sns", account.id).publish(TopicArn=topic(), Message=json.dumps(alarm))
    except ClientError as error:
        return code_of(error)
    return None


def launch_event(account: str, detail: dict[str, Any] | None = None) -> dict[str, Any]:
    """As EventBridge would deliver it; `detail` adds to what EC2 says there."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": HOME_REGION,
        "resources": [],
        "detail": {"instance-id": "i-0123456789abcdef0", "state": "running"} | (detail or {}),
    }


def enqueue(cloud: Cloud, *bodies: object) -> None:
    """Into the launch queue, past bus and rule, as only the payer's own admin can."""
    sqs = cloud.admin("sqs", PAYER)
    url = sqs.get_queue_url(QueueName=LAUNCHES)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body if isinstance(body, str) else json.dumps(body))


def in_queue(cloud: Cloud, name: str = LAUNCHES) -> int:
    """Messages that wait or are under way."""
    sqs = cloud.admin("sqs", PAYER)
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=wanted)[
        "Attributes"
    ]
    return sum(int(found[key]) for key in wanted)


def stray_rule(cloud: Cloud, account: Account, role: str) -> None:
    """A thief's own rule, which borrows the forwarder role to reach the payer's bus; and an event for it."""
    events = cloud.admin("events", account.id)
    events.put_rule(Name="borrowed", EventPattern=json.dumps({"source": ["thief"]}))
    bus = f"arn:aws:events:{HOME_REGION}:{PAYER}:event-bus/runawaytrain"
    events.put_targets(
        Rule="borrowed", Targets=[{"Id": "payer", "Arn": bus, "RoleArn": f"arn:aws:iam::{account.id}:role/{role}"}]
    )
    events.put_events(
        Entries=[
            {
                "Source": "thief",
                "DetailType": "EC2 Instance State-change Notification",
                "Detail": json.dumps({"state": "running"}),
            }
        ]
    )
    events.remove_targets(Rule="borrowed", Ids=["payer"])
    events.delete_rule(Name="borrowed")
