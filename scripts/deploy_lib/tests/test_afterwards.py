"""What is told once the stacks stand."""

import json
import unittest
from dataclasses import replace
from unittest import mock

from deploy_lib import afterwards
from deploy_lib.cloud import Cloud
from deploy_lib.policy import Policy
from deploy_lib.refusal import Refusal

from .servers import PAYER, Moto, ScriptedDouble, environment, query_answer

POLICY = Policy(payer=PAYER, organization="o-aaaaaaaaaa", root="r-aaaa", addresses=("ada@example.edu", "bob@example.edu"), own_lists=(("111111111111", ("ada@example.edu",)),))


def subscription(arn: str, address: str) -> str:
    return f"<member><SubscriptionArn>{arn}</SubscriptionArn><Owner>{PAYER}</Owner><Protocol>email</Protocol><Endpoint>{address}</Endpoint></member>"


class Afterwards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto.start()
        cls.addClassCleanup(cls.moto.stop)
        cls.double = ScriptedDouble(cls.moto)
        cls.addClassCleanup(cls.double.stop)
        patch = mock.patch.dict("os.environ", environment(cls.double.endpoint), clear=True)
        patch.start()
        cls.addClassCleanup(patch.stop)
        cls.cloud = Cloud()

    def setUp(self):
        self.moto.reset()
        self.double.reset()

    def test_addresses_that_have_not_confirmed_or_were_unsubscribed_are_named_with_their_topics(self):
        # Scripted: moto confirms every address by itself.
        members = subscription("PendingConfirmation", "ada@example.edu") + subscription("Deleted", "bob@example.edu")
        self.double.scripted["ListSubscriptionsByTopic"] = query_answer("ListSubscriptionsByTopic", f"<Subscriptions>{members}</Subscriptions>")
        found = afterwards.unheard(self.cloud, POLICY)
        self.assertEqual(found, afterwards.Unheard({"ada@example.edu": ["runawaytrain", "runawaytrain-111111111111"]}, {"bob@example.edu": ["runawaytrain"]}))

    def test_an_address_that_somebody_unsubscribed_is_not_taken_for_confirmed(self):
        self._subscribe("runawaytrain", "ada@example.edu", "bob@example.edu")
        self._subscribe("runawaytrain-111111111111", "ada@example.edu")
        self.assertEqual(afterwards.unheard(self.cloud, POLICY), afterwards.Unheard({}, {}))
        sns = self.moto.client("sns")
        gone = next(one for one in sns.list_subscriptions()["Subscriptions"] if one["Endpoint"] == "bob@example.edu")
        sns.unsubscribe(SubscriptionArn=gone["SubscriptionArn"])
        found = afterwards.unheard(self.cloud, POLICY)
        self.assertEqual(found, afterwards.Unheard({}, {"bob@example.edu": ["runawaytrain"]}))
        with mock.patch.object(afterwards.show, "say") as say, mock.patch.object(afterwards.show.console, "print") as printed:
            afterwards.tell_unheard(found, POLICY)
        (told,) = say.call_args.args
        self.assertIn("Not subscribed", told)
        self.assertIn("--notification-endpoint bob@example.edu", str(printed.call_args.args[0]))

    def test_a_topic_that_is_not_there_is_a_refusal_and_not_a_confirmation(self):
        with self.assertRaises(Refusal):
            afterwards.unheard(self.cloud, POLICY)

    def _subscribe(self, topic: str, *addresses: str):
        sns = self.moto.client("sns")
        arn = sns.create_topic(Name=topic)["TopicArn"]
        for address in addresses:
            sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=address)

    def test_the_last_operation_of_a_stack_set(self):
        name = "runawaytrain-member"
        self.assertEqual(afterwards.enrollment(self.cloud, name), afterwards.Enrollment(name, ""))
        client = self.moto.client("cloudformation")
        client.create_stack_set(StackSetName=name, TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "member"}}}}')
        operation = client.create_stack_instances(StackSetName=name, Accounts=[PAYER], Regions=["us-east-1"])["OperationId"]
        self.assertEqual(afterwards.enrollment(self.cloud, name), afterwards.Enrollment(name, "SUCCEEDED", operation))

    def test_an_operation_that_tolerates_failures_is_not_called_a_success(self):
        # Scripted: in moto no stack of a set ever fails.
        members = (
            "<member><OperationId>7</OperationId><Action>CREATE</Action><Status>SUCCEEDED</Status>"
            "<CreationTimestamp>2026-11-01T00:00:00Z</CreationTimestamp>"
            "<StatusDetails><FailedStackInstancesCount>3</FailedStackInstancesCount></StatusDetails></member>"
        )
        self.double.scripted["ListStackSetOperations"] = query_answer("ListStackSetOperations", f"<Summaries>{members}</Summaries>")
        self.double.scripted["ListStackInstances"] = query_answer("ListStackInstances", "<Summaries/>")
        found = afterwards.enrollment(self.cloud, "runawaytrain-member")
        self.assertEqual(found, afterwards.Enrollment("runawaytrain-member", "SUCCEEDED", "7", 3))
        with mock.patch.object(afterwards.show, "say") as say:
            afterwards.tell_enrollment(found, POLICY)
        (told,) = say.call_args.args
        self.assertIn("failed for 3 of the stacks", told)
        self.assertNotIn("✓", told)

    def test_a_stack_that_an_earlier_operation_failed_for_is_named_with_what_tries_again(self):
        # Scripted: in moto no stack of a set ever fails. The last operation was about something else, and succeeded.
        last = "<member><OperationId>8</OperationId><Action>UPDATE</Action><Status>SUCCEEDED</Status><CreationTimestamp>2026-11-02T00:00:00Z</CreationTimestamp></member>"
        self.double.scripted["ListStackSetOperations"] = query_answer("ListStackSetOperations", f"<Summaries>{last}</Summaries>")

        def instance(account: str, status: str, why: str = "") -> str:
            detailed = f"<StackInstanceStatus><DetailedStatus>{status}</DetailedStatus></StackInstanceStatus>"
            return f"<member><Account>{account}</Account><Region>us-east-1</Region><Status>OUTDATED</Status>{detailed}<StatusReason>{why}</StatusReason></member>"

        members = instance("111111111111", "SUCCEEDED") + instance("222222222222", "FAILED", "an SCP denies it") + instance("333333333333", "SKIPPED_SUSPENDED_ACCOUNT")
        self.double.scripted["ListStackInstances"] = query_answer("ListStackInstances", f"<Summaries>{members}</Summaries>")
        found = afterwards.enrollment(self.cloud, "runawaytrain-member")
        self.assertEqual(found.behind, (("222222222222", "us-east-1", "an SCP denies it"),))
        with mock.patch.object(afterwards.show, "say") as say, mock.patch.object(afterwards.show.console, "print") as printed:
            afterwards.tell_enrollment(found, POLICY)
        self.assertNotIn("✓", say.call_args.args[0])
        self.assertIn("OrganizationalUnitIds=r-aaaa,AccountFilterType=INTERSECTION,Accounts=222222222222", str(printed.call_args.args[0]))

    def test_what_a_missing_stack_means_and_which_policy_is_in_its_way(self):
        denied = "not authorized to perform: cloudformation:CreateStack with an explicit deny in a service control policy"
        principals = [f"arn:aws:iam::*:role/{role}" for role in ("stacksets-exec-*", "RunawayTrainResponder", "RunawayTrainForwarder")]
        for name, title, means in (
            ("runawaytrain-member", "Not enrolled: 1", "may not look into"),
            ("runawaytrain-member-region", "Launches not told at once: 1", "by its schedule"),
            ("runawaytrain-member-alarms", "No alarm on their charges: 1", "by its schedule"),
        ):
            with self.subTest(name):
                told = self._told(afterwards.Enrollment(name, "SUCCEEDED", "9", 1, (("222222222222", "us-east-1", denied),)))
                for said in (title, means, *principals, "cloudformation:*, cloudwatch:* and events:* in us-east-1"):
                    self.assertIn(said, told)
                self.assertEqual("organization.memberRegion" in told, name == "runawaytrain-member")
                # Whoever is denied by something else is not sent to a policy.
                other = self._told(afterwards.Enrollment(name, "SUCCEEDED", "9", 1, (("222222222222", "us-east-1", "limit exceeded"),)))
                self.assertIn(means, other)
                self.assertNotIn("stacksets-exec-*", other)

    def _told(self, found: afterwards.Enrollment) -> str:
        with afterwards.show.console.capture() as capture:
            afterwards.tell_enrollment(found, POLICY)
        return " ".join(capture.get().split())

    def test_alarms_are_looked_for_only_where_the_policy_has_an_amount_to_ring_at(self):
        sets = ("runawaytrain-member", "runawaytrain-member-region")
        self.assertEqual(afterwards.sets(POLICY), sets)
        self.assertEqual(afterwards.sets(replace(POLICY, has_spend_alarm=True)), (*sets, "runawaytrain-member-alarms"))

    def test_a_drill_of_a_guard_that_is_not_there(self):
        with self.assertRaises(Refusal) as raised:
            afterwards.drill(self.cloud)
        self.assertEqual(raised.exception.code, "ResourceNotFoundException")

    def test_the_guards_own_answer(self):
        said = {"statusCode": 200, "body": "Swept 1 account: 1 ok."}
        self.double.scripted["Invoke"] = json.dumps(said).encode()
        self.assertEqual(afterwards.drill(self.cloud), said)
        self.double.scripted["Invoke"] = b'"a word"'
        with self.assertRaises(Refusal):
            afterwards.drill(self.cloud)


