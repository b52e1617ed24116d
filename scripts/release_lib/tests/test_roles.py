"""The two roles of RunawayTrainRelease against the CDK's own calls, on an emulator that refuses what a policy does not allow.

Their trust is GitHub's, which the emulator does not have, so each role is made here with the policy of the template and another trust.
"""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from botocore.exceptions import ClientError

from lib import ending
from release_lib.paths import CDK, INFRA
from release_lib.tests import emulator

SECONDS = 600  # a machine on which much else runs
PAYER = "123456789012"  # the sample policy's
LOOKUP = f"arn:aws:iam::{PAYER}:role/cdk-hnb659fds-lookup-role-{PAYER}-us-east-1"
ASSETS = f"cdk-hnb659fds-assets-{PAYER}-us-east-1"
# The guard's, and that of the one account which has a list of its own in the sample policy.
STACKS = ("RunawayTrain", "RunawayTrainAccounts*")
OLD = {"Resources": {"Old": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "from-an-older-release"}}}}


@unittest.skipUnless(emulator.ENDPOINT, emulator.WHY_SKIPPED)
class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="runawaytrain-roles-")
        cls.addClassCleanup(folder.cleanup)
        cls.temp = Path(folder.name)
        cls.assembly = cls.temp / "assembly"
        cls.admin = emulator.keys_of_admin(PAYER)
        binary = cls.temp / "bootstrap"
        binary.write_text("never run")
        # The emulator's CloudFormation knows no policies of Organizations, so the guard gets the id of one that needs no stack.
        context = [
            word
            for pair in (
                f"bootstrap={binary}",
                "quarantinePolicyId=p-examplepolicyid111",
                "releaseRepository=uni@12/guard@34",
            )
            for word in ("-c", pair)
        ]
        cls._must(cls._cdk(cls.admin, "synth", "--quiet", "--output", cls.assembly, *context, app=False))
        cls._must(cls._cdk(cls.admin, "bootstrap", f"aws://{PAYER}/{emulator.REGION}"))
        # It refuses plain HTTP, which is all that this emulator speaks here.
        emulator.client("s3", cls.admin).delete_bucket_policy(Bucket=ASSETS)
        for stack in ("RunawayTrain", "SomebodyElses"):
            emulator.client("cloudformation", cls.admin).create_stack(StackName=stack, TemplateBody=json.dumps(OLD))
        cls.roles = {name: cls._assume(name, policies) for name, policies in cls._made_by_the_stack().items()}
        # As in the pipeline: before anything is deployed.
        cls.differences = cls._cdk(cls.roles["RunawayTrainReleaseDiff"], "diff", *STACKS, "--method", "template")

    def test_the_differences_are_shown_with_the_rights_to_read_our_templates(self):
        keys = self.roles["RunawayTrainReleaseDiff"]
        self._must(self.differences)
        shown = self.differences.stdout + self.differences.stderr
        self.assertRegex(shown, r"\[-\] AWS::SNS::Topic Old")
        self.assertRegex(shown, r"\[\+\] AWS::Lambda::Function")
        self.assertRegex(shown, r"\[\+\] AWS::SNS::Topic Notify111111111111")
        self._refused(
            "GetTemplate", lambda: emulator.client("cloudformation", keys).get_template(StackName="SomebodyElses")
        )
        self._refused(
            "AssumeRole",
            lambda: emulator.client("sts", keys).assume_role(RoleArn=LOOKUP, RoleSessionName="not-before-an-approval"),
        )
        self._refused("Invoke", lambda: emulator.client("lambda", keys).invoke(FunctionName="runawaytrain"))

    def test_a_release_is_deployed_with_the_rights_to_become_the_roles_of_the_cdk(self):
        keys = self.roles["RunawayTrainRelease"]
        self._must(
            self._cdk(
                keys, "deploy", *STACKS, "--exclusively", "--import-existing-resources", "--require-approval", "never"
            )
        )
        function = emulator.client("lambda", self.admin).get_function_configuration(FunctionName="runawaytrain")
        self.assertEqual(function["Environment"]["Variables"]["quarantinepolicy"], "p-examplepolicyid111")
        topics = emulator.client("sns", self.admin).list_topics()["Topics"]
        self.assertIn(
            f"arn:aws:sns:us-east-1:{PAYER}:runawaytrain-111111111111", [topic["TopicArn"] for topic in topics]
        )
        # By itself it may do nothing but ask the function.
        self._refused("ListBuckets", lambda: emulator.client("s3", keys).list_buckets())
        self._refused(
            "UpdateStack",
            lambda: emulator.client("cloudformation", keys).update_stack(
                StackName="RunawayTrain", TemplateBody=json.dumps(OLD)
            ),
        )
        self._refused(
            "UpdateFunction",
            lambda: emulator.client("lambda", keys).update_function_configuration(
                FunctionName="runawaytrain", Timeout=3
            ),
        )

    def _refused(self, what: str, call):
        with self.subTest(what), self.assertRaises(ClientError) as refusal:
            call()
        self.assertIn("AccessDenied", refusal.exception.response["Error"]["Code"], what)

    @classmethod
    def _made_by_the_stack(cls) -> dict[str, list]:
        resources = json.loads((cls.assembly / "RunawayTrainRelease.template.json").read_text())["Resources"].values()
        roles = [one["Properties"] for one in resources if one["Type"] == "AWS::IAM::Role"]
        return {role["RoleName"]: role["Policies"] for role in roles}

    @classmethod
    def _assume(cls, name: str, policies: list) -> dict[str, str]:
        arn = emulator.make_role(name, {"AWS": f"arn:aws:iam::{PAYER}:root"}, cls.admin)
        for policy in policies:
            document = json.dumps(policy["PolicyDocument"])
            emulator.client("iam", cls.admin).put_role_policy(
                RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document
            )
        made = emulator.client("sts", cls.admin).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }

    @classmethod
    def _cdk(cls, keys: dict[str, str], *arguments, app: bool = True) -> subprocess.CompletedProcess:
        # Nothing of the person's own settings: a profile must not lead to a real account.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | keys
        environment |= {
            "AWS_ENDPOINT_URL": emulator.ENDPOINT,
            "AWS_REGION": emulator.REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_HOME": str(cls.temp / "cdk-home"),
        }
        command = [CDK, *arguments, *(["--app", cls.assembly] if app else []), "--ci", "--no-color", "--no-notices"]
        return ending.run(
            command, SECONDS, cwd=INFRA, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @staticmethod
    def _must(done: subprocess.CompletedProcess):
        if done.returncode != 0:
            raise AssertionError(
                f"{done.args[1]} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
