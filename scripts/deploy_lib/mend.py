"""What this program switches on when somebody wants it to."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from demo_lib import show

from . import cdk, words
from .checks import access, organization, scps
from .contract import names
from .finding import Finding, Remedy
from .ground import Ground
from .policy import SAMPLE_ORGANIZATION, SAMPLE_PAYER, SAMPLE_ROOT, filled
from .refusal import Refusal

POLL_SECONDS, PATIENCE_SECONDS = 2, 60


def wanted(findings: list[Finding], options) -> list[Remedy]:
    """What is missing, can be mended here and was asked for, by an option or now at the terminal."""
    remedies = dict.fromkeys(one.remedy for one in findings if one.stops and one.remedy)
    return [remedy for remedy in remedies if getattr(options, remedy.option) or (words.somebody_is_there() and words.ask(remedy.question))]


def apply(remedy: Remedy, ground: Ground, runner: cdk.Cdk) -> None:
    doing: dict[Remedy, Callable[[Ground, cdk.Cdk], None]] = {
        Remedy.FILL_POLICY: fill_policy,
        Remedy.TRUSTED_ACCESS: activate_trusted_access,
        Remedy.SCPS: enable_scps,
        Remedy.BOOTSTRAP: bootstrap,
    }
    doing[remedy](ground, runner)


def fill_policy(ground: Ground, _: cdk.Cdk) -> None:
    """Only the sample's values are replaced: others were written by somebody, who may have meant them."""
    found = organization.read(ground)
    if found is None or found.payer != ground.identity.account:
        show.say("  this account leads no organization, so the policy file stays as it is")
        return
    policy, file = ground.policy, ground.options.policy
    values = {}
    if policy.payer == SAMPLE_PAYER:
        values[("payer",)] = ground.identity.account
    if policy.organization == SAMPLE_ORGANIZATION:
        values[("organization", "id")] = found.id
    if policy.root == SAMPLE_ROOT and found.roots:
        values[("organization", "root")] = found.roots[0]
    _replace(file.resolve(), filled(file.read_text(encoding="utf-8"), values))
    show.say(f"  wrote {', '.join(values.values())} into {show.escape(str(file))}")


def _replace(file: Path, text: str) -> None:
    """All of it or nothing: an interruption must not leave half a policy."""
    made = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        made.write_text(text, encoding="utf-8")
        shutil.copymode(file, made)
        made.replace(file)
    finally:
        made.unlink(missing_ok=True)


def activate_trusted_access(ground: Ground, _: cdk.Cdk) -> None:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
    with show.step("let StackSets work in the organization"):
        ground.cloud.ask("cloudformation", "ActivateOrganizationsAccess")
        _until(lambda: not access.access(access.read(ground)).stops)


def enable_scps(ground: Ground, _: cdk.Cdk) -> None:
    root = next(iter(ground.cloud.pages("organizations", "ListRoots", "Roots")))["Id"]
    with show.step(f"enable service control policies on {root}"):
        try:
            ground.cloud.ask("organizations", "EnablePolicyType", RootId=root, PolicyType=scps.TYPE)
        except Refusal as refusal:
            if refusal.code != "PolicyTypeAlreadyEnabledException":
                raise
        _until(lambda: scps.is_enabled(ground.cloud))


def _until(so: Callable[[], bool]) -> None:
    """AWS says yes before it is so. Whatever is not so after this is found missing by the next look."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not so() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def bootstrap(ground: Ground, runner: cdk.Cdk) -> None:
    runner.bootstrap(f"aws://{ground.identity.account}/{names.homeRegion}")
