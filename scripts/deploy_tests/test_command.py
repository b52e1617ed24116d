"""`scripts/deploy` end to end: as a process, with the exit codes and sentences that a person gets."""

import re
import subprocess

import pytest

from demo_lib.paths import ROOT
from lib import ending

from . import payer
from .command import PROGRAM, SECONDS, Command

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def test_a_bare_account_has_every_missing_thing_named_and_mended_it_has_none(command: Command) -> None:
    command.write(payer.SAMPLE)
    made, root = payer.organization(command.moto)
    code, said = command.run_it("--check")
    assert code == 1
    for what in ("policy's ids", "StackSets access", "SCPs", "billing alerts", "trail", "CDK bootstrap"):
        assert re.search(rf"(?m)^missing +{what} ", said)
    assert "A deployment still needs: policy's ids, StackSets access, SCPs and CDK bootstrap." in said
    for cure in (
        f"enable-policy-type --root-id {root} ",
        "activate-organizations-access",
        "cdk bootstrap aws://123456789012/us-east-1",
        f"id: {made}, root: {root}",
    ):
        assert cure in said
    changes = [call for call in command.double.asked if not call.lower().startswith(("get", "describe", "list"))]
    assert changes == [], "--check only looks"

    payer.enable_scps(command.moto, root)
    payer.billing_alerts(command.moto)
    payer.trail(command.moto)
    payer.bootstrapped(command.moto)
    command.double.access = "ENABLED"
    command.write(payer.policy_text(made, root))
    code, said = command.run_it("--check", "--function", str(command.policy))
    assert code == 0, said
    assert "missing" not in said.split("Nothing that")[0]
    assert "Nothing that a deployment needs is missing." in said


def test_without_what_is_not_needed_it_is_ready_all_the_same(command: Command) -> None:
    made, root = payer.organization(command.moto)
    payer.enable_scps(command.moto, root)
    payer.bootstrapped(command.moto)
    command.double.access = "ENABLED"
    command.write(payer.policy_text(made, root))
    code, said = command.run_it("--check")
    assert code == 0, said
    assert re.search(r"It can do without .*billing alerts", said)


def test_no_credentials_a_bad_profile_no_network_and_denied(command: Command, subtests: pytest.Subtests) -> None:
    command.write(payer.SAMPLE)
    cases = [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, (), "there are no working credentials"),
        ({}, ("--profile", "nobody"), "there are no working credentials (profile nobody: none were found)"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, (), "could not be reached"),
    ]
    for env, arguments, sentence in cases:
        with subtests.test(sentence):
            code, said = command.run_it("--check", *arguments, **env)
            assert code == 1
            assert sentence in said
    command.double.denied = {"DescribeOrganization"}
    code, said = command.run_it("--check")
    assert code == 1
    assert re.search(r"cannot tell +organization +needs permission organizations:DescribeOrganization", said)


def test_a_policy_that_cannot_be_used(command: Command) -> None:
    code, said = command.run_it("--check")
    assert code == 1
    assert "cannot be read: No such file" in said
    command.write("payer: 123\n")
    code, said = command.run_it("--check")
    assert "all 12 digits, in quotes" in said


def test_each_switch_mends_its_own_thing_and_nothing_is_deployed_while_one_is_missing(command: Command) -> None:
    command.write(payer.SAMPLE)
    made, root = payer.organization(command.moto)
    code, said = command.run_it("--yes", "--fill-policy", "--activate-trusted-access", "--enable-scps")
    assert code == 1
    assert "A deployment still needs: CDK bootstrap." in said
    assert "Nothing was deployed." in said
    assert command.double.access == "ENABLED"
    types = command.moto.client("organizations").list_roots()["Roots"][0]["PolicyTypes"]
    assert [kind["Type"] for kind in types] == ["SERVICE_CONTROL_POLICY"]
    text = command.policy.read_text()
    assert f"id: {made} " in text
    assert f"root: {root}\n" in text
    assert text.replace(made, "o-exampleorg").replace(root, "r-exam") == payer.SAMPLE, "comments and all else stay"


def test_yes_alone_switches_nothing_on(command: Command) -> None:
    command.write(payer.SAMPLE)
    payer.organization(command.moto)
    code, said = command.run_it("--yes")
    assert code == 1
    assert "Nothing was deployed." in said
    assert (command.double.access, command.policy.read_text()) == ("DISABLED", payer.SAMPLE)
    assert command.moto.client("organizations").list_roots()["Roots"][0]["PolicyTypes"] == []


def test_ids_that_somebody_wrote_are_not_replaced(command: Command) -> None:
    text = payer.policy_text("o-aaaaaaaaaa", "r-aaaa")
    command.write(text)
    payer.organization(command.moto)
    code, _ = command.run_it("--yes", "--fill-policy")
    assert (code, command.policy.read_text()) == (1, text)


def test_a_members_id_never_becomes_the_payers(command: Command) -> None:
    command.write(payer.SAMPLE)
    payer.organization(command.moto)
    keys = payer.session_in(command.moto, payer.member(command.moto))
    code, said = command.run_it("--yes", "--fill-policy", **keys)
    assert (code, command.policy.read_text()) == (1, payer.SAMPLE), said
    assert "leads no organization" in said


def test_force_brings_nothing_that_is_missing(command: Command) -> None:
    made, root = payer.organization(command.moto)
    payer.enable_scps(command.moto, root)
    command.double.access = "ENABLED"
    command.write(payer.policy_text(made, root))
    code, said = command.run_it("--yes", "--force")
    assert code == 1
    assert "Nothing was deployed." in said


def said(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return ending.run([PROGRAM, *arguments], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# By the arms of its `case`, each of which ends in a bracket.
KNOWN = set(OPTION.findall(" ".join(re.findall(r"(?m)^ +-.*?\)", PROGRAM.read_text()))))


def test_the_help_names_every_option_and_no_other() -> None:
    done = said(["--help"])
    assert done.returncode == 0, done.stderr
    assert set(OPTION.findall(done.stdout)) == KNOWN


def test_the_page_about_deploying_names_every_option_and_no_other() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    section = page.split("\n## Options\n", 1)[1].split("\n## ", 1)[0]
    rows = "\n".join(line for line in section.splitlines() if line.startswith("| `--"))
    assert set(OPTION.findall(rows)) == KNOWN - {"--help"}


@pytest.mark.parametrize(
    "arguments",
    [["--check", "--destroy"], ["--check", "--enable-scps"], ["--destroy", "--fill-policy"], ["--nonsense"], ["--ch"]],
    ids=" ".join,
)
def test_what_contradicts_itself_is_refused(arguments: list[str]) -> None:
    done = said(arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
