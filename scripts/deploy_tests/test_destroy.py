"""`scripts/deploy --destroy` on a payer that has everything."""

import json
import re
from pathlib import Path

import pytest

from . import payer
from .command import Command
from .servers import PAYER, ScriptedDouble, query_answer

DEPLOYED = (
    "RunawayTrainGuardrails",
    "RunawayTrain",
    "RunawayTrainAccounts07",
    "RunawayTrainAccounts11",
    "RunawayTrainEnrollment",
)
OURS = re.compile(r"RunawayTrain(Guardrails|Enrollment|CostReports|Accounts[01][0-9])?")
SETS = ("runawaytrain-member", "runawaytrain-member-region", "runawaytrain-member-alarms")
TEMPLATE = '{"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "%s"}}}}'


class Destroy(Command):
    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.organization, self.root = payer.whole(self.moto)
        self.write(payer.policy_text(self.organization, self.root))
        self.member = payer.member(self.moto)

    def deployed(self, halted: bool = False) -> None:
        """Of each kind one, as the stacks would have made it, and, `halted`, what a halt attaches."""
        formation, organizations = self.moto.client("cloudformation"), self.moto.client("organizations")
        for name in DEPLOYED:
            formation.create_stack(StackName=name, TemplateBody=TEMPLATE % name)
        for name in SETS:
            formation.create_stack_set(StackSetName=name, TemplateBody=TEMPLATE % name)
            formation.create_stack_instances(StackSetName=name, Accounts=[PAYER], Regions=["us-east-1"])
        content = json.dumps({"Version": "2012-10-17", "Statement": []})
        attached = (
            ("RunawayTrainQuarantine", self.member),
            ("RunawayTrainModels", self.member),
            ("RunawayTrainLockdown", self.member),
            ("RunawayTrainProtect", self.root),
        )
        for name, target in attached if halted else attached[-1:]:
            asked = {"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content}
            made = organizations.create_policy(**asked)["Policy"]["PolicySummary"]["Id"]
            organizations.attach_policy(PolicyId=made, TargetId=target)
        self.moto.client("logs").create_log_group(logGroupName="/aws/lambda/runawaytrain")
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        self.moto.client("dynamodb").create_table(
            TableName="runawaytrain", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
        )
        self.remember(self.member, "Ok")

    def remember(self, account: str, state: str) -> None:
        item = {"pk": {"S": "ACCOUNT"}, "sk": {"S": account}, "state": {"S": state}}
        self.moto.client("dynamodb").put_item(TableName="runawaytrain", Item=item)

    def stacks(self) -> set[str]:
        """Of those that a deployment makes."""
        found = self.moto.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"] for stack in found if OURS.fullmatch(stack["StackName"])}

    def attached(self, target: str) -> set[str]:
        client = self.moto.client("organizations")
        found = client.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")["Policies"]
        return {policy["Name"] for policy in found} - {"FullAWSAccess"}

    def instances(self) -> int:
        """In all stack sets that there are."""
        client = self.moto.client("cloudformation")
        return sum(len(client.list_stack_instances(StackSetName=name)["Summaries"]) for name in self.sets())

    def sets(self) -> set[str]:
        # By hand: moto does not filter by status.
        found = self.moto.client("cloudformation").list_stack_sets()["Summaries"]
        return {one["StackSetName"] for one in found if one["Status"] == "ACTIVE"}

    def members_topics(self) -> set[str]:
        """What the stacks of the sets made."""
        topics = {topic["TopicArn"].rsplit(":", 1)[-1] for topic in self.moto.client("sns").list_topics()["Topics"]}
        return topics & set(SETS)

    def assert_all_is_there(self) -> None:
        there = (self.stacks(), self.attached(self.member), self.instances())
        assert there == (set(DEPLOYED), {"RunawayTrainQuarantine", "RunawayTrainModels", "RunawayTrainLockdown"}, 3)


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Destroy:
    return Destroy(double, tmp_path)


def test_everything_goes_in_reverse_order_and_what_is_kept_is_named(command: Destroy) -> None:
    command.deployed()
    for name in ("RunawayTrainRelease", "RunawayTrainAccountsOfSomebodyElse"):
        command.moto.client("cloudformation").create_stack(StackName=name, TemplateBody=TEMPLATE % name)
    assert (command.stacks(), command.instances(), len(command.members_topics())) == (set(DEPLOYED), 3, 3)
    code, said = command.run_it("--destroy", "--yes")
    assert code == 0, said
    assert (command.stacks(), command.members_topics(), command.sets()) == (set(), set(), set())
    assert (command.attached(command.member), command.attached(command.root)) == (set(), set())
    tables = command.moto.client("dynamodb").list_tables()["TableNames"]
    assert tables == ["runawaytrain"]
    for cure in (
        "aws cloudformation delete-stack --region us-east-1 --stack-name RunawayTrainRelease",
        "aws dynamodb delete-table --region us-east-1 --table-name runawaytrain",
        "aws logs delete-log-group --region us-east-1 --log-group-name /aws/lambda/runawaytrain",
    ):
        assert cure in said
    order = (
        # The guard would take an account that loses its roles for one that thieves have shut it out of.
        "remove the stack RunawayTrainAccounts11 ",
        "remove the stack RunawayTrainAccounts07 ",
        "remove the stack RunawayTrain ",
        "remove 1 stack of runawaytrain-member-alarms ",
        "remove 1 stack of runawaytrain-member-region ",
        "remove 1 stack of runawaytrain-member ",
        "remove the stack RunawayTrainEnrollment ",
        "removed stack set runawaytrain-member-alarms",
        "removed stack set runawaytrain-member-region",
        "removed RunawayTrainProtect on",
        "remove the stack RunawayTrainGuardrails ",
    )
    places = [said.index(what) for what in order]
    assert places == sorted(places)
    assert "SomebodyElse" not in said

    code, said = command.run_it("--destroy", "--yes")
    assert code == 0
    assert "Nothing of runawaytrain is deployed here" in said


def test_it_goes_on_with_the_stacks_of_accounts_that_an_interruption_left(command: Destroy) -> None:
    for name in ("RunawayTrainAccounts03", "RunawayTrainAccounts19"):
        command.moto.client("cloudformation").create_stack(StackName=name, TemplateBody=TEMPLATE % name)
    code, said = command.run_it("--destroy", "--yes")
    assert (code, command.stacks()) == (0, set()), said


def test_what_cannot_be_removed_from_an_account_is_named_and_left_there_where_that_is_wanted(command: Destroy) -> None:
    """An operation that tolerates every failure is called a success."""
    command.deployed()
    # Scripted: in moto no stack of a set ever stays.
    left = (
        "<member><Account>999999999999</Account><Region>us-east-1</Region><Status>INOPERABLE</Status><StatusReason>no"
        " role</StatusReason></member>"
    )
    stays = query_answer("ListStackInstances", f"<Summaries>{left}</Summaries>")
    command.double.scripted["ListStackInstances"] = stays
    code, said = command.run_it("--destroy", "--yes")
    assert code == 1, said
    assert "runawaytrain-member-alarms is still in 1 place: 999999999999 us-east-1 (no role)" in said
    assert "--retain-stacks leaves its stack there" in said
    assert "RunawayTrain" not in command.stacks(), "the guard went first"
    assert "RunawayTrainEnrollment" in command.stacks()

    none = query_answer("ListStackInstances", "<Summaries/>")
    command.double.scripted["ListStackInstances"] = [stays, stays, none]
    code, said = command.run_it("--destroy", "--yes", "--retain-stacks")
    assert "left in these accounts, and forgotten: 999999999999 us-east-1 (no role)" in said
    assert len([one for one in command.double.asked if one == "DeleteStackInstances"]) == 3, "and once more to forget"
    del command.double.scripted["ListStackInstances"]
    code, said = command.run_it("--destroy", "--yes")
    assert (code, command.stacks(), command.sets()) == (0, set(), set()), said


def test_it_refuses_while_an_account_is_contained(command: Destroy, subtests: pytest.Subtests) -> None:
    command.deployed(halted=True)
    for state in ("Halted", "Halting", "Frozen"):
        with subtests.test(state):
            command.remember(command.member, state)
            code, said = command.run_it("--destroy", "--yes")
            assert code == 1
            assert f"{command.member} ({state})" in said
            assert "release each one first, runawaytrain release " in said
            command.assert_all_is_there()

    code, said = command.run_it("--destroy", "--yes", "--force")
    assert code == 0, said
    assert "can grow again" in said
    assert (command.stacks(), command.attached(command.member)) == (set(), set())


def test_without_the_table_whoever_is_quarantined_is_contained(command: Destroy) -> None:
    command.deployed(halted=True)
    command.moto.client("dynamodb").delete_table(TableName="runawaytrain")
    code, said = command.run_it("--destroy", "--yes")
    assert code == 1, said
    assert f"these accounts are contained: {command.member} (quarantined, and the table runawaytrain is gone" in said
    command.assert_all_is_there()


def test_a_state_that_only_a_newer_guard_knows_counts_as_contained(command: Destroy) -> None:
    command.deployed(halted=True)
    command.remember(command.member, "Chained")
    code, said = command.run_it("--destroy", "--yes")
    assert code == 1
    assert f"{command.member} (Chained, which this command does not know" in said
    command.assert_all_is_there()


def test_who_is_quarantined_is_contained_whatever_the_table_says(command: Destroy) -> None:
    command.deployed(halted=True)  # and the record says Ok: the table may have been made anew
    code, said = command.run_it("--destroy", "--yes")
    assert code == 1, said
    assert f"{command.member} (a policy of a halt is attached, though its record says otherwise)" in said
    command.assert_all_is_there()


def test_without_yes_and_without_a_terminal_nothing_is_removed(command: Destroy) -> None:
    command.deployed()
    code, said = command.run_it("--destroy")
    assert code == 1
    assert "Nothing was removed" in said
    assert (command.stacks(), command.instances()) == (set(DEPLOYED), 3)


def test_another_account_is_left_alone(command: Destroy) -> None:
    command.deployed()
    command.write(payer.policy_text(command.organization, command.root, payer="999999999999"))
    code, said = command.run_it("--destroy", "--yes")
    assert (code, command.stacks()) == (1, set(DEPLOYED))
    assert "999999999999" in said


def test_whoever_may_not_read_the_state_removes_nothing(command: Destroy) -> None:
    command.deployed()
    command.double.denied = {"Query"}
    code, said = command.run_it("--destroy", "--yes")
    assert (code, command.stacks()) == (1, set(DEPLOYED))
    assert "dynamodb:Query" in said
