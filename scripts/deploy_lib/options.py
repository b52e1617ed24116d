"""The command line. Only the standard library is imported here."""

import argparse
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

TEXT = """\
Deploys runawaytrain to the payer account that runawaytrain.yaml names, in us-east-1.

It first looks at the account and says what is missing and how to mend it, then shows what would change, asks, and
deploys. Afterwards it says who has not confirmed their address yet, and asks the new guard for a drill, which touches
nothing. What the guard may do is the policy's `mode`; the sample says drill.

Nothing of your organization is switched on unless you say so, by an option or when asked.
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/deploy", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    made.add_argument("--check", action="store_true", help="only look: 0 when a deployment has all that it needs, else 1")
    made.add_argument("--yes", action="store_true", help="deploy, or destroy, without asking; it does not answer for the switches below")
    made.add_argument("--profile", metavar="NAME", help="the AWS profile whose credentials are used")
    made.add_argument("--policy", type=Path, default=ROOT / "runawaytrain.yaml", metavar="FILE", help="instead of runawaytrain.yaml")
    made.add_argument("--function", type=Path, metavar="FILE", help="deploy this built Lambda instead of building one")
    made.add_argument("--arch", choices=("x86_64", "arm64"), default="x86_64", help="of the Lambda; x86_64 unless told otherwise")
    made.add_argument("--destroy", action="store_true", help="remove everything that was deployed; state, journal and log are kept")
    made.add_argument("--force", action="store_true", help="go on where it would stop for safety: something needed cannot be told, or an account is halted")
    switches = made.add_argument_group("switches, each of them asked for at a terminal")
    switches.add_argument("--fill-policy", action="store_true", help="replace the sample's ids in the policy file by those of your organization")
    switches.add_argument("--activate-trusted-access", action="store_true", help="let CloudFormation StackSets work in the organization")
    switches.add_argument("--enable-scps", action="store_true", help="enable service control policies on the organization's root")
    switches.add_argument("--cdk-bootstrap", action="store_true", help="run `cdk bootstrap` in the payer account")
    return made


SWITCHES = ("fill_policy", "activate_trusted_access", "enable_scps", "cdk_bootstrap")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Refuses what contradicts itself, with exit code 2 as argparse does."""
    made = parser()
    options = made.parse_args(arguments)
    switches = ["--" + name.replace("_", "-") for name in SWITCHES if getattr(options, name)]
    if options.check and options.destroy:
        made.error("--check looks at what a deployment needs; it has nothing to say about --destroy")
    if options.check and switches:
        made.error(f"--check only looks and changes nothing; leave it away to use {switches[0]}")
    if options.destroy and switches:
        made.error(f"--destroy removes; {switches[0]} has no meaning with it")
    return options
