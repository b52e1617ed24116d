"""A whole deployment: `cdk bootstrap`, `cdk diff`, `cdk deploy --all` and the look afterwards, through CloudFormation
on moto.

Two things are bridged, only here. moto's CloudFormation makes no SCPs and so has no id of the quarantine policy: it
comes by the CDK's own user settings. And moto runs no Lambda: the drill's answer is scripted. `scripts/demo` plays the
real function."""

import json
import re
from pathlib import Path

import pytest

from . import payer
from .command import Command
from .servers import ScriptedDouble

pytestmark = pytest.mark.timeout(3600)
REPOSITORYS = (Path(__file__).parents[2] / "runawaytrain.yaml").read_text()
DRILL = {
    "statusCode": 200,
    "body": "Drilled 2 accounts.",
    "report": {
        "accounts": [
            {
                "account": "123456789012",
                "name": "payer",
                "verdict": "Ok",
                "unseen": False,
                "instances": {"counted": 0},
                "plan": {"actions": []},
                "gaps": [],
            },
            {
                "account": "111111111111",
                "name": "physics-lab",
                "verdict": "Halt",
                "unseen": False,
                "instances": {"counted": 9},
                "plan": {"actions": [{"text": "stop"}]},
                "gaps": [],
            },
        ]
    },
}


class Deploy(Command):
    # moto finds the CDK's templates by path only under this name.
    host = "localhost"

    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        made, root = payer.organization(self.moto)
        payer.enable_scps(self.moto, root)
        self.double.access = "ENABLED"
        self.double.scripted["Invoke"] = json.dumps(DRILL).encode()
        self.write(REPOSITORYS.replace("o-exampleorg", made).replace("r-exam", root))
        self.binary = self.folder / "bootstrap"
        self.binary.write_bytes(b"never run here")
        (self.folder / ".cdk.json").write_text(json.dumps({"context": {"quarantinePolicyId": "p-bridged00"}}))

    def deploy(self, *arguments: str) -> tuple[int, str]:
        return self.run_it("--function", str(self.binary), *arguments, HOME=str(self.folder))

    def stacks(self) -> set[str]:
        return {stack["StackName"] for stack in self.moto.client("cloudformation").describe_stacks()["Stacks"]}

    def left_by_an_account(self, stack: str) -> None:
        """An earlier deployment's stack, whose last account has lost its list since."""
        template = {
            "Resources": {
                "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "runawaytrain-222222222207"}}
            }
        }
        self.moto.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Deploy:
    return Deploy(double, tmp_path)


def test_from_a_bare_account_to_a_drill_and_away(command: Deploy) -> None:
    command.left_by_an_account("RunawayTrainAccounts07")
    code, said = command.deploy("--yes", "--cdk-bootstrap")
    assert code == 0, said
    ours = {"RunawayTrainGuardrails", "RunawayTrain", "RunawayTrainAccounts11", "RunawayTrainEnrollment"}
    assert {"CDKToolkit"} | ours == command.stacks()
    assert "✓ remove the stack RunawayTrainAccounts07" in said
    assert "mode: drill. The guard judges and reports, and touches nothing." in said
    assert "AWS::Lambda::Function" in said, "what would change is shown"
    # moto's CloudFormation makes no subscriptions, and nobody is taken for confirmed.
    assert re.search(r"Not subscribed(.|\n)*cloud-team@example.edu \(runawaytrain\)", said)
    assert re.search(r"111111111111 +physics-lab +Halt +9 +1 action", said)
    assert said.index("physics-lab") < said.index("Ok"), "those that would be touched come first"
    topics = {topic["TopicArn"].rsplit(":", 1)[-1] for topic in command.moto.client("sns").list_topics()["Topics"]}
    assert {"runawaytrain", "runawaytrain-111111111111"} <= topics

    code, said = command.run_it("--destroy", "--yes")
    assert code == 0, said
    assert {stack for stack in command.stacks() if stack.startswith("RunawayTrain")} == set()


def test_unasked_nothing_is_deployed_and_a_first_proceed_is_warned_about(command: Deploy) -> None:
    payer.bootstrapped(command.moto)
    command.left_by_an_account("RunawayTrainAccounts07")
    command.write(command.policy.read_text().replace("mode: drill\n", "mode: proceed\n", 1))
    code, said = command.deploy()
    assert (code, command.stacks()) == (1, {"CDKToolkit", "RunawayTrainAccounts07"}), said
    assert "The policy asks for nothing in RunawayTrainAccounts07 any more: removed after the deployment." in said
    assert "This is the first deployment" in said
    assert "Nothing was deployed." in said
