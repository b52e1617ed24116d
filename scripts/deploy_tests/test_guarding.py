"""check, drill, halt, release, status and history, as a person at a terminal and as a program use them."""

import json
import os
import pty
import select
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from boto3.dynamodb.types import TypeSerializer

from . import payer
from .command import OPERATOR, Command
from .servers import PAYER, environment

POLICY = """\
payer: "123456789012"
organization: {id: o-exampleorg, root: r-exam}
defaults:
  limits: {instances: 4}
  notify: [cloud-team@example.edu]
accounts:
  "MEMBER":
    name: physics
"""
DONE, NOT_DONE, OVER_LIMIT, NOT_SEEN = 0, 1, 4, 5
# What asks and changes nothing. Invoke asks a guard for a drill, where there is one.
READS = ("Describe", "List", "Get", "list", "AssumeRole", "Invoke")
TYPED_SECONDS = 120


def answer(account: str, **more: object) -> bytes:
    """As the guard answers a halt or a release."""
    entry = {
        "account": account,
        "name": "physics",
        "state": "Halted",
        "verdict": "Halt",
        "plan": {"actions": [], "skipped": []},
    } | more
    return json.dumps({"statusCode": 200, "body": "Swept 1 account.", "report": {"accounts": [entry]}}).encode()


class Guarding(Command):
    def setUp(self):
        super().setUp()
        organization, _ = payer.organization(self.moto)
        created = self.moto.client("organizations").create_account(Email="a@example.edu", AccountName="physics")
        self.member = created["CreateAccountStatus"]["AccountId"]
        self.write(POLICY.replace("MEMBER", self.member).replace("o-exampleorg", organization))

    def say(self, *arguments: str, **more: str) -> tuple[int, str]:
        """As a person reads it, in a log."""
        return self._run([OPERATOR, *arguments, "--policy", self.policy], more)

    def launch(self, number: int) -> None:
        self.moto.client("ec2").run_instances(
            ImageId="ami-12345678", InstanceType="t2.micro", MinCount=number, MaxCount=number
        )

    def remembered(self, *records: dict) -> None:
        """The guard's table, with these in it, as `lambda/aws/src/ledger/record.rs` writes them."""
        client = self.moto.client("dynamodb")
        keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        client.create_table(
            TableName="runawaytrain", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
        )
        for record in records:
            whole = {"since": "2026-11-22T03:00:00Z", "judgement": "Ok"} | record
            stored = {"pk": "ACCOUNT", "sk": record["account"], "state": record["state"], "version": 1, "record": whole}
            client.put_item(
                TableName="runawaytrain",
                Item={name: TypeSerializer().serialize(value) for name, value in stored.items()},
            )

    def typed(self, word: str, *arguments: str) -> tuple[int, str]:
        """What a person sees at a terminal who types a word where a question is."""
        command = [str(OPERATOR), *arguments, "--policy", str(self.policy)]
        child, terminal = pty.fork()
        if child == 0:
            os.execve(command[0], command, environment(self.double.endpoint))
        said, has_typed, until = b"", False, time.monotonic() + TYPED_SECONDS
        while time.monotonic() < until:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            try:
                more = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            said += more
            if not has_typed and b"to go on:" in said:
                has_typed = os.write(terminal, word.encode() + b"\n") > 0
        else:
            os.kill(child, 9)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.close(terminal)
        return code, said.decode(errors="replace")

    def test_a_check_before_anything_is_deployed_sees_what_runs_and_changes_nothing(self):
        self.launch(5)
        self.double.asked.clear()
        code, document = self.ask("check")
        accounts = {one["account"]: one for one in document["accounts"]}
        self.assertEqual(code, OVER_LIMIT)
        self.assertEqual(document["accounts"][0]["account"], PAYER, "the worst comes first")
        self.assertEqual((accounts[PAYER]["verdict"], accounts[PAYER]["running"]), ("Halt", 5))
        self.assertEqual((accounts[self.member]["verdict"], accounts[self.member]["running"]), ("Ok", 0))
        changes = [operation for operation in self.double.asked if not operation.startswith(READS)]
        self.assertEqual(changes, [])
        code, said = self.say("check", "physics")
        self.assertEqual(code, DONE, said)
        self.assertIn(
            "By your own credentials and, in each other account, by the role OrganizationAccountAccessRole", said
        )
        self.assertNotIn(PAYER, said)

    def test_a_drill_says_what_a_halt_would_do_and_what_it_would_leave(self):
        self.launch(5)
        self.moto.client("iam").create_user(UserName="ann")
        self.double.asked.clear()
        code, said = self.say("drill", PAYER)
        self.assertEqual(code, DONE, said)
        self.assertIn("Halt; 5 instances running", said)
        self.assertIn("stop 5 instances in us-east-1", said)
        self.assertIn("Nothing was touched", said)
        self.assertEqual([operation for operation in self.double.asked if not operation.startswith(READS)], [])
        self.assertEqual(self.ask("drill", PAYER)[1]["account"], PAYER)

    def test_a_role_that_is_not_there_is_a_gap_and_no_zero(self):
        self.double.denied.add("AssumeRole")
        code, document = self.ask("check", "physics")
        self.assertEqual((code, document["accounts"][0]["verdict"]), (NOT_SEEN, "not seen"))
        self.assertIn("sts:AssumeRole", document["accounts"][0]["gaps"][0])

    def test_a_deployed_guard_is_asked_and_own_does_not_ask_it(self):
        self.double.scripted["Invoke"] = answer(self.member, verdict="Warn", state="Warned", instances={"counted": 4})
        code, document = self.ask("check")
        self.assertEqual((code, document["accounts"][0]["running"]), (6, 4))
        self.double.asked.clear()
        self.ask("check", "--own")
        self.assertNotIn("Invoke", self.double.asked)

    def test_nobody_is_halted_by_accident(self):
        self.double.scripted["Invoke"] = answer(self.member)
        code, said = self.say("halt", "physics")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("nothing was done", said)
        self.assertIn("say --yes", said)
        code, said = self.typed("phisics", "halt", "physics")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("that is not its name; nothing was done", said)
        self.assertNotIn("Invoke", self.double.asked)

    def test_a_halt_and_a_release_are_given_by_name_and_told_to_their_end(self):
        outcomes = [
            {"text": "stop 5 instances", "result": "done"},
            {"text": "deny everything to user ann", "result": "done"},
        ]
        self.double.scripted["Invoke"] = answer(
            self.member, outcomes=outcomes, halt={"contained": True, "seconds": 12.3}
        )
        code, said = self.typed("physics", "halt", "physics", "--reason", "miners")
        self.assertEqual(code, DONE, said)
        self.assertIn(f"physics ({self.member}) is Halted. Proven after 12.3 s.", said)
        self.assertIn("stop 5 instances", said)
        left = {
            "actions": [],
            "skipped": [{"item": "user ann", "reason": "stays as it is: the release does not name it"}],
        }
        self.double.scripted["Invoke"] = answer(self.member, state="Released", plan=left)
        code, said = self.say("release", self.member, "--yes", "--user", "bob")
        self.assertEqual(code, DONE, said)
        self.assertIn("left as it is: user ann", said)
        self.assertIn("--user", said)

    def test_what_failed_in_a_halt_is_an_exit_code(self):
        failed = [{"text": "stop 5 instances", "result": "failed", "reason": "the region does not answer"}]
        self.double.scripted["Invoke"] = answer(
            self.member, state="Halting", outcomes=failed, halt={"contained": False}
        )
        code, said = self.say("halt", "physics", "--yes")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("the region does not answer", said)
        self.assertIn("Not proven yet: the guard looks again in each sweep", said)

    def test_what_was_not_carried_out_is_not_called_done(self):
        cases = [
            (
                answer(self.member, state="Warned", mode="drill"),
                "“halt physics” was not carried out: physics is Warned, and its mode is drill",
            ),
            (answer(self.member, state=None, mode="pass"), "and its mode is pass"),
            (
                json.dumps(
                    {"statusCode": 200, "body": "envaction == pass voids lambda runawaytrain execution"}
                ).encode(),
                "envaction == pass voids",
            ),
        ]
        for said_by_the_guard, sentence in cases:
            self.double.scripted["Invoke"] = said_by_the_guard
            code, said = self.say("halt", "physics", "--yes")
            self.assertEqual(code, NOT_DONE, said)
            self.assertIn(sentence, said)
        released = json.loads(answer(self.member, state="Released"))
        released["report"]["undone"] = 3
        self.double.scripted["Invoke"] = json.dumps(released).encode()
        code, said = self.say("release", "physics", "--yes")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("3 steps were not done: give the order again.", said)

    def test_an_answer_that_was_too_long_is_not_all_is_well(self):
        self.double.scripted["Invoke"] = json.dumps(
            {"statusCode": 200, "body": "Swept.", "report": {"accounts": [], "totals": {"accounts": 900}}}
        ).encode()
        code, said = self.say("check")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("the guard's answer about 900 accounts was too long", said)

    def test_a_document_is_all_that_standard_output_holds(self):
        """Also where a person is asked: the question goes to standard error."""
        self.double.scripted["Invoke"] = answer(self.member, state="Halted", name="lab\u202e\x1b[31m")
        code, document = self.ask("halt", "physics", "--yes")
        self.assertEqual((code, document["report"]["accounts"][0]["name"]), (DONE, "lab\u202e\x1b[31m"))
        code, said = self.say("halt", "physics", "--yes", "--output", "json")
        self.assertNotIn("\x1b", said)
        self.assertNotIn("\u202e", said)

    def test_a_refusal_of_the_guard_is_its_own_sentence(self):
        self.double.scripted["Invoke"] = json.dumps(
            {"statusCode": 400, "body": "the account is not in the organization"}
        ).encode()
        code, said = self.say("halt", "physics", "--yes")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("the guard says: 400, “the account is not in the organization”", said)

    def test_without_a_guard_there_is_a_sentence_and_what_can_be_done(self):
        for words in (["status"], ["halt", "physics", "--yes"], ["release", "physics", "--yes"]):
            code, said = self.say(*words)
            self.assertEqual(code, NOT_DONE)
            self.assertIn("no guard is deployed in this account", said)
            self.assertIn("`check` and `drill` look by your own credentials", said)
        code, said = self.say("history", "physics")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("the guard remembers nothing of physics", said)

    def test_where_each_account_stands(self):
        self.remembered(
            {"account": PAYER, "name": "payer", "state": "Ok", "why": "within its limits"},
            {
                "account": self.member,
                "name": "physics",
                "state": "Frozen",
                "since": "2026-11-22T03:05:00Z",
                "why": "9 instances (limit 4)",
            },
        )
        code, text = self.say("status")
        self.assertEqual(code, OVER_LIMIT)
        lines = text.splitlines()
        self.assertLess(text.index("Frozen"), text.index("within its limits"), lines)
        self.assertIn("2026-11-22 03:05:00", text)
        code, document = self.ask("status", PAYER)
        self.assertEqual((code, [one["account"] for one in document["accounts"]]), (DONE, [PAYER]))
        code, said = self.say("status", "999999999999")
        self.assertEqual(code, NOT_SEEN)
        self.assertIn("999999999999 (999999999999): the guard remembers nothing of it", said)

    def test_advice_rests_on_the_hours_that_were_recorded(self):
        self.remembered({"account": self.member, "name": "physics", "state": "Ok", "why": "within its limits"})
        code, said = self.say("advise")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("no hour is recorded yet", said)
        client, now = self.moto.client("dynamodb"), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for hour in range(10 * 24):
            stored = {
                "pk": f"HISTORY#{self.member}",
                "sk": (now - timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "instances": 30 if hour % 24 == 3 else 2,
            }
            stored |= {"vcpus": 8, "burn": Decimal("0.4")}
            client.put_item(
                TableName="runawaytrain",
                Item={name: TypeSerializer().serialize(value) for name, value in stored.items()},
            )
        code, document = self.ask("advise", "physics", "--days", "30")
        [account] = document["accounts"]
        instances = account["limits"][0]
        self.assertEqual((code, account["isEnough"], instances["today"], instances["haltsToday"]), (DONE, True, 4, 10))
        self.assertEqual((instances["usual"], instances["advised"], instances["haltsAdvised"]), (30, 45, 0))
        code, said = self.say("advise")
        self.assertEqual(code, DONE, said)
        self.assertRegex(said, r"physics +10\.0 +instances +4 +10 +30 ")

    def test_bad_input_is_one_sentence_and_nothing_is_asked_of_the_guard(self):
        cases = [
            (["drill", "phisics"], "no account is called “phisics”"),
            (["check", "12345"], "“12345” is not an account id: it has 5 digits and not 12"),
            (["halt", "nobody", "--yes"], "no account is called “nobody”"),
        ]
        for words, sentence in cases:
            code, said = self.say(*words)
            self.assertEqual(code, NOT_DONE, said)
            self.assertIn(sentence, said)
        code, said = self.say("check", AWS_ENDPOINT_URL="http://127.0.0.1:9")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("AWS could not be reached for sts:GetCallerIdentity", said)
        code, said = self.say("check", AWS_CA_BUNDLE="/nowhere.pem")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("AWS_CA_BUNDLE names /nowhere.pem, which cannot be read", said)
        code, said = self.say("check", AWS_CA_BUNDLE=str(self.policy))
        self.assertIn("which has no certificate in it", said)
        self.write("payer: [\n")
        code, said = self.say("status")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("this is not YAML", said)
        self.assertNotIn("Invoke", self.double.asked)

    def test_credentials_of_another_account_are_refused_before_anything_is_asked(self):
        self.write(self.policy.read_text().replace(PAYER, "999999999999"))
        for words in (["check"], ["halt", "physics", "--yes"]):
            code, said = self.say(*words)
            self.assertEqual(code, NOT_DONE)
            self.assertIn(f"you are in account {PAYER}, and the policy's payer is 999999999999", said)
        self.assertEqual(set(self.double.asked), {"GetCallerIdentity"})
