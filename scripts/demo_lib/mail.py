"""The mails: one queue subscribed to every topic stands for the people's mailboxes."""

import json
import time
from dataclasses import dataclass

from . import show
from .cast import PAYER, Account
from .cloud import Cloud

ALARMS = "runawaytrain-alarms"  # heard by the Lambda alone: no person is told of an alarm itself
QUEUE = "mailbox"
PREFIX = "[runawaytrain] "
PATIENCE = 0.6  # seconds; the Lambda answers after SNS took its mails, so they are here at once or never


@dataclass(frozen=True)
class Mail:
    topic: str
    subject: str
    text: str

    def about(self, account: Account) -> bool:
        return account.id in self.subject or account.name in self.subject or self.topic == f"runawaytrain-{account.id}"

    @property
    def kind(self) -> str:
        """By the subject's first word, which is what people see in their list: `halt` for a trip, `outcome` for what
        came of it, `release`."""
        words = self.subject.removeprefix(PREFIX)
        if words.startswith(("Halted ", "NOT PROVEN ")):
            return "outcome"
        if words.startswith("Released "):
            return "release"
        return "halt" if words.startswith("HALT ") else "other"


class Mailbox:
    def __init__(self, cloud: Cloud):
        self.sns, self.sqs = cloud.admin("sns", PAYER), cloud.admin("sqs", PAYER)
        self.url = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        self.all: list[Mail] = []

    @property
    def arn(self) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def subscribe(self) -> int:
        """To every notify list of runawaytrain; answers how many there are."""
        arn = self.arn
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        topics = [
            topic["TopicArn"] for page in self.sns.get_paginator("list_topics").paginate() for topic in page["Topics"]
        ]
        ours = [
            topic
            for topic in topics
            if topic.rsplit(":", 1)[1].startswith("runawaytrain") and not topic.endswith(f":{ALARMS}")
        ]
        for topic in ours:
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return len(ours)

    def collect(self) -> list[Mail]:
        """What has come since the last look."""
        fresh, until = [], time.monotonic() + PATIENCE
        while time.monotonic() < until:
            batch = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
            for message in batch:
                envelope = json.loads(message["Body"])
                fresh.append(
                    Mail(envelope["TopicArn"].rsplit(":", 1)[1], envelope.get("Subject") or "", envelope["Message"])
                )
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            if batch:
                until = time.monotonic() + PATIENCE
            else:
                time.sleep(0.2)
        self.all += fresh
        return fresh


def tell(fresh: list[Mail], whole: bool = False) -> None:
    """Whole mails, or only a line for each."""
    for one in fresh:
        show.say(f"  {show.paint('✉', 'cyan')} {one.topic}: {one.subject}")
        for line in one.text.rstrip().splitlines() if whole else ():
            show.say(f"  {show.paint('│', 'cyan')} {line}")
