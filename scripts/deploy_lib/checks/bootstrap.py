"""Whether the CDK has what it deploys with: a bucket, and roles."""

from ..contract import names
from ..finding import Finding, Remedy, missing, ok
from ..ground import Ground
from ..refusal import Kind, Refusal

PARAMETER, STACK = "/cdk-bootstrap/hnb659fds/version", "CDKToolkit"
# What the CDK's default synthesizer asks for. https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
LEAST = 6


def read(ground: Ground) -> int | None:
    """The version; None where it was not bootstrapped."""
    try:
        return int(ground.cloud.ask("ssm", "GetParameter", Name=PARAMETER)["Parameter"]["Value"])
    except Refusal as refusal:
        if refusal.code == "ParameterNotFound":
            return None
        if refusal.kind is not Kind.DENIED:
            raise
    return _from_stack(ground)


def _from_stack(ground: Ground) -> int | None:
    """For whom may not read the parameter: the stack's outputs say the same."""
    try:
        stack = ground.cloud.ask("cloudformation", "DescribeStacks", StackName=STACK)["Stacks"][0]
    except Refusal as refusal:
        if refusal.code == "ValidationError":  # CloudFormation's code for a stack that is not there
            return None
        raise
    return next((int(output["OutputValue"]) for output in stack.get("Outputs", []) if output["OutputKey"] == "BootstrapVersion"), 0)


def bootstrap(version: int | None, payer: str) -> Finding:
    what = "CDK bootstrap"
    mend = f"(cd infra && npx cdk bootstrap aws://{payer}/{names.homeRegion})   (or scripts/deploy --cdk-bootstrap)"
    if version is None:
        return missing(what, f"the CDK was never set up in {names.homeRegion} of this account", mend, remedy=Remedy.BOOTSTRAP)
    if version < LEAST:
        return missing(what, f"the CDK was set up long ago, version {version}; {LEAST} or newer is needed", mend, remedy=Remedy.BOOTSTRAP)
    return ok(what, f"version {version}")
