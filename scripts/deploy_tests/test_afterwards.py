"""What is told once the stacks stand: `runawaytrain doctor --after`."""

import json
from pathlib import Path

import pytest

from . import payer
from .command import Command, Finding
from .servers import PAYER, ScriptedDouble, query_answer

OK, MISSING, UNKNOWN = "ok", "missing", "cannot tell"
MEMBER = "runawaytrain-member"
POLICY = (
    payer.policy_text("o-aaaaaaaaaa", "r-aaaa").replace("cloud-team@example.edu", "ada@example.edu, bob@example.edu")
    + """\
accounts:
  "111111111111":
    notify: [ada@example.edu]
"""
)
TOPICS = ("runawaytrain", "runawaytrain-111111111111")
DRILL = {"statusCode": 200, "body": "Drilled 1 account.", "report": {"accounts": []}}


def subscription(arn: str, address: str) -> str:
    to = f"<Protocol>email</Protocol><Endpoint>{address}</Endpoint>"
    return f"<member><SubscriptionArn>{arn}</SubscriptionArn><Owner>{PAYER}</Owner>{to}</member>"


def instance(account: str, status: str, why: str = "") -> str:
    detailed = f"<StackInstanceStatus><DetailedStatus>{status}</DetailedStatus></StackInstanceStatus>"
    stands = f"<Status>OUTDATED</Status>{detailed}<StatusReason>{why}</StatusReason>"
    return f"<member><Account>{account}</Account><Region>us-east-1</Region>{stands}</member>"


class Afterwards(Command):
    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.write(POLICY)
        self.double.scripted["Invoke"] = json.dumps(DRILL).encode()

    def look(self, *arguments: str) -> dict[str, Finding]:
        _, document = self.ask("doctor", "--after", *arguments)
        return {one["what"]: one for one in document["after"]}

    def subscribe(self, topic: str, *addresses: str) -> None:
        sns = self.moto.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        for address in addresses:
            sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=address)


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Afterwards:
    return Afterwards(double, tmp_path)


def test_addresses_that_have_not_confirmed_or_were_unsubscribed_are_named_with_their_topics(
    command: Afterwards,
) -> None:
    # Scripted: moto confirms every address by itcommand.
    members = subscription("PendingConfirmation", "ada@example.edu") + subscription("Deleted", "bob@example.edu")
    command.double.scripted["ListSubscriptionsByTopic"] = query_answer(
        "ListSubscriptionsByTopic", f"<Subscriptions>{members}</Subscriptions>"
    )
    found = command.look()["subscriptions"]
    assert found["status"] == MISSING
    assert f"Not confirmed yet, and told nothing until then: ada@example.edu ({', '.join(TOPICS)})" in found["said"]
    assert "bob@example.edu (runawaytrain)" in found["said"]


def test_an_address_that_somebody_unsubscribed_is_not_taken_for_confirmed(command: Afterwards) -> None:
    command.subscribe("runawaytrain", "ada@example.edu", "bob@example.edu")
    command.subscribe("runawaytrain-111111111111", "ada@example.edu")
    assert command.look()["subscriptions"]["status"] == OK
    sns = command.moto.client("sns")
    gone = next(one for one in sns.list_subscriptions()["Subscriptions"] if one["Endpoint"] == "bob@example.edu")
    sns.unsubscribe(SubscriptionArn=gone["SubscriptionArn"])
    found = command.look()["subscriptions"]
    assert "Not subscribed" in found["said"]
    (cure,) = found["cures"]
    assert (
        f"--topic-arn arn:aws:sns:us-east-1:{PAYER}:runawaytrain --protocol email --notification-endpoint"
        " bob@example.edu" in cure
    )


def test_a_topic_that_is_not_there_is_no_confirmation(command: Afterwards) -> None:
    assert command.look()["subscriptions"]["status"] == UNKNOWN


def test_the_last_operation_of_a_stack_set(command: Afterwards) -> None:
    assert "there is no such stack set" in command.look()[f"stack set {MEMBER}"]["said"]
    client = command.moto.client("cloudformation")
    template = '{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "member"}}}}'
    client.create_stack_set(StackSetName=MEMBER, TemplateBody=template)
    client.create_stack_instances(StackSetName=MEMBER, Accounts=[PAYER], Regions=["us-east-1"])
    assert command.look()[f"stack set {MEMBER}"]["status"] == OK


def test_a_stack_that_an_earlier_operation_failed_for_is_named_and_deployed_once_more(command: Afterwards) -> None:
    client = command.moto.client("cloudformation")
    template = '{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "member"}}}}'
    for name in (MEMBER, "runawaytrain-member-region"):
        client.create_stack_set(StackSetName=name, TemplateBody=template.replace("member", name))
        client.create_stack_instances(StackSetName=name, Accounts=[PAYER], Regions=["us-east-1"])
    # Scripted: in moto no stack of a set ever fails. The last operation was about something else, and succeeded.
    members = (
        instance("111111111111", "SUCCEEDED")
        + instance(PAYER, "FAILED", "an SCP denies it")
        + instance("333333333333", "SKIPPED_SUSPENDED_ACCOUNT")
    )
    command.double.scripted["ListStackInstances"] = query_answer(
        "ListStackInstances", f"<Summaries>{members}</Summaries>"
    )
    found = command.look()[f"stack set {MEMBER}"]
    assert found["status"] == MISSING
    assert f"Not enrolled: {PAYER} us-east-1 (an SCP denies it). The guard may not look into" in found["said"]
    assert f"OrganizationalUnitIds=r-aaaa,AccountFilterType=INTERSECTION,Accounts={PAYER}" in "\n".join(found["cures"])
    assert "UpdateStackInstances" not in command.double.asked, "nobody asked for it"

    before = len(client.list_stack_set_operations(StackSetName=MEMBER)["Summaries"])
    command.look("--retry")
    assert "UpdateStackInstances" in command.double.asked
    after = client.list_stack_set_operations(StackSetName=MEMBER)["Summaries"]
    assert len(after) == before + 1
    assert "UPDATE" in {one["Action"] for one in after}


def test_a_guard_that_is_not_there(command: Afterwards) -> None:
    del command.double.scripted["Invoke"]
    code, document = command.ask("doctor", "--after")
    guard = document["after"][-1]
    assert (code, guard["what"], guard["status"]) == (1, "guard", UNKNOWN)
    assert "ResourceNotFoundException" in guard["said"]


def test_the_guards_own_answer(command: Afterwards, subtests: pytest.Subtests) -> None:
    for answer, code, verdict in (
        (json.dumps(DRILL), 0, OK),
        ('{"statusCode": 500, "body": "no"}', 1, MISSING),
        ('"a word"', 1, UNKNOWN),
    ):
        with subtests.test(answer):
            command.double.scripted["Invoke"] = answer.encode()
            got, document = command.ask("doctor", "--after")
            assert (got, document["after"][-1]["status"]) == (code, verdict)
