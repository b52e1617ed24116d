"""The two roles of RunawayTrainRelease against the CDK's own calls, on an emulator that refuses what a policy does not
allow.

Their trust is GitHub's, which the emulator does not have, so each role is made here with the policy of the template and
another trust."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo_lib.cloud import ADMIN_SECRET, HOME_REGION, code_of
from lib import ending
from lib.ministack import Ministack
from release_lib.paths import CDK, INFRA

pytestmark = pytest.mark.timeout(3600)
SECONDS = 600.0  # a machine on which much else runs
PAYER = "123456789012"  # the sample policy's
# The variables that hold an access key, or a session.
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
LOOKUP = f"arn:aws:iam::{PAYER}:role/cdk-hnb659fds-lookup-role-{PAYER}-us-east-1"
ASSETS = f"cdk-hnb659fds-assets-{PAYER}-us-east-1"
# The guard's, and that of the one account which has a list of its own in the sample policy.
STACKS = ("RunawayTrain", "RunawayTrainAccounts*")
OLD = {"Resources": {"Old": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "from-an-older-release"}}}}


def refused(what: str, call: Callable[[], object]) -> None:
    with pytest.raises(ClientError) as refusal:
        call()
    assert "AccessDenied" in code_of(refusal.value), what


def must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise AssertionError(
            f"{done.args[1]} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )


class Roles:
    def __init__(self, ministack: Ministack, temp: Path):
        self.ministack, self.temp, self.assembly = ministack, temp, temp / "assembly"
        self.admin = [PAYER, ADMIN_SECRET]
        binary = self.temp / "bootstrap"
        binary.write_text("never run")
        # The emulator's CloudFormation knows no policies of Organizations, so the guard gets the id of one that needs
        # no stack.
        context = [
            word
            for pair in (
                f"bootstrap={binary}",
                "quarantinePolicyId=p-examplepolicyid111",
                "releaseRepository=uni@12/guard@34",
            )
            for word in ("-c", pair)
        ]
        must(self.cdk(self.admin, "synth", "--quiet", "--output", self.assembly, *context, app=False))
        must(self.cdk(self.admin, "bootstrap", f"aws://{PAYER}/{HOME_REGION}"))
        # It refuses plain HTTP, which is all that this emulator speaks here.
        self.ministack.client("s3", PAYER).delete_bucket_policy(Bucket=ASSETS)
        for stack in ("RunawayTrain", "SomebodyElses"):
            self.ministack.client("cloudformation", PAYER).create_stack(StackName=stack, TemplateBody=json.dumps(OLD))
        self.roles = {name: self._assume(name, policies) for name, policies in self._made_by_the_stack().items()}
        # As in the pipeline: before anything is deployed.
        self.differences = self.cdk(self.roles["RunawayTrainReleaseDiff"], "diff", *STACKS, "--method", "template")

    def _made_by_the_stack(self) -> dict[str, list[dict[str, Any]]]:
        resources = json.loads((self.assembly / "RunawayTrainRelease.template.json").read_text())["Resources"].values()
        roles = [one["Properties"] for one in resources if one["Type"] == "AWS::IAM::Role"]
        return {role["RoleName"]: role["Policies"] for role in roles}

    def _assume(self, name: str, policies: list[dict[str, Any]]) -> list[str]:
        arn = self.ministack.role(PAYER, name)
        for policy in policies:
            document = json.dumps(policy["PolicyDocument"])
            self.ministack.client("iam", PAYER).put_role_policy(
                RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document
            )
        made = self.ministack.client("sts", PAYER).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return [made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]]

    def cdk(self, keys: list[str], *arguments: str | Path, app: bool = True) -> subprocess.CompletedProcess[str]:
        # Nothing of the person's own settings: a profile must not lead to a real account.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= dict(zip(KEYS, keys, strict=False)) | {
            "AWS_ENDPOINT_URL": self.ministack.endpoint,
            "AWS_REGION": HOME_REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_HOME": str(self.temp / "cdk-home"),
        }
        command = [CDK, *arguments, *(["--app", self.assembly] if app else []), "--ci", "--no-color", "--no-notices"]
        return ending.run(
            command, SECONDS, cwd=INFRA, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture(scope="module")
def roles(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Roles:
    return Roles(ministack, tmp_path_factory.mktemp("roles"))


def test_the_differences_are_shown_with_the_rights_to_read_our_templates(roles: Roles) -> None:
    keys = roles.roles["RunawayTrainReleaseDiff"]
    must(roles.differences)
    shown = roles.differences.stdout + roles.differences.stderr
    assert re.search(r"\[-\] AWS::SNS::Topic Old", shown)
    assert re.search(r"\[\+\] AWS::Lambda::Function", shown)
    assert re.search(r"\[\+\] AWS::SNS::Topic Notify111111111111", shown)
    refused(
        "GetTemplate", lambda: roles.ministack.client("cloudformation", *keys).get_template(StackName="SomebodyElses")
    )
    refused(
        "AssumeRole",
        lambda: roles.ministack.client("sts", *keys).assume_role(
            RoleArn=LOOKUP, RoleSessionName="not-before-an-approval"
        ),
    )
    refused("Invoke", lambda: roles.ministack.client("lambda", *keys).invoke(FunctionName="runawaytrain"))


def test_a_release_is_deployed_with_the_rights_to_become_the_roles_of_the_cdk(roles: Roles) -> None:
    keys = roles.roles["RunawayTrainRelease"]
    must(
        roles.cdk(
            keys, "deploy", *STACKS, "--exclusively", "--import-existing-resources", "--require-approval", "never"
        )
    )
    function = roles.ministack.client("lambda", PAYER).get_function_configuration(FunctionName="runawaytrain")
    assert function["Environment"]["Variables"]["quarantinepolicy"] == "p-examplepolicyid111"
    topics = roles.ministack.client("sns", PAYER).list_topics()["Topics"]
    assert f"arn:aws:sns:us-east-1:{PAYER}:runawaytrain-111111111111" in [topic["TopicArn"] for topic in topics]
    # By itself it may do nothing but ask the function.
    refused("ListBuckets", lambda: roles.ministack.client("s3", *keys).list_buckets())
    refused(
        "UpdateStack",
        lambda: roles.ministack.client("cloudformation", *keys).update_stack(
            StackName="RunawayTrain", TemplateBody=json.dumps(OLD)
        ),
    )
    refused(
        "UpdateFunction",
        lambda: roles.ministack.client("lambda", *keys).update_function_configuration(
            FunctionName="runawaytrain", Timeout=3
        ),
    )
