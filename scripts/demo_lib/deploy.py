"""Deploys what an administrator deploys: the stacks by `cdk`, and the member templates in each account to enroll."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from lib import ending

from . import process, show
from .cast import LAUNCH_REGION, PAYER, SPEND_MONTH, Account
from .cloud import HOME_REGION, Client, Cloud, code_of
from .paths import (
    CDK,
    INFRA,
    MEMBER_ALARMS_TEMPLATE,
    MEMBER_REGION_TEMPLATE,
    MEMBER_TEMPLATE,
    ROOT,
    TARGET,
    Places,
    short,
)

STACK = "RunawayTrain"
# What accounts have of their own. Which there are depends on their ids, which the emulator gives.
ACCOUNT_STACKS = "RunawayTrainAccounts*"
GUARDRAILS = "RunawayTrainGuardrails"
# What a halt attaches, by the option that names it.
HALT_POLICIES = {
    "quarantinePolicyId": "RunawayTrainQuarantine",
    "modelsPolicyId": "RunawayTrainModels",
    "lockdownPolicyId": "RunawayTrainLockdown",
}
MEMBER_STACK, MEMBER_REGION_STACK, MEMBER_ALARMS_STACK = (
    "runawaytrain-member",
    "runawaytrain-member-region",
    "runawaytrain-member-alarms",
)
PACKAGE = "runawaytrain-function"
FUNCTION_ROLE = "RunawayTrainFunction"
BRIDGE = "demo-bridge-quarantine"
CDK_SECONDS = 1200  # on the emulator; a busy machine takes minutes
QUIETLY = ["--ci", "--no-color", "--no-notices"]
CDK_HINT = "the emulator's side is in emulator.log beside it; `scripts/test infra` checks the stack alone."


def build(places: Places, verbose: bool) -> Path:
    """Built for trying, from what the command is built from: what is shipped takes many times as long to compile."""
    process.run(
        "build the Lambda for trying (minutes the first time, seconds later)",
        ["cargo", "build", "--locked", "--workspace", "--bin", PACKAGE, "--manifest-path", ROOT / "Cargo.toml"],
        places.logs / "build.log",
        "the log has the compiler's words.",
        env=os.environ | {"CARGO_TARGET_DIR": str(TARGET)} | ending.ATTENDED,
        verbose=verbose,
    )
    binary = places.temp / "bootstrap"
    # Its debug information is larger than a Lambda may be.
    process.run(
        "strip it",
        ["strip", "-o", binary, TARGET / "debug" / PACKAGE],
        places.logs / "strip.log",
        "is strip installed?",
    )
    return binary


def environment(cloud: Cloud, places: Places) -> dict[str, str]:
    """For `cdk`: the emulator's endpoint and the payer's key."""
    own = {"NODE_EXTRA_CA_CERTS": cloud.certificate, "CDK_HOME": places.temp / "cdk-home", "TMPDIR": places.temp}
    return cloud.environment() | {name: str(path) for name, path in own.items()} | {"NO_COLOR": "1"}


@dataclass
class Deployment:
    """The guard's stack and those of accounts, as an administrator handles them."""

    cloud: Cloud
    places: Places
    policy: Path
    binary: Path
    verbose: bool
    halt_policies: dict[str, str] = field(default_factory=dict)

    def up(self, *stacks: str) -> None:
        """All of them, or only these."""
        # What a removed stack left behind, the table and the log, is taken over.
        self._cdk(
            "cdk deploy",
            "deploy",
            *(stacks or (STACK, ACCOUNT_STACKS)),
            "--exclusively",
            "--import-existing-resources",
            "--require-approval",
            "never",
        )
        self._bridge()

    def down(self) -> None:
        # A role with a policy that its stack does not know could not be deleted.
        self.cloud.admin("iam", PAYER).delete_role_policy(RoleName=FUNCTION_ROLE, PolicyName=BRIDGE)
        self._cdk("cdk destroy", "destroy", STACK, ACCOUNT_STACKS, "--force")

    def bootstrap(self) -> None:
        """The bootstrap needs nothing of the stacks, nor they of it until they are deployed: both at once."""
        aside, log = self.places.temp / "cdk-bootstrap", self.places.logs / "cdk-bootstrap.log"
        aside.mkdir()
        command = [CDK, "bootstrap", f"aws://{PAYER}/{HOME_REGION}", *QUIETLY]
        child = process.start(command, log, aside, environment(self.cloud, self.places))
        try:
            self._cdk("cdk synth, and cdk bootstrap beside it", "synth", "--quiet")
            process.finish("cdk bootstrap", child, log, CDK_HINT, CDK_SECONDS)
        finally:
            process.end(child)
        self.halt_policies = self._make_halt_policies()

    @property
    def output(self) -> Path:
        return self.places.temp / "cdk.out"

    def _cdk(self, text: str, *arguments: str) -> None:
        context = ["-c", f"policy={self.policy}", "-c", f"bootstrap={self.binary}", "--output", self.output]
        for option, policy in self.halt_policies.items():
            context += ["-c", f"{option}={policy}"]
        command = [CDK, *arguments, *QUIETLY, *context]
        log = self.places.logs / f"cdk-{arguments[0]}.log"
        process.run(
            text, command, log, CDK_HINT, INFRA, environment(self.cloud, self.places), self.verbose, CDK_SECONDS
        )

    def _make_halt_policies(self) -> dict[str, str]:
        """In the demo only: the emulator's CloudFormation knows no policies of Organizations, its API does."""
        resources = json.loads((self.output / f"{GUARDRAILS}.template.json").read_text())["Resources"].values()
        by_name = {
            one["Properties"]["Name"]: one["Properties"]
            for one in resources
            if one["Type"] == "AWS::Organizations::Policy"
        }
        with show.step(
            "bridge, only here: make the policies of a halt by API, since the emulator's CloudFormation cannot"
        ):
            return {option: self._make_policy(by_name[name]) for option, name in HALT_POLICIES.items()}

    def _make_policy(self, wanted: dict[str, Any]) -> str:
        # As CloudFormation sends it: with white space it would be longer than Organizations takes.
        content = json.dumps(wanted["Content"], separators=(",", ":"))
        made = self.cloud.admin("organizations", PAYER).create_policy(
            Name=wanted["Name"], Description=wanted.get("Description", ""), Type=wanted["Type"], Content=content
        )
        return made["Policy"]["PolicySummary"]["Id"]

    def _bridge(self) -> None:
        """In the demo only: the emulator evaluates every call of Organizations on the organization instead of on the
        policy and the account that the stack names."""
        quarantine = ["organizations:AttachPolicy", "organizations:DetachPolicy", "organizations:ListPoliciesForTarget"]
        document = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": quarantine, "Resource": "*"}]}
        )
        with show.step(
            f"bridge, only here: allow {FUNCTION_ROLE} the quarantine on everything, since the emulator does not tell"
            " a policy and an account apart"
        ):
            self.cloud.admin("iam", PAYER).put_role_policy(
                RoleName=FUNCTION_ROLE, PolicyName=BRIDGE, PolicyDocument=document
            )