class Lines(unittest.TestCase):
    """Entries as `lambda/core/src/report.rs` writes them."""

    def test_those_that_would_be_touched_come_first(self):
        def entry(account, **more):
            return {"account": account, "name": "n", "unseen": False, "instances": {"counted": 1}, "plan": {"actions": [], "skipped": []}, "gaps": []} | more

        accounts = [
            entry("1", verdict="Ok"),
            entry("2", verdict="Halt", plan={"actions": [{"text": "stop"}, {"text": "deny"}]}, instances={"counted": 9}),
            entry("3", unseen=True, gaps=[{"at": "account 3", "reason": "the role is missing"}]),
            entry("4", error="not reached before the deadline"),
            entry("5", verdict="Halt", unseen=True, plan={"actions": [{"text": "stop"}]}, instances={"counted": 20}),
            entry("6", verdict="Warn"),
        ]
        found = afterwards.lines({"report": {"accounts": accounts}})
        self.assertEqual([(line.account, line.verdict, line.plan) for line in found], [
            ("5", "Halt", "1 action, and part of it was not seen"),
            ("2", "Halt", "2 actions"),
            ("3", "not seen", "not seen whole: account 3: the role is missing"),
            ("4", "not seen", "not reached before the deadline"),
            ("6", "Warn", "nothing"),
            ("1", "Ok", "nothing"),
        ])

    def test_an_answer_without_a_report_has_no_lines(self):
        self.assertEqual(afterwards.lines({"statusCode": 400, "body": "no"}), [])


if __name__ == "__main__":
    unittest.main()
