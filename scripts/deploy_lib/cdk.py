"""The CDK's command line, run as the identity that the preflight looked at."""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

from demo_lib import process, show
from demo_lib.paths import CDK, INFRA, LOGS, ROOT
from lib import ending

from .cloud import Cloud
from .contract import names

FOLDERS_KEPT = 5
# Whatever of these a person has set, the keys handed over must win.
_OTHER_IDENTITIES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SESSION_TOKEN")
HINT = "the sentence above is CloudFormation's or the CDK's own; the CloudFormation console shows each event of the stack."


class Cdk:
    def __init__(self, cloud: Cloud, options: argparse.Namespace):
        self.cloud, self.options = cloud, options
        self.output = ROOT / ".build" / "deploy" / "cdk.out"
        self.logs = _folder()

    def build(self) -> None:
        text = "build the Lambda (ten to fifteen minutes the first time, seconds later)"
        hint = "`scripts/build` shows the compiler's words in full."
        process.run(text, [ROOT / "scripts" / "build", "--arch", self.options.arch], self.logs / "build.log", hint, env=os.environ | ending.ATTENDED)

    def bootstrap(self, environment: str) -> None:
        self._run("cdk bootstrap", "bootstrap", environment)

    def diff(self) -> str:
        """What would change, in the CDK's words."""
        return self._run("compare with what is deployed (cdk diff)", "diff").read_text(errors="replace")

    def stacks(self) -> set[str]:
        """Those that the last command synthesized."""
        artifacts = json.loads((self.output / "manifest.json").read_text())["artifacts"]
        stacks = {name: one["properties"] for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
        # An artifact that is called as its stack is does not say so again.
        return {properties.get("stackName", name) for name, properties in stacks.items()}

    def deploy(self) -> None:
        # What a removed stack left behind, the table and the log, is taken over. Whether to deploy was asked before.
        self._run("deploy (cdk deploy --all)", "deploy", "--all", "--import-existing-resources", "--require-approval", "never")

    def _run(self, text: str, *arguments: str) -> Path:
        log = self.logs / f"cdk-{arguments[0]}.log"
        process.run(text, [CDK, *arguments, "--ci", "--no-notices", *self._context()], log, HINT, INFRA, self._environment())
        return log

    def _context(self) -> list[str]:
        made = ["-c", f"policy={self.options.policy.resolve()}", "-c", f"arch={self.options.arch}", "--output", str(self.output)]
        return made + (["-c", f"bootstrap={self.options.function.resolve()}"] if self.options.function else [])

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _OTHER_IDENTITIES}
        # Node's own notices about versions to come would stand amid what changes.
        quiet = {"NODE_NO_WARNINGS": "1"}
        colour = {"FORCE_COLOR": "1"} if show.console.is_terminal and not show.console.no_color else {"NO_COLOR": "1"}
        return kept | self.cloud.environment() | {"AWS_REGION": names.homeRegion, "AWS_DEFAULT_REGION": names.homeRegion} | quiet | colour


def _folder() -> Path:
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in sorted(LOGS.glob("deploy-*"))[: -(FOLDERS_KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)
    made = LOGS / f"deploy-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    made.mkdir()
    return made