def enroll(cloud: Cloud, accounts: list[Account], organization: str, places: Places) -> None:
    """What the StackSets do on AWS, in that order: one stack an account, one an account and each region of the policy,
    and one with alarms."""
    payer = {"PayerAccount": PAYER}

    def one(account: Account) -> None:
        for region, stack, template, parameters in (
            (HOME_REGION, MEMBER_STACK, MEMBER_TEMPLATE, payer | {"OrganizationId": organization}),
            (LAUNCH_REGION, MEMBER_REGION_STACK, MEMBER_REGION_TEMPLATE, payer),
            (HOME_REGION, MEMBER_ALARMS_STACK, MEMBER_ALARMS_TEMPLATE, payer | {"SpendMonth": SPEND_MONTH}),
        ):
            # With that account's own rights.
            _member_stack(
                cloud.admin("cloudformation", account.id, region), account, stack, template, parameters, places
            )

    with show.step(
        f"enroll {len(accounts)} account{'s' if len(accounts) > 1 else ''} with stacksets/{MEMBER_TEMPLATE.name},"
        f" {MEMBER_REGION_TEMPLATE.name} and {MEMBER_ALARMS_TEMPLATE.name}"
    ) as done:
        with ThreadPoolExecutor(len(accounts)) as pool:
            list(pool.map(one, accounts))
        done.note = ", ".join(account.name for account in accounts)


def _member_stack(
    client: Client, account: Account, stack: str, template: Path, parameters: dict[str, str], places: Places
) -> None:
    values = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    try:
        client.create_stack(
            StackName=stack, TemplateBody=template.read_text(), Parameters=values, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        client.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    except (ClientError, WaiterError) as error:
        hint = (
            f"`scripts/test templates` checks stacksets/{template.name}; the emulator's side is in"
            f" {short(places.logs / 'emulator.log')}."
        )
        raise process.StepFailed(
            f"{account.name} could not be enrolled: {error}{_reasons(client, stack)}", hint=hint
        ) from error


def _reasons(client: Client, stack: str) -> str:
    """Why a stack failed, as CloudFormation tells it event by event."""
    try:
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError as error:
        return f" ({code_of(error)})"
    reasons = [
        event["ResourceStatusReason"]
        for event in events
        if "FAILED" in event["ResourceStatus"] and event.get("ResourceStatusReason")
    ]
    return "".join(f"; {reason}" for reason in reasons[:3])
