"""Breaks something, and mends it again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import look, show
from .cast import PAYER, Account
from .cloud import HOME_REGION, Cloud
from .lambdas import FUNCTION
from .mail import Mailbox

RESPONDER = "RunawayTrainResponder"
REFUSAL = "demo-refusing-region"
QUICK = {"Delay": 1, "MaxAttempts": 60}


@contextmanager
def variable(cloud: Cloud, name: str, value: str) -> Iterator[None]:
    """As set by a slip of the hand in the console."""
    client = cloud.admin("lambda", PAYER)
    sound = client.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]

    def put(variables: dict[str, Any]) -> None:
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": variables})
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig=QUICK)

    put(sound | {name: value})
    try:
        yield
    finally:
        put(sound)


@contextmanager
def refusing_region(cloud: Cloud, account: Account, region: str) -> Iterator[None]:
    iam = cloud.admin("iam", account.id)
    deny = {
        "Effect": "Deny",
        "Action": "ec2:DescribeInstances",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
    }
    iam.put_role_policy(
        RoleName=RESPONDER,
        PolicyName=REFUSAL,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=RESPONDER, PolicyName=REFUSAL)


@contextmanager
def failing_worker(cloud: Cloud, machine: str, account: Account) -> Iterator[None]:
    """In the deployed state machine: the worker that gets this account dies, as one does that runs out of memory."""
    client = cloud.admin("stepfunctions", PAYER)
    sound = client.describe_state_machine(stateMachineArn=machine)["definition"]
    definition = json.loads(sound)
    worker = definition["States"]["Sweep in batches"]["ItemProcessor"]
    first = [
        f"$.Items[{at}]" for at in range(definition["States"]["Sweep in batches"]["ItemBatcher"]["MaxItemsPerBatch"])
    ]
    dies = [
        {"And": [{"Variable": path, "IsPresent": True}, {"Variable": path, "StringEquals": account.id}], "Next": "Die"}
        for path in first
    ]
    worker["States"] |= {
        "Which batch": {"Type": "Choice", "Choices": dies, "Default": worker["StartAt"]},
        "Die": {"Type": "Fail", "Error": "Runtime.ExitError", "Cause": "signal: killed"},
    }
    worker["StartAt"] = "Which batch"
    client.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
    try:
        yield
    finally:
        client.update_state_machine(stateMachineArn=machine, definition=sound)


@contextmanager
def impatient_queue(cloud: Cloud, name: str, seconds: int) -> Iterator[None]:
    """What comes back to the queue is handed over again after so many seconds, not after the minutes that the longest
    invocation may take."""
    sqs = cloud.admin("sqs", PAYER)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sound = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=sound)


def delete_topic(cloud: Cloud, account: Account) -> str:
    """The topic of the account's own list; answers its name."""
    name = f"runawaytrain-{account.id}"
    cloud.admin("sns", PAYER).delete_topic(TopicArn=f"arn:aws:sns:{HOME_REGION}:{PAYER}:{name}")
    show.say(f"  deleted the topic {name}")
    return name


def make_topic(cloud: Cloud, name: str, mailbox: Mailbox) -> None:
    sns = cloud.admin("sns", PAYER)
    sns.subscribe(TopicArn=sns.create_topic(Name=name)["TopicArn"], Protocol="sqs", Endpoint=mailbox.arn)


def claimed_until(cloud: Cloud) -> float:
    """Until when the last of the waiting mails is somebody's business, in seconds since 1970."""
    waiting = [item for (partition, _), item in look.table(cloud).items() if partition.startswith(look.OUTBOX)]
    return max((int(item["claimedUntil"]["N"]) / 1000 for item in waiting if "claimedUntil" in item), default=0.0)


@contextmanager
def table_missing(cloud: Cloud) -> Iterator[None]:
    """Deleted, and afterwards made anew with all that was in it."""
    client = cloud.admin("dynamodb", PAYER)
    known, items = client.describe_table(TableName=look.TABLE)["Table"], look.table(cloud)
    with show.step("delete the table runawaytrain, its protection first"):
        client.update_table(TableName=look.TABLE, DeletionProtectionEnabled=False)
        client.delete_table(TableName=look.TABLE)
        client.get_waiter("table_not_exists").wait(TableName=look.TABLE, WaiterConfig=QUICK)
    try:
        yield
    finally:
        client.create_table(
            TableName=look.TABLE,
            KeySchema=known["KeySchema"],
            AttributeDefinitions=known["AttributeDefinitions"],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
        client.get_waiter("table_exists").wait(TableName=look.TABLE, WaiterConfig=QUICK)
        client.update_continuous_backups(
            TableName=look.TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        for item in items.values():
            client.put_item(TableName=look.TABLE, Item=item)
