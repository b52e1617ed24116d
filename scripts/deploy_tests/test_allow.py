"""allow: limits that are raised for a time, as a person at a terminal and as a program order them, list them and take
them back; and where else an exception is told."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from . import payer
from .servers import PAYER, ScriptedDouble
from .test_guarding import DONE, NOT_DONE, NOT_SEEN, OVER_LIMIT, Guarding, answer

NOT_UNDERSTOOD = 2
LAST_DAY = datetime.now(UTC).date() + timedelta(days=7)
# A day counts to its end.
END = f"{LAST_DAY + timedelta(days=1)}T00:00:00Z"
TOLD_END = f"{LAST_DAY + timedelta(days=1)} 00:00:00 UTC"
RAISED = ("--instances", "200", "--burn", "40.5")
WITHIN = {"state": "Ok", "why": "within its limits"}
HOW_LONG = ("--until", str(LAST_DAY), "--reason", "the climate run")


def exception(until: str = END, **more: object) -> dict[str, Any]:
    """As `lambda/core/src/policy/exception.rs` writes it."""
    made = {"limits": {"instances": 200}, "made": "2026-11-22T03:00:00Z", "until": until, "reason": "the climate run"}
    return made | more


def excepted(account: str, **more: object) -> bytes:
    """As the guard answers `allow` and `revoke`: `lambda/core/src/message/report/exceptions.rs`."""
    notices = {"sent": 1, "waiting": 0}
    report = {"account": account, "name": "physics", "state": "Ok", "notices": notices} | more
    return json.dumps({"statusCode": 200, "body": "Done.", "report": report}).encode()


def refusal(status: int, body: str) -> bytes:
    return json.dumps({"statusCode": status, "body": body}).encode()


class Allowing(Guarding):
    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.me = self.moto.client("sts").get_caller_identity()["Arn"]
        self.double.asked.clear()

    def remember_exceptions(self) -> None:
        """One that holds, and one that has ended and that no sweep has taken out yet."""
        holds = exception(limits={"instances": 200, "burn": Decimal("40.5")}, by="arn:aws:iam::123456789012:user/ann")
        ended = exception("2026-11-23T00:00:00Z", limits={"vcpus": 900}, reason="a course")
        self.remembered(
            {"account": self.member, "name": "physics", "exception": holds} | WITHIN,
            {"account": PAYER, "name": "payer", "exception": ended} | WITHIN,
        )

    def ordered(self) -> list[dict[str, Any]]:
        """What the guard was told, each time."""
        return [json.loads(body) for body in self.double.bodies.get("Invoke", [])]


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Allowing:
    return Allowing(double, tmp_path)


def test_the_guard_is_told_what_until_when_why_and_by_whom(command: Allowing) -> None:
    made = exception(limits={"instances": 200, "burn": 40.5}, by=command.me)
    command.double.scripted["Invoke"] = excepted(command.member, exception=made)
    code, said = command.typed("", "allow", "physics", *RAISED, *HOW_LONG)
    assert code == DONE, said
    assert "make an exception for physics" in said
    assert f"physics ({command.member}) may have 200 instances and USD 40.50/hour until {TOLD_END}." in said
    assert "Then its own limits hold again." in said
    assert "release" not in said
    order = {"action": "allow", "account": command.member, "until": END, "reason": "the climate run", "by": command.me}
    assert command.ordered() == [order | {"limits": {"instances": 200, "burn": 40.5}}]
    assert command.me.startswith(f"arn:aws:sts::{PAYER}:")


def test_each_limit_can_be_raised_and_a_moment_is_itself(command: Allowing) -> None:
    command.double.scripted["Invoke"] = excepted(command.member, exception=exception())
    raised = ("--vcpus", "900", "--spend24h", "100", "--spend-month", "900.25", "--purchases", "50")
    until = ("--until", f"{LAST_DAY}T18:00+01:00", "--reason", "a course")
    code, said = command.say("allow", command.member, *raised, *until)
    assert code == DONE, said
    [order] = command.ordered()
    assert order["limits"] == {"vcpus": 900, "spend24h": 100, "spendMonth": 900.25, "purchases": 50}
    assert (order["account"], order["until"]) == (command.member, f"{LAST_DAY}T17:00:00Z")


def test_the_document_is_the_report_of_the_guard(command: Allowing) -> None:
    made = exception(reason="a run\u202e\x1b[31m", by=command.me)
    command.double.scripted["Invoke"] = excepted(command.member, exception=made)
    code, document = command.ask("allow", "physics", *RAISED, *HOW_LONG)
    assert (code, document["account"], document["exception"]) == (DONE, command.member, made)
    ended = excepted(command.member, ended=made)
    command.double.scripted["Invoke"] = ended
    code, document = command.ask("allow", "physics", "--revoke")
    assert (code, document) == (DONE, json.loads(ended)["report"])


def test_an_exception_ends_no_halt_and_says_so(command: Allowing) -> None:
    command.double.scripted["Invoke"] = excepted(command.member, exception=exception(), state="Halted")
    code, said = command.say("allow", "physics", *RAISED, *HOW_LONG)
    assert code == DONE, said
    assert f"It is Halted all the same: `runawaytrain release {command.member}` ends that." in said


def test_an_exception_is_taken_back(command: Allowing) -> None:
    command.double.scripted["Invoke"] = excepted(command.member, ended=exception())
    code, said = command.typed("", "allow", "physics", "--revoke")
    assert code == DONE, said
    assert "revoke the exception of physics" in said
    assert f"physics ({command.member}): its own limits hold again." in said
    assert command.ordered() == [{"action": "revoke", "account": command.member, "by": command.me}]


def test_the_exceptions_that_hold_are_listed(command: Allowing) -> None:
    command.remember_exceptions()
    code, said = command.typed("", "allow", "--list")
    assert code == DONE, said
    # Its cells may be broken: a terminal is narrow.
    for part in (command.member, "physics", "200 instances", str(LAST_DAY + timedelta(days=1)), "1 exception holds."):
        assert part in said
    for ended in ("vCPUs", "a course"):
        assert ended not in said
    code, document = command.ask("allow", "--list")
    holds = exception(limits={"instances": 200, "burn": 40.5}, by="arn:aws:iam::123456789012:user/ann")
    [listed] = document["exceptions"]
    assert (code, listed) == (DONE, {"account": command.member, "name": "physics", "exception": holds})
    assert "Invoke" not in command.double.asked, "the table is read, and the guard is not asked"


def test_the_exception_of_one_account_is_listed_alone(command: Allowing) -> None:
    command.remember_exceptions()
    code, document = command.ask("allow", "physics", "--list")
    assert (code, [one["account"] for one in document["exceptions"]]) == (DONE, [command.member])
    code, said = command.say("allow", PAYER, "--list")
    assert code == DONE, said
    assert "No exception holds." in said


def test_a_record_that_cannot_be_read_is_a_gap_and_no_exception_less(command: Allowing) -> None:
    command.remembered({"account": command.member, "name": "physics", "state": "Ok", "exception": exception()})
    code, said = command.say("allow", "--list")
    assert code == NOT_SEEN, said
    assert f"the record of account {command.member} cannot be read" in said
    assert "No exception holds." not in said
    code, document = command.ask("allow", "physics", "--list")
    assert (code, list(document["unreadable"])) == (NOT_SEEN, [command.member])


def test_what_somebody_wrote_into_a_reason_forges_no_line(command: Allowing) -> None:
    forged = exception(reason="a run\n2 exceptions hold.\u202e\x1b[31m")
    command.remembered({"account": command.member, "name": "physics", "exception": forged} | WITHIN)
    code, said = command.say("allow", "--list")
    assert code == DONE, said
    assert "1 exception holds." in said
    assert "2 exceptions hold." not in [line.strip() for line in said.splitlines()]
    assert not {"\x1b", "\u202e"} & set(said)


def test_status_tells_of_an_exception_that_holds(command: Allowing) -> None:
    command.remember_exceptions()
    code, said = command.say("status")
    assert code == DONE, said
    assert f"physics may have 200 instances and USD 40.50/hour until {TOLD_END}" in said
    assert said.count("may have") == 1
    code, document = command.ask("status", "physics")
    [account] = document["accounts"]
    assert (code, account["exception"]["until"]) == (DONE, END)


def test_check_tells_of_an_exception_that_holds(command: Allowing) -> None:
    looked = answer(command.member, verdict="Ok", state="Ok", instances={"counted": 40}, exception=exception())
    command.double.scripted["Invoke"] = looked
    code, said = command.say("check")
    assert code == DONE, said
    assert f"Exceptions\n  physics: 200 instances until {TOLD_END}" in said
    code, document = command.ask("check")
    assert (code, document["accounts"][0]["exception"]) == (DONE, exception())
    command.double.scripted["Invoke"] = answer(command.member, verdict="Halt", state="Ok")
    code, said = command.say("check")
    assert code == OVER_LIMIT, said
    assert "Exceptions" not in said


def test_policy_explain_tells_of_an_exception_that_holds_and_offline_asks_nothing(command: Allowing) -> None:
    command.remember_exceptions()
    command.double.asked.clear()
    code, said = command.say("policy", "explain", "physics", "--offline")
    assert code == DONE, said
    assert re.search(r"(?m)^limits\.instances +4 +", said), said
    assert "200" not in said
    assert command.double.asked == []
    code, said = command.say("policy", "explain", "physics")
    assert code == DONE, said
    assert re.search(rf"(?m)^limits\.instances +200 instances until {LAST_DAY + timedelta(days=1)} ", said), said
    assert "is not known" not in said
    for account, raised in (("physics", [("limits.instances", 200), ("limits.burn", 40.5)]), (PAYER, [])):
        code, document = command.ask("policy", "explain", account)
        assert code == DONE
        from_it = [(one["key"], one["value"]) for one in document["values"] if one["from"] == "exception"]
        assert from_it == raised, "and none that has ended"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["physics", *HOW_LONG], NOT_DONE, "no limit is named, so there is nothing to raise"),
        (["phisics", *RAISED, *HOW_LONG], NOT_DONE, "no account is called “phisics”"),
        (["phisics", "--revoke"], NOT_DONE, "no account is called “phisics”"),
        (["12345", *RAISED, *HOW_LONG], NOT_DONE, "“12345” is not an account id: it has 5 digits and not 12"),
        (
            ["physics", *RAISED, "--until", "tomorrow", "--reason", "x"],
            NOT_UNDERSTOOD,
            "write a day such as 2026-12-01",
        ),
        (["physics", *RAISED, "--until", "2026-02-30", "--reason", "x"], NOT_UNDERSTOOD, "write a day such as"),
        (["physics", "--burn", "much", *HOW_LONG], NOT_UNDERSTOOD, "write US dollars, such as 40 or 12.50"),
        (["physics", "--instances", "many", *HOW_LONG], NOT_UNDERSTOOD, "invalid value 'many' for '--instances"),
        (["physics", *RAISED, *HOW_LONG[:2]], NOT_UNDERSTOOD, "--reason <WORDS>"),
        (["physics", *RAISED, *HOW_LONG[2:]], NOT_UNDERSTOOD, "--until <DAY|MOMENT>"),
        (["physics", *RAISED, "--revoke"], NOT_UNDERSTOOD, "cannot be used with"),
        (["--list", "--revoke"], NOT_UNDERSTOOD, "'--list' cannot be used with '--revoke'"),
        ([*RAISED, *HOW_LONG], NOT_UNDERSTOOD, "<ACCOUNT>"),
    ],
)
def test_bad_input_is_one_sentence_and_the_guard_is_told_nothing(
    command: Allowing, words: list[str], code: int, sentence: str
) -> None:
    got, said = command.say("allow", *words)
    assert got == code, said
    assert sentence in said
    assert said.count("✗") == (1 if code == NOT_DONE else 0), said
    assert "Invoke" not in command.double.asked


def test_why_the_guard_refuses_is_its_own_sentence(command: Allowing) -> None:
    why = f'No exception was made for account {command.member}: "instances" is to be raised to 3, and 4 are allowed.'
    command.double.scripted["Invoke"] = refusal(400, why)
    code, said = command.say("allow", "physics", "--instances", "3", *HOW_LONG)
    assert code == NOT_DONE, said
    assert f"the guard says: 400, “{why}”" in said
    assert "nothing was touched; correct the request" in said
    assert "may have" not in said
    why = f"Account {command.member} has no exception, so there is none to revoke."
    command.double.scripted["Invoke"] = refusal(400, why)
    code, said = command.say("allow", "physics", "--revoke", "--output", "json")
    assert code == NOT_DONE, said
    assert said.startswith(f"✗ the guard says: 400, “{why}”"), "and no document"
    command.double.scripted["Invoke"] = refusal(
        500, "The exception could not be recorded, so nothing was changed: busy"
    )
    code, said = command.say("allow", "physics", *RAISED, *HOW_LONG)
    assert code == NOT_DONE, said
    assert "the guard says: 500" in said
    assert "aws logs tail" in said


def test_who_may_not_ask_the_guard_is_told_which_permission(command: Allowing) -> None:
    command.double.denied.add("Invoke")
    for words in ([*RAISED, *HOW_LONG], ["--revoke"]):
        code, said = command.say("allow", "physics", *words)
        assert code == NOT_DONE, said
        assert "✗ AWS: needs permission lambda:InvokeFunction" in said
        assert "allow lambda:InvokeFunction to whoever runs this, then run it again" in said
    command.remember_exceptions()
    command.double.denied.add("Query")
    code, said = command.say("allow", "--list")
    assert code == NOT_DONE, said
    assert "needs permission dynamodb:Query" in said
    assert "No exception holds" not in said, "a gap is no zero"


def test_without_a_guard_there_is_a_sentence_and_what_can_be_done(command: Allowing) -> None:
    """Neither its function nor its table is there."""
    for words in (["physics", *RAISED, *HOW_LONG], ["physics", "--revoke"], ["--list"], ["physics", "--list"]):
        code, said = command.say("allow", *words)
        assert code == NOT_DONE, said
        assert "✗ no guard is deployed in this account" in said
        assert "scripts/deploy" in said


def test_a_policy_that_does_not_parse_is_a_sentence_before_anything_is_asked(command: Allowing) -> None:
    for text, sentence in (("payer: [\n", "this is not YAML"), ("payer: 12\n", "policy.yaml:1")):
        command.write(text)
        for words in (["physics", *RAISED, *HOW_LONG], ["--list"]):
            code, said = command.say("allow", *words)
            assert code == NOT_DONE, said
            assert sentence in said
    command.policy.unlink()
    code, said = command.say("allow", "--list")
    assert code == NOT_DONE, said
    assert f"the policy {command.policy} cannot be read" in said
    assert command.double.asked == []


def test_a_profile_that_is_not_there_or_of_another_account_is_a_sentence(command: Allowing, tmp_path: Path) -> None:
    code, said = command.say("allow", "physics", *RAISED, *HOW_LONG, "--profile", "nobody")
    assert code == NOT_DONE, said
    assert "there are no working credentials (profile nobody: " in said
    assert command.double.asked == []
    session = payer.session_in(command.moto, command.member)
    keys = [f"{name.lower()} = {value}" for name, value in session.items()]
    credentials = tmp_path / "credentials"
    credentials.write_text("\n".join(["[physics]", *keys]) + "\n")
    of_the_member = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": os.devnull}
    for words in (["physics", *RAISED, *HOW_LONG], ["--list"]):
        code, said = command.say("allow", *words, "--profile", "physics", **of_the_member)
        assert code == NOT_DONE, said
        assert f"you are in account {command.member}, and the policy's payer is {PAYER}" in said
        assert f"use credentials of account {PAYER}" in said
    assert set(command.double.asked) == {"GetCallerIdentity"}
