"""`scripts/deploy` end to end: as a process, with the exit codes and sentences that a person gets."""

import re
import subprocess
import unittest

from demo_lib.paths import ROOT
from lib import ending

from . import payer
from .command import PROGRAM, SECONDS, Command

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


class Check(Command):
    def test_a_bare_account_has_every_missing_thing_named_and_mended_it_has_none(self):
        self.write(payer.SAMPLE)
        made, root = payer.organization(self.moto)
        code, said = self.run_it("--check")
        self.assertEqual(code, 1)
        for what in ("policy's ids", "StackSets access", "SCPs", "billing alerts", "trail", "CDK bootstrap"):
            self.assertRegex(said, rf"(?m)^missing +{what} ")
        self.assertIn("A deployment still needs: policy's ids, StackSets access, SCPs and CDK bootstrap.", said)
        for command in (
            f"enable-policy-type --root-id {root} ",
            "activate-organizations-access",
            "cdk bootstrap aws://123456789012/us-east-1",
            f"id: {made}, root: {root}",
        ):
            self.assertIn(command, said)
        changes = [call for call in self.double.asked if not call.lower().startswith(("get", "describe", "list"))]
        self.assertEqual(changes, [], "--check only looks")

        payer.enable_scps(self.moto, root)
        payer.billing_alerts(self.moto)
        payer.trail(self.moto)
        payer.bootstrapped(self.moto)
        self.double.access = "ENABLED"
        self.write(payer.policy_text(made, root))
        code, said = self.run_it("--check", "--function", str(self.policy))
        self.assertEqual(code, 0, said)
        self.assertNotIn("missing", said.split("Nothing that")[0])
        self.assertIn("Nothing that a deployment needs is missing.", said)

    def test_without_what_is_not_needed_it_is_ready_all_the_same(self):
        made, root = payer.organization(self.moto)
        payer.enable_scps(self.moto, root)
        payer.bootstrapped(self.moto)
        self.double.access = "ENABLED"
        self.write(payer.policy_text(made, root))
        code, said = self.run_it("--check")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"It can do without .*billing alerts")

    def test_no_credentials_a_bad_profile_no_network_and_denied(self):
        self.write(payer.SAMPLE)
        cases = [
            ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, (), "there are no working credentials"),
            ({}, ("--profile", "nobody"), "there are no working credentials (profile nobody: none were found)"),
            ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, (), "could not be reached"),
        ]
        for env, arguments, sentence in cases:
            with self.subTest(sentence):
                code, said = self.run_it("--check", *arguments, **env)
                self.assertEqual(code, 1)
                self.assertIn(sentence, said)
        self.double.denied = {"DescribeOrganization"}
        code, said = self.run_it("--check")
        self.assertEqual(code, 1)
        self.assertRegex(said, r"cannot tell +organization +needs permission organizations:DescribeOrganization")

    def test_a_policy_that_cannot_be_used(self):
        code, said = self.run_it("--check")
        self.assertEqual(code, 1)
        self.assertIn("cannot be read: No such file", said)
        self.write("payer: 123\n")
        code, said = self.run_it("--check")
        self.assertIn("all 12 digits, in quotes", said)


class Mend(Command):
    def test_each_switch_mends_its_own_thing_and_nothing_is_deployed_while_one_is_missing(self):
        self.write(payer.SAMPLE)
        made, root = payer.organization(self.moto)
        code, said = self.run_it("--yes", "--fill-policy", "--activate-trusted-access", "--enable-scps")
        self.assertEqual(code, 1)
        self.assertIn("A deployment still needs: CDK bootstrap.", said)
        self.assertIn("Nothing was deployed.", said)
        self.assertEqual(self.double.access, "ENABLED")
        types = self.moto.client("organizations").list_roots()["Roots"][0]["PolicyTypes"]
        self.assertEqual([kind["Type"] for kind in types], ["SERVICE_CONTROL_POLICY"])
        text = self.policy.read_text()
        self.assertIn(f"id: {made} ", text)
        self.assertIn(f"root: {root}\n", text)
        self.assertEqual(
            text.replace(made, "o-exampleorg").replace(root, "r-exam"), payer.SAMPLE, "comments and all else stay"
        )

    def test_yes_alone_switches_nothing_on(self):
        self.write(payer.SAMPLE)
        payer.organization(self.moto)
        code, said = self.run_it("--yes")
        self.assertEqual(code, 1)
        self.assertIn("Nothing was deployed.", said)
        self.assertEqual((self.double.access, self.policy.read_text()), ("DISABLED", payer.SAMPLE))
        self.assertEqual(self.moto.client("organizations").list_roots()["Roots"][0]["PolicyTypes"], [])

    def test_ids_that_somebody_wrote_are_not_replaced(self):
        text = payer.policy_text("o-aaaaaaaaaa", "r-aaaa")
        self.write(text)
        payer.organization(self.moto)
        code, said = self.run_it("--yes", "--fill-policy")
        self.assertEqual((code, self.policy.read_text()), (1, text))

    def test_a_members_id_never_becomes_the_payers(self):
        self.write(payer.SAMPLE)
        payer.organization(self.moto)
        member = self.moto.client("organizations").create_account(Email="lab@example.edu", AccountName="lab")[
            "CreateAccountStatus"
        ]["AccountId"]
        session = self.moto.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", RoleSessionName="me"
        )["Credentials"]
        keys = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
        code, said = self.run_it("--yes", "--fill-policy", **keys)
        self.assertEqual((code, self.policy.read_text()), (1, payer.SAMPLE), said)
        self.assertIn("leads no organization", said)

    def test_force_brings_nothing_that_is_missing(self):
        made, root = payer.organization(self.moto)
        payer.enable_scps(self.moto, root)
        self.double.access = "ENABLED"
        self.write(payer.policy_text(made, root))
        code, said = self.run_it("--yes", "--force")
        self.assertEqual(code, 1)
        self.assertIn("Nothing was deployed.", said)


def said(arguments: list[str]) -> subprocess.CompletedProcess:
    return ending.run([PROGRAM, *arguments], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Help(unittest.TestCase):
    # By the arms of its `case`, each of which ends in a bracket.
    KNOWN = set(
        OPTION.findall("\n".join(line for line in PROGRAM.read_text().splitlines() if re.match(r" +-.*\)", line)))
    )

    def test_the_help_names_every_option_and_no_other(self):
        done = said(["--help"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(OPTION.findall(done.stdout)), self.KNOWN)

    def test_the_readme_names_every_option_and_no_other(self):
        readme = (ROOT / "README.md").read_text()
        section = readme.split("\n## Deploy it\n", 1)[1].split("\n## ", 1)[0]
        rows = "\n".join(line for line in section.splitlines() if line.startswith("| `--"))
        self.assertEqual(set(OPTION.findall(rows)), self.KNOWN - {"--help"})

    def test_what_contradicts_itself_is_refused(self):
        for arguments in (
            ["--check", "--destroy"],
            ["--check", "--enable-scps"],
            ["--destroy", "--fill-policy"],
            ["--nonsense"],
            ["--ch"],
        ):
            with self.subTest(arguments):
                done = said(arguments)
                self.assertEqual(done.returncode, 2)
                self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
