"""drill --live where no guard answers the launch: what is refused beforehand, and that nothing is ever left running."""

import json
import os
import signal
import subprocess
import time

import boto3
from boto3.dynamodb.types import TypeSerializer

from . import payer
from .command import OPERATOR, Command
from .servers import PAYER, environment

POLICY = """\
payer: "123456789012"
organization: {id: o-exampleorg, root: r-exam}
mode: proceed
canary: {account: "MEMBER", region: us-west-2}
defaults:
  limits: {instances: 4}
  notify: [cloud-team@example.edu]
accounts:
  "MEMBER":
    name: canary
    limits: {instances: 0}
"""
NOT_DONE, INTERRUPTED = 1, 130
PATIENCE = "10"
RUNNING_SECONDS = 120  # until it has launched, on a busy machine
ENDING_SECONDS = 120


def idle(account: str, **more: object) -> bytes:
    """As the guard answers a drill of an account in which nothing runs."""
    entry = {"account": account, "name": "canary", "state": "Ok", "verdict": "Ok", "instances": {"counted": 0, "exempt": 0}} | more
    return json.dumps({"statusCode": 200, "body": "Looked.", "report": {"accounts": [entry]}}).encode()


class Live(Command):
    def setUp(self):
        super().setUp()
        organization, _ = payer.organization(self.moto)
        created = self.moto.client("organizations").create_account(Email="a@example.edu", AccountName="canary")
        self.member = created["CreateAccountStatus"]["AccountId"]
        self.text = POLICY.replace("MEMBER", self.member).replace("o-exampleorg", organization)
        self.write(self.text)
        self.double.scripted["Invoke"] = idle(self.member)
        client = self.moto.client("dynamodb")
        keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        client.create_table(TableName="runawaytrain", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
        self.remember("Ok")
        self.double.asked.clear()

    def remember(self, state: str) -> None:
        """As `lambda/aws/src/ledger/record.rs` writes it."""
        record = {"account": self.member, "name": "canary", "state": state, "since": "2026-11-22T03:00:00Z", "why": "within its limits", "judgement": "Ok"}
        stored = {"pk": "ACCOUNT", "sk": self.member, "state": state, "version": 1, "record": record}
        self.moto.client("dynamodb").put_item(TableName="runawaytrain", Item={name: TypeSerializer().serialize(value) for name, value in stored.items()})

    def instances(self) -> dict[str, str]:
        """Of the member, by id."""
        role = f"arn:aws:iam::{self.member}:role/OrganizationAccountAccessRole"
        given = self.moto.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"], "aws_session_token": given["SessionToken"]}
        ec2 = boto3.client("ec2", region_name="us-west-2", endpoint_url=self.moto.endpoint, **keys)
        found = [instance for page in ec2.get_paginator("describe_instances").paginate() for one in page["Reservations"] for instance in one["Instances"]]
        return {instance["InstanceId"]: instance["State"]["Name"] for instance in found}

    def drill(self, *more: str) -> tuple[int, str]:
        return self._run([OPERATOR, "drill", "--live", *more, "--policy", self.policy], {})

    def test_where_nothing_comes_it_says_what_and_leaves_nothing_running(self):
        code, said = self.drill("--yes", "--patience", PATIENCE)
        self.assertEqual(code, NOT_DONE, said)
        self.assertRegex(said, r"\d s  running")
        self.assertIn(f"“found: the account is being halted” did not come within {PATIENCE} s of what came last; look at: runawaytrain doctor --after", said)
        self.assertIn("cannot be told on an emulator", said)
        self.assertIn("is Ok, and nothing of the drill is left", said)
        self.assertEqual(list(self.instances().values()), ["terminated"])
        self.assertEqual(self.double.asked.count("Invoke"), 1, "there is no halt to release")

    def test_the_document_has_what_came_and_what_did_not(self):
        code, document = self.ask("drill", "--live", "--yes", "--patience", PATIENCE)
        self.assertEqual(code, NOT_DONE)
        self.assertEqual([one["step"] for one in document["steps"]], ["launched", "running"])
        self.assertEqual(document["missing"][0], "found")
        self.assertEqual((document["account"], document["region"], document["emulated"], document["left"]), (self.member, "us-west-2", True, []))
        self.assertEqual(list(self.instances()), [document["instance"]])

    def test_interrupted_it_still_terminates_the_instance(self):
        words = [str(OPERATOR), "drill", "--live", "--yes", "--policy", str(self.policy)]
        env = environment(self.double.endpoint)
        with subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=os.sep) as child:
            try:
                until = time.monotonic() + RUNNING_SECONDS
                while "running" not in self.instances().values() and time.monotonic() < until:
                    time.sleep(0.2)
                child.send_signal(signal.SIGINT)
                said, _ = child.communicate(timeout=ENDING_SECONDS)
            finally:
                child.kill()
        self.assertEqual(child.returncode, INTERRUPTED, said)
        self.assertIn("interrupted: the instance is terminated and the account given back", said)
        self.assertEqual(list(self.instances().values()), ["terminated"])

    def test_what_could_not_be_terminated_is_named(self):
        self.double.denied.add("TerminateInstances")
        code, said = self.drill("--yes", "--patience", PATIENCE)
        self.assertEqual(code, NOT_DONE)
        [instance] = self.instances()
        self.assertIn(f"{instance} may run in canary ({self.member}): needs permission ec2:TerminateInstances; terminate it", said)

    def test_an_account_without_a_network_is_a_sentence(self):
        none = "<Response><Errors><Error><Code>VPCIdNotSpecified</Code><Message>No default VPC for this user</Message></Error></Errors><RequestID>1</RequestID></Response>"
        answer = self.double.answer
        self.double.answer = lambda operation, *rest: (400, "text/xml", none.encode()) if operation == "RunInstances" else answer(operation, *rest)
        code, said = self.drill("--yes")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("the canary has no default VPC in that region, or no subnet in it: `aws ec2 create-default-vpc` there makes one", said)

    def test_what_would_not_be_contained_is_refused_before_anything_is_launched(self):
        cases = [
            (self.text.replace(f'canary: {{account: "{self.member}", region: us-west-2}}\n', ""), "the policy names no canary"),
            (self.text.replace(f'canary: {{account: "{self.member}"', f'canary: {{account: "{PAYER}"'), "is the payer, which no quarantine binds"),
            (self.text.replace("mode: proceed", "mode: drill"), "is in drill, so a halt would touch nothing in it"),
            (self.text.replace("limits: {instances: 0}", "limits: {vcpus: 0}"), f"accounts.\"{self.member}\".limits.instances: 0"),
        ]
        for text, sentence in cases:
            self.write(text)
            code, said = self.drill("--yes")
            self.assertEqual(code, NOT_DONE, said)
            self.assertIn(sentence, said)
            self.assertIn("nothing was launched", said)
        self.write(self.text)
        self.double.scripted["Invoke"] = idle(self.member, instances={"counted": 2})
        self.assertIn("2 instances run in the canary", self.drill("--yes")[1])
        self.double.scripted["Invoke"] = idle(self.member)
        self.assertIn("say --yes", self.drill()[1])
        self.remember("Halted")
        self.assertIn(f"runawaytrain release {self.member}", self.drill("--yes")[1])
        self.assertNotIn("RunInstances", self.double.asked)
        self.assertEqual(self.instances(), {})
