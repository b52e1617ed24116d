"""check, drill, halt, release, status and history, as a person at a terminal and as a program use them."""

import json
import os
import pty
import re
import select
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from demo_lib.paths import OPERATOR

from . import payer
from .command import Command
from .servers import PAYER, ScriptedDouble, environment

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
    """Its organization has one member, which the policy names."""

    name, text = "physics", POLICY

    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        organization, _ = payer.organization(self.moto)
        self.member = payer.member(self.moto, self.name)
        self.text = self.text.replace("MEMBER", self.member).replace("o-exampleorg", organization)
        self.write(self.text)

    def launch(self, number: int) -> None:
        self.moto.client("ec2").run_instances(
            ImageId="ami-12345678", InstanceType="t2.micro", MinCount=number, MaxCount=number
        )

    def remembered(self, *records: dict[str, Any]) -> None:
        """The guard's table, with these in it."""
        client = self.moto.client("dynamodb")
        keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        client.create_table(
            TableName="runawaytrain", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"
        )
        for record in records:
            self.remember(record)

    def remember(self, record: dict[str, Any]) -> None:
        """As `lambda/aws/src/ledger/record.rs` writes it."""
        whole = {"since": "2026-11-22T03:00:00Z", "judgement": "Ok"} | record
        stored = {"pk": "ACCOUNT", "sk": record["account"], "state": record["state"], "version": 1, "record": whole}
        self.moto.client("dynamodb").put_item(
            TableName="runawaytrain", Item={name: TypeSerializer().serialize(value) for name, value in stored.items()}
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


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Guarding:
    return Guarding(double, tmp_path)


def test_a_check_before_anything_is_deployed_sees_what_runs_and_changes_nothing(command: Guarding) -> None:
    command.launch(5)
    command.double.asked.clear()
    code, document = command.ask("check")
    accounts = {one["account"]: one for one in document["accounts"]}
    assert code == OVER_LIMIT
    assert document["accounts"][0]["account"] == PAYER, "the worst comes first"
    assert (accounts[PAYER]["verdict"], accounts[PAYER]["running"]) == ("Halt", 5)
    assert (accounts[command.member]["verdict"], accounts[command.member]["running"]) == ("Ok", 0)
    changes = [operation for operation in command.double.asked if not operation.startswith(READS)]
    assert changes == []
    code, said = command.say("check", "physics")
    assert code == DONE, said
    assert "By your own credentials and, in each other account, by the role OrganizationAccountAccessRole" in said
    assert PAYER not in said


def test_a_drill_says_what_a_halt_would_do_and_what_it_would_leave(command: Guarding) -> None:
    command.launch(5)
    command.moto.client("iam").create_user(UserName="ann")
    command.double.asked.clear()
    code, said = command.say("drill", PAYER)
    assert code == DONE, said
    assert "Halt; 5 instances running" in said
    assert "stop 5 instances in us-east-1" in said
    assert "Nothing was touched" in said
    assert [operation for operation in command.double.asked if not operation.startswith(READS)] == []
    assert command.ask("drill", PAYER)[1]["account"] == PAYER


def test_a_role_that_is_not_there_is_a_gap_and_no_zero(command: Guarding) -> None:
    command.double.denied.add("AssumeRole")
    code, document = command.ask("check", "physics")
    assert (code, document["accounts"][0]["verdict"]) == (NOT_SEEN, "not seen")
    assert "sts:AssumeRole" in document["accounts"][0]["gaps"][0]


def test_a_deployed_guard_is_asked_and_own_does_not_ask_it(command: Guarding) -> None:
    command.double.scripted["Invoke"] = answer(command.member, verdict="Warn", state="Warned", instances={"counted": 4})
    code, document = command.ask("check")
    assert (code, document["accounts"][0]["running"]) == (6, 4)
    command.double.asked.clear()
    command.ask("check", "--own")
    assert "Invoke" not in command.double.asked


def test_nobody_is_halted_by_accident(command: Guarding) -> None:
    command.double.scripted["Invoke"] = answer(command.member)
    code, said = command.say("halt", "physics")
    assert code == NOT_DONE
    assert "nothing was done" in said
    assert "say --yes" in said
    code, said = command.typed("phisics", "halt", "physics")
    assert code == NOT_DONE
    assert "that is not its name; nothing was done" in said
    assert "Invoke" not in command.double.asked


def test_a_halt_and_a_release_are_given_by_name_and_told_to_their_end(command: Guarding) -> None:
    outcomes = [
        {"text": "stop 5 instances", "result": "done"},
        {"text": "deny everything to user ann", "result": "done"},
    ]
    command.double.scripted["Invoke"] = answer(
        command.member, outcomes=outcomes, halt={"contained": True, "seconds": 12.3}
    )
    code, said = command.typed("physics", "halt", "physics", "--reason", "miners")
    assert code == DONE, said
    assert f"physics ({command.member}) is Halted. Proven after 12.3 s." in said
    assert "stop 5 instances" in said
    left = {"actions": [], "skipped": [{"item": "user ann", "reason": "stays as it is: the release does not name it"}]}
    command.double.scripted["Invoke"] = answer(command.member, state="Released", plan=left)
    code, said = command.say("release", command.member, "--yes", "--user", "bob")
    assert code == DONE, said
    assert "left as it is: user ann" in said
    assert "--user" in said


def test_what_failed_in_a_halt_is_an_exit_code(command: Guarding) -> None:
    failed = [{"text": "stop 5 instances", "result": "failed", "reason": "the region does not answer"}]
    command.double.scripted["Invoke"] = answer(
        command.member, state="Halting", outcomes=failed, halt={"contained": False}
    )
    code, said = command.say("halt", "physics", "--yes")
    assert code == NOT_DONE
    assert "the region does not answer" in said
    assert "Not proven yet: the guard looks again in each sweep" in said


def test_what_was_not_carried_out_is_not_called_done(command: Guarding) -> None:
    cases = [
        (
            answer(command.member, state="Warned", mode="drill"),
            "“halt physics” was not carried out: physics is Warned, and its mode is drill",
        ),
        (answer(command.member, state=None, mode="pass"), "and its mode is pass"),
        (
            json.dumps({"statusCode": 200, "body": "envaction == pass voids lambda runawaytrain execution"}).encode(),
            "envaction == pass voids",
        ),
    ]
    for said_by_the_guard, sentence in cases:
        command.double.scripted["Invoke"] = said_by_the_guard
        code, said = command.say("halt", "physics", "--yes")
        assert code == NOT_DONE, said
        assert sentence in said
    released = json.loads(answer(command.member, state="Released"))
    released["report"]["undone"] = 3
    command.double.scripted["Invoke"] = json.dumps(released).encode()
    code, said = command.say("release", "physics", "--yes")
    assert code == NOT_DONE
    assert "3 steps were not done: give the order again." in said


def test_an_answer_that_was_too_long_is_not_all_is_well(command: Guarding) -> None:
    command.double.scripted["Invoke"] = json.dumps(
        {"statusCode": 200, "body": "Swept.", "report": {"accounts": [], "totals": {"accounts": 900}}}
    ).encode()
    code, said = command.say("check")
    assert code == NOT_DONE
    assert "the guard's answer about 900 accounts was too long" in said


def test_a_document_is_all_that_standard_output_holds(command: Guarding) -> None:
    """Also where a person is asked: the question goes to standard error."""
    command.double.scripted["Invoke"] = answer(command.member, state="Halted", name="lab\u202e\x1b[31m")
    code, document = command.ask("halt", "physics", "--yes")
    assert (code, document["report"]["accounts"][0]["name"]) == (DONE, "lab\u202e\x1b[31m")
    code, said = command.say("halt", "physics", "--yes", "--output", "json")
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_refusal_of_the_guard_is_its_own_sentence(command: Guarding) -> None:
    command.double.scripted["Invoke"] = json.dumps(
        {"statusCode": 400, "body": "the account is not in the organization"}
    ).encode()
    code, said = command.say("halt", "physics", "--yes")
    assert code == NOT_DONE
    assert "the guard says: 400, “the account is not in the organization”" in said


def test_without_a_guard_there_is_a_sentence_and_what_can_be_done(command: Guarding) -> None:
    for words in (["status"], ["halt", "physics", "--yes"], ["release", "physics", "--yes"]):
        code, said = command.say(*words)
        assert code == NOT_DONE
        assert "no guard is deployed in this account" in said
        assert "`check` and `drill` look by your own credentials" in said
    code, said = command.say("history", "physics")
    assert code == NOT_DONE
    assert "the guard remembers nothing of physics" in said


def test_where_each_account_stands(command: Guarding) -> None:
    command.remembered(
        {"account": PAYER, "name": "payer", "state": "Ok", "why": "within its limits"},
        {
            "account": command.member,
            "name": "physics",
            "state": "Frozen",
            "since": "2026-11-22T03:05:00Z",
            "why": "9 instances (limit 4)",
        },
    )
    code, text = command.say("status")
    assert code == OVER_LIMIT
    lines = text.splitlines()
    assert text.index("Frozen") < text.index("within its limits"), lines
    assert "2026-11-22 03:05:00" in text
    code, document = command.ask("status", PAYER)
    assert (code, [one["account"] for one in document["accounts"]]) == (DONE, [PAYER])
    code, said = command.say("status", "999999999999")
    assert code == NOT_SEEN
    assert "999999999999 (999999999999): the guard remembers nothing of it" in said


def test_advice_rests_on_the_hours_that_were_recorded(command: Guarding) -> None:
    command.remembered({"account": command.member, "name": "physics", "state": "Ok", "why": "within its limits"})
    code, said = command.say("advise")
    assert code == NOT_DONE
    assert "no hour is recorded yet" in said
    client, now = command.moto.client("dynamodb"), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for hour in range(10 * 24):
        stored: dict[str, object] = {
            "pk": f"HISTORY#{command.member}",
            "sk": (now - timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "instances": 30 if hour % 24 == 3 else 2,
        }
        stored |= {"vcpus": 8, "burn": Decimal("0.4")}
        client.put_item(
            TableName="runawaytrain", Item={name: TypeSerializer().serialize(value) for name, value in stored.items()}
        )
    code, document = command.ask("advise", "physics", "--days", "30")
    [account] = document["accounts"]
    instances = account["limits"][0]
    assert (code, account["isEnough"], instances["today"], instances["haltsToday"]) == (DONE, True, 4, 10)
    assert (instances["usual"], instances["advised"], instances["haltsAdvised"]) == (30, 45, 0)
    code, said = command.say("advise")
    assert code == DONE, said
    assert re.search(r"physics +10\.0 +instances +4 +10 +30 ", said)


def test_bad_input_is_one_sentence_and_nothing_is_asked_of_the_guard(command: Guarding) -> None:
    cases = [
        (["drill", "phisics"], "no account is called “phisics”"),
        (["check", "12345"], "“12345” is not an account id: it has 5 digits and not 12"),
        (["halt", "nobody", "--yes"], "no account is called “nobody”"),
    ]
    for words, sentence in cases:
        code, said = command.say(*words)
        assert code == NOT_DONE, said
        assert sentence in said
    code, said = command.say("check", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert code == NOT_DONE
    assert "AWS could not be reached for sts:GetCallerIdentity" in said
    code, said = command.say("check", AWS_CA_BUNDLE="/nowhere.pem")
    assert code == NOT_DONE
    assert "AWS_CA_BUNDLE names /nowhere.pem, which cannot be read" in said
    code, said = command.say("check", AWS_CA_BUNDLE=str(command.policy))
    assert "which has no certificate in it" in said
    command.write("payer: [\n")
    code, said = command.say("status")
    assert code == NOT_DONE
    assert "this is not YAML" in said
    assert "Invoke" not in command.double.asked


def test_credentials_of_another_account_are_refused_before_anything_is_asked(command: Guarding) -> None:
    command.write(command.policy.read_text().replace(PAYER, "999999999999"))
    for words in (["check"], ["halt", "physics", "--yes"]):
        code, said = command.say(*words)
        assert code == NOT_DONE
        assert f"you are in account {PAYER}, and the policy's payer is 999999999999" in said
    assert set(command.double.asked) == {"GetCallerIdentity"}
