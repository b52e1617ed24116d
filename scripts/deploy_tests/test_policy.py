"""`runawaytrain policy`, `completions` and `man` as a person runs them: what they need is a file, and no AWS."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from demo_lib.paths import ROOT
from lib import ending

from . import payer
from .command import OPERATOR, SECONDS

SAMPLE = ROOT / "runawaytrain.yaml"


class Policy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="runawaytrain-policy-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_it(self, *arguments: str | Path) -> tuple[int, str, str]:
        """The exit code, and what it said on each of its outputs, without credentials or a network to use."""
        env = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        done = ending.run(
            [OPERATOR, *arguments],
            SECONDS,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )
        self.assertNotIn("panicked", done.stderr)
        self.assertNotIn("\x1b[", done.stdout, "no colour where there is no terminal")
        return done.returncode, done.stdout, done.stderr

    def written(self, text: str) -> Path:
        file = self.folder / "policy.yaml"
        file.write_bytes(text.encode())
        return file

    def test_a_policy_is_one_line(self):
        code, said, _ = self.run_it("policy", "check", SAMPLE)
        self.assertEqual(
            (code, said),
            (0, f"{SAMPLE} is a policy: payer 123456789012, 1 account with settings of its own, mode drill\n"),
        )
        self.written(payer.SAMPLE)
        code, said, _ = self.run_it("policy", "check", "--policy", "policy.yaml")
        self.assertEqual(
            (code, said),
            (0, "policy.yaml is a policy: payer 123456789012, no accounts with settings of their own, mode drill\n"),
        )

    def test_what_is_wrong_has_its_line_and_what_to_do(self):
        cases = [
            (payer.SAMPLE + "schedul: 5m\n", "policy.yaml:15:1: schedul: unknown key.", "did you mean schedule?"),
            (
                payer.SAMPLE.replace("instances: 20", "instances: many"),
                "policy.yaml:11:23: defaults.limits.instances: must be a whole number",
                "README.md",
            ),
            (payer.SAMPLE.replace("instances: 20", ""), "policy.yaml:11:11: defaults.limits sets none of", None),
            (
                payer.SAMPLE.replace("  root", "\troot"),
                "policy.yaml:6:1: this is not YAML: ",
                "indent the line with spaces",
            ),
            (
                payer.SAMPLE.replace("\n", "\r\n") + "mode: drill\r\n",
                'policy.yaml:15:1: "mode" stands twice: first on line 9 and again on line 15',
                "keep one",
            ),
        ]
        for text, what, todo in cases:
            with self.subTest(what):
                self.written(text)
                code, said, _ = self.run_it("policy", "check", "policy.yaml")
                self.assertEqual(code, 1)
                self.assertIn(f"✗ {what}", said)
                self.assertIn("" if todo is None else todo, said.partition("What to do: ")[2])
        code, said, _ = self.run_it("policy", "check", "nowhere.yaml")
        self.assertEqual(code, 1)
        self.assertIn("nowhere.yaml cannot be read: No such file", said)

    def test_what_holds_for_an_account_and_where_it_is_written(self):
        lines = SAMPLE.read_text().splitlines()
        code, said, _ = self.run_it("policy", "explain", "physics-lab", "--policy", SAMPLE, "--output", "json")
        self.assertEqual(code, 0)
        answer = json.loads(said)
        self.assertEqual(answer["account"], "111111111111")
        values = {one["key"]: one for one in answer["values"]}
        self.assertEqual(values["limits.instances"]["value"], 4)
        self.assertEqual(lines[values["limits.instances"]["line"] - 1], "      instances: 4")
        self.assertEqual(lines[values["contain.roles"]["line"] - 1], "    roles: revoke-sessions")
        self.assertEqual(
            (values["contain.root"]["value"], values["contain.root"]["from"], values["contain.root"]["line"]),
            ("leave", "default", None),
        )
        code, said, _ = self.run_it("policy", "explain", "123456789012", "--policy", SAMPLE)
        self.assertEqual(code, 0)
        self.assertRegex(said, r"(?m)^contain\.users +leave +payer$")
        self.assertRegex(said, r"(?m)^limits\.purchases +none +default$")

    def test_an_account_that_is_none_is_a_sentence(self):
        for account, sentence in (("chemistry", "no account is called “chemistry”"), ("1234", "it has 4 digits")):
            code, said, _ = self.run_it("policy", "explain", account, "--policy", SAMPLE)
            self.assertEqual(code, 1)
            self.assertIn(sentence, said)
            self.assertIn("What to do: ", said)

    def test_only_commands_with_a_document_answer_in_json(self):
        for arguments in (("policy", "check", SAMPLE), ("completions", "bash"), ("man",)):
            code, said, problem = self.run_it(*arguments, "--output", "json")
            self.assertEqual((code, said), (1, ""))
            self.assertIn("this command does not answer in JSON", problem)

    def test_pages_and_completions_leave_out_what_is_hidden(self):
        code, said, _ = self.run_it("man")
        self.assertEqual(code, 0)
        self.assertTrue(said.lstrip().startswith(".ie"), said[:80])
        self.assertIn("doctor", said)
        self.assertNotIn("begun", said)
        code, said, _ = self.run_it("man", "--dir", "pages/man1")
        self.assertEqual(code, 0)
        pages = {page.name for page in (self.folder / "pages/man1").iterdir()}
        self.assertLessEqual({"runawaytrain.1", "runawaytrain-policy.1", "runawaytrain-policy-check.1"}, pages)
        self.assertEqual({page for page in pages if "confirm" in page or "credentials" in page}, set())
        self.assertIn(f"{len(pages)} manual pages", said)
        _, script, _ = self.run_it("completions", "bash")
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, timeout=60)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
