"""drill --live where no guard answers the launch: what is refused beforehand, and that nothing is ever left running."""

import json
import re
import signal
from pathlib import Path

import pytest

from demo_lib.paths import OPERATOR
from lib.watched import Watched, eventually

from . import payer
from .servers import PAYER, ScriptedDouble, environment
from .test_guarding import NOT_DONE, Guarding

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
REGION = "us-west-2"
INTERRUPTED = 130
PATIENCE = "10"
RUNNING_SECONDS = 120.0  # until it has launched, on a busy machine
ENDING_SECONDS = 120.0
NO_NETWORK = (
    b"<Response><Errors><Error><Code>VPCIdNotSpecified</Code><Message>No default VPC for this user</Message></Error>"
    b"</Errors><RequestID>1</RequestID></Response>"
)


def idle(account: str, **more: object) -> bytes:
    """As the guard answers a drill of an account in which nothing runs."""
    entry = {
        "account": account,
        "name": "canary",
        "state": "Ok",
        "verdict": "Ok",
        "instances": {"counted": 0, "exempt": 0},
    } | more
    return json.dumps({"statusCode": 200, "body": "Looked.", "report": {"accounts": [entry]}}).encode()


class Live(Guarding):
    name, text = "canary", POLICY

    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.double.scripted["Invoke"] = idle(self.member)
        self.remembered(self.standing("Ok"))

    def standing(self, state: str) -> dict[str, str]:
        """What the guard remembers of the canary."""
        return {"account": self.member, "name": self.name, "state": state, "why": "within its limits"}

    def instances(self) -> dict[str, str]:
        """Of the canary: the state of each, by id."""
        pages = payer.inside(self.moto, self.member, "ec2", REGION).get_paginator("describe_instances").paginate()
        reservations = [reservation for page in pages for reservation in page["Reservations"]]
        instances = [instance for reservation in reservations for instance in reservation["Instances"]]
        return {instance["InstanceId"]: instance["State"]["Name"] for instance in instances}

    def drill(self, *more: str) -> tuple[int, str]:
        return self.say("drill", "--live", *more)


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Live:
    return Live(double, tmp_path)


def test_where_nothing_comes_it_says_what_and_leaves_nothing_running(command: Live) -> None:
    code, said = command.drill("--yes", "--patience", PATIENCE)
    assert code == NOT_DONE, said
    assert re.search(r"\d s  running", said)
    late = f"“found: the account is being halted” did not come within {PATIENCE} s of what came last"
    assert f"{late}; look at: runawaytrain doctor --after" in said
    assert "cannot be told on an emulator" in said
    assert "is Ok, and nothing of the drill is left" in said
    assert list(command.instances().values()) == ["terminated"]
    assert command.double.asked.count("Invoke") == 1, "there is no halt to release"


def test_the_document_has_what_came_and_what_did_not(command: Live) -> None:
    code, document = command.ask("drill", "--live", "--yes", "--patience", PATIENCE)
    assert code == NOT_DONE
    assert [one["step"] for one in document["steps"]] == ["launched", "running"]
    assert document["missing"][0] == "found"
    assert (document["account"], document["region"]) == (command.member, REGION)
    assert (document["emulated"], document["left"]) == (True, [])
    assert list(command.instances()) == [document["instance"]]


def test_interrupted_it_still_terminates_the_instance(command: Live) -> None:
    words: list[str | Path] = [OPERATOR, "drill", "--live", "--yes", "--policy", command.policy]
    with Watched(words, environment(command.double.endpoint)) as program:

        def runs_or_has_ended() -> bool:
            return "running" in command.instances().values() or program.child.poll() is not None

        eventually(runs_or_has_ended, "the instance runs", RUNNING_SECONDS)
        program.child.send_signal(signal.SIGINT)
        assert program.ends(ENDING_SECONDS) == INTERRUPTED, program.said
    assert "interrupted: the instance is terminated and the account given back" in program.said
    assert list(command.instances().values()) == ["terminated"]


def test_what_could_not_be_terminated_is_named(command: Live) -> None:
    command.double.denied.add("TerminateInstances")
    code, said = command.drill("--yes", "--patience", PATIENCE)
    assert code == NOT_DONE, said
    [instance] = command.instances()
    may_run = f"{instance} may run in canary ({command.member})"
    assert f"{may_run}: needs permission ec2:TerminateInstances; terminate it" in said


def test_an_account_without_a_network_is_a_sentence(command: Live) -> None:
    command.double.refused["RunInstances"] = NO_NETWORK
    code, said = command.drill("--yes")
    assert code == NOT_DONE, said
    why = "the canary has no default VPC in that region, or no subnet in it"
    assert f"{why}: `aws ec2 create-default-vpc` there makes one" in said


def test_what_would_not_be_contained_is_refused_before_anything_is_launched(
    command: Live, subtests: pytest.Subtests
) -> None:
    text, member = command.text, command.member
    canary = f'canary: {{account: "{member}", region: {REGION}}}\n'
    cases = [
        (canary, "", "the policy names no canary"),
        (canary, canary.replace(member, PAYER), "is the payer, which no quarantine binds"),
        ("mode: proceed", "mode: drill", "is in drill, so a halt would touch nothing in it"),
        ("limits: {instances: 0}", "limits: {vcpus: 0}", f'accounts."{member}".limits.instances: 0'),
    ]
    for written, instead, sentence in cases:
        with subtests.test(sentence):
            assert written in text
            command.write(text.replace(written, instead))
            code, said = command.drill("--yes")
            assert code == NOT_DONE, said
            assert sentence in said
            assert "nothing was launched" in said
    command.write(text)
    command.double.scripted["Invoke"] = idle(member, instances={"counted": 2})
    assert "2 instances run in the canary" in command.drill("--yes")[1]
    command.double.scripted["Invoke"] = idle(member)
    assert "say --yes" in command.drill()[1]
    command.remember(command.standing("Halted"))
    assert f"runawaytrain release {member}" in command.drill("--yes")[1]
    assert "RunInstances" not in command.double.asked
    assert command.instances() == {}
