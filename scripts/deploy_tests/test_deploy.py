"""A whole deployment: `cdk bootstrap`, `cdk diff`, `cdk deploy --all` and the look afterwards, through CloudFormation on moto.

Two things are bridged, only here. moto's CloudFormation makes no SCPs and so has no id of the quarantine policy: it comes by the CDK's own
user settings. And moto runs no Lambda: the drill's answer is scripted. `scripts/demo` plays the real function."""

import json
import unittest
from pathlib import Path

from . import payer
from .command import Command

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

    def setUp(self):
        super().setUp()
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

    def test_from_a_bare_account_to_a_drill_and_away(self):
        self.left_by_an_account("RunawayTrainAccounts07")
        code, said = self.deploy("--yes", "--cdk-bootstrap")
        self.assertEqual(code, 0, said)
        ours = {"RunawayTrainGuardrails", "RunawayTrain", "RunawayTrainAccounts11", "RunawayTrainEnrollment"}
        self.assertEqual({"CDKToolkit"} | ours, self.stacks())
        self.assertIn("✓ remove the stack RunawayTrainAccounts07", said)
        self.assertIn("mode: drill. The guard judges and reports, and touches nothing.", said)
        self.assertIn("AWS::Lambda::Function", said, "what would change is shown")
        # moto's CloudFormation makes no subscriptions, and nobody is taken for confirmed.
        self.assertRegex(said, r"Not subscribed(.|\n)*cloud-team@example.edu \(runawaytrain\)")
        self.assertRegex(said, r"111111111111 +physics-lab +Halt +9 +1 action")
        self.assertLess(said.index("physics-lab"), said.index("Ok"), "those that would be touched come first")
        topics = {topic["TopicArn"].rsplit(":", 1)[-1] for topic in self.moto.client("sns").list_topics()["Topics"]}
        self.assertLessEqual({"runawaytrain", "runawaytrain-111111111111"}, topics)

        code, said = self.run_it("--destroy", "--yes")
        self.assertEqual(code, 0, said)
        self.assertEqual({stack for stack in self.stacks() if stack.startswith("RunawayTrain")}, set())

    def test_unasked_nothing_is_deployed_and_a_first_proceed_is_warned_about(self):
        payer.bootstrapped(self.moto)
        self.left_by_an_account("RunawayTrainAccounts07")
        self.write(self.policy.read_text().replace("mode: drill\n", "mode: proceed\n", 1))
        code, said = self.deploy()
        self.assertEqual((code, self.stacks()), (1, {"CDKToolkit", "RunawayTrainAccounts07"}), said)
        self.assertIn(
            "No account has anything of its own in RunawayTrainAccounts07 any more: removed after the deployment.", said
        )
        self.assertIn("This is the first deployment", said)
        self.assertIn("Nothing was deployed.", said)


if __name__ == "__main__":
    unittest.main()
