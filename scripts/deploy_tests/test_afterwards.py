"""What is told once the stacks stand: `runawaytrain doctor --after`."""

import json
import unittest

from . import payer
from .command import Command
from .servers import PAYER, query_answer

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
    return f"<member><SubscriptionArn>{arn}</SubscriptionArn><Owner>{PAYER}</Owner><Protocol>email</Protocol><Endpoint>{address}</Endpoint></member>"


def instance(account: str, status: str, why: str = "") -> str:
    detailed = f"<StackInstanceStatus><DetailedStatus>{status}</DetailedStatus></StackInstanceStatus>"
    return f"<member><Account>{account}</Account><Region>us-east-1</Region><Status>OUTDATED</Status>{detailed}<StatusReason>{why}</StatusReason></member>"


class Afterwards(Command):
    def setUp(self):
        super().setUp()
        self.write(POLICY)
        self.double.scripted["Invoke"] = json.dumps(DRILL).encode()

    def look(self, *arguments: str) -> dict[str, dict]:
        _, document = self.ask("doctor", "--after", *arguments)
        return {one["what"]: one for one in document["after"]}

    def subscribe(self, topic: str, *addresses: str):
        sns = self.moto.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        for address in addresses:
            sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=address)

    def test_addresses_that_have_not_confirmed_or_were_unsubscribed_are_named_with_their_topics(self):
        # Scripted: moto confirms every address by itself.
        members = subscription("PendingConfirmation", "ada@example.edu") + subscription("Deleted", "bob@example.edu")
        self.double.scripted["ListSubscriptionsByTopic"] = query_answer(
            "ListSubscriptionsByTopic", f"<Subscriptions>{members}</Subscriptions>"
        )
        found = self.look()["subscriptions"]
        self.assertEqual(found["status"], MISSING)
        self.assertIn(
            f"Not confirmed yet, and told nothing until then: ada@example.edu ({', '.join(TOPICS)})", found["said"]
        )
        self.assertIn("bob@example.edu (runawaytrain)", found["said"])

    def test_an_address_that_somebody_unsubscribed_is_not_taken_for_confirmed(self):
        self.subscribe("runawaytrain", "ada@example.edu", "bob@example.edu")
        self.subscribe("runawaytrain-111111111111", "ada@example.edu")
        self.assertEqual(self.look()["subscriptions"]["status"], OK)
        sns = self.moto.client("sns")
        gone = next(one for one in sns.list_subscriptions()["Subscriptions"] if one["Endpoint"] == "bob@example.edu")
        sns.unsubscribe(SubscriptionArn=gone["SubscriptionArn"])
        found = self.look()["subscriptions"]
        self.assertIn("Not subscribed", found["said"])
        (cure,) = found["cures"]
        self.assertIn(
            f"--topic-arn arn:aws:sns:us-east-1:{PAYER}:runawaytrain --protocol email --notification-endpoint bob@example.edu",
            cure,
        )

    def test_a_topic_that_is_not_there_is_no_confirmation(self):
        self.assertEqual(self.look()["subscriptions"]["status"], UNKNOWN)

    def test_the_last_operation_of_a_stack_set(self):
        self.assertIn("there is no such stack set", self.look()[f"stack set {MEMBER}"]["said"])
        client = self.moto.client("cloudformation")
        template = '{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "member"}}}}'
        client.create_stack_set(StackSetName=MEMBER, TemplateBody=template)
        client.create_stack_instances(StackSetName=MEMBER, Accounts=[PAYER], Regions=["us-east-1"])
        self.assertEqual(self.look()[f"stack set {MEMBER}"]["status"], OK)

    def test_a_stack_that_an_earlier_operation_failed_for_is_named_and_deployed_once_more(self):
        client = self.moto.client("cloudformation")
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
        self.double.scripted["ListStackInstances"] = query_answer(
            "ListStackInstances", f"<Summaries>{members}</Summaries>"
        )
        found = self.look()[f"stack set {MEMBER}"]
        self.assertEqual(found["status"], MISSING)
        self.assertIn(f"Not enrolled: {PAYER} us-east-1 (an SCP denies it). The guard may not look into", found["said"])
        self.assertIn(
            f"OrganizationalUnitIds=r-aaaa,AccountFilterType=INTERSECTION,Accounts={PAYER}", "\n".join(found["cures"])
        )
        self.assertNotIn("UpdateStackInstances", self.double.asked, "nobody asked for it")

        before = len(client.list_stack_set_operations(StackSetName=MEMBER)["Summaries"])
        self.look("--retry")
        self.assertIn("UpdateStackInstances", self.double.asked)
        after = client.list_stack_set_operations(StackSetName=MEMBER)["Summaries"]
        self.assertEqual(len(after), before + 1)
        self.assertIn("UPDATE", {one["Action"] for one in after})

    def test_a_guard_that_is_not_there(self):
        del self.double.scripted["Invoke"]
        code, document = self.ask("doctor", "--after")
        guard = document["after"][-1]
        self.assertEqual((code, guard["what"], guard["status"]), (1, "guard", UNKNOWN))
        self.assertIn("ResourceNotFoundException", guard["said"])

    def test_the_guards_own_answer(self):
        for answer, code, verdict in (
            (json.dumps(DRILL), 0, OK),
            ('{"statusCode": 500, "body": "no"}', 1, MISSING),
            ('"a word"', 1, UNKNOWN),
        ):
            with self.subTest(answer):
                self.double.scripted["Invoke"] = answer.encode()
                got, document = self.ask("doctor", "--after")
                self.assertEqual((got, document["after"][-1]["status"]), (code, verdict))


if __name__ == "__main__":
    unittest.main()
