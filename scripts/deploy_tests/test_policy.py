"""`runawaytrain policy`, `completions` and `man` as a person runs them: what they need is a file, and no AWS. Only
whether an account has an exception is not in the file."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from demo_lib.paths import OPERATOR, ROOT
from lib import ending

from . import payer
from .command import SECONDS

SAMPLE = ROOT / "runawaytrain.yaml"
# No credentials are to be found, wherever this runs, and nobody answers.
NO_AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
WITHOUT_CREDENTIALS_SECONDS = 60.0  # far below a second, but on a machine on which much else runs


class Policy:
    def __init__(self, folder: Path):
        self.folder = folder

    def run_it(self, *arguments: str | Path, seconds: float = SECONDS) -> tuple[int, str, str]:
        """The exit code, and what it said on each of its outputs, without credentials or a network to use."""
        env = {"PATH": os.environ["PATH"]} | NO_AWS
        done = ending.run(
            [OPERATOR, *arguments],
            seconds,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
        )
        assert "panicked" not in done.stderr
        assert "\x1b[" not in done.stdout, "no colour where there is no terminal"
        return done.returncode, done.stdout, done.stderr

    def explain(self, account: str, *more: str, seconds: float = SECONDS) -> tuple[int, str, str]:
        return self.run_it("policy", "explain", account, "--policy", SAMPLE, *more, seconds=seconds)

    def written(self, text: str) -> Path:
        file = self.folder / "policy.yaml"
        file.write_bytes(text.encode())
        return file


@pytest.fixture
def command(tmp_path: Path) -> Policy:
    return Policy(tmp_path)


def test_a_policy_is_one_line(command: Policy) -> None:
    code, said, _ = command.run_it("policy", "check", SAMPLE)
    assert (code, said) == (
        0,
        f"{SAMPLE} is a policy: payer 123456789012, 1 account with settings of its own, mode drill\n",
    )
    command.written(payer.SAMPLE)
    code, said, _ = command.run_it("policy", "check", "--policy", "policy.yaml")
    assert (code, said) == (
        0,
        "policy.yaml is a policy: payer 123456789012, no accounts with settings of their own, mode drill\n",
    )


def test_what_is_wrong_has_its_line_and_what_to_do(command: Policy, subtests: pytest.Subtests) -> None:
    cases = [
        (payer.SAMPLE + "schedul: 5m\n", "policy.yaml:15:1: schedul: unknown key.", "did you mean schedule?"),
        (
            payer.SAMPLE.replace("instances: 20", "instances: many"),
            "policy.yaml:11:23: defaults.limits.instances: must be a whole number",
            "docs/policy.md",
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
        with subtests.test(what):
            command.written(text)
            code, said, _ = command.run_it("policy", "check", "policy.yaml")
            assert code == 1
            assert f"✗ {what}" in said
            assert ("" if todo is None else todo) in said.partition("What to do: ")[2]
    code, said, _ = command.run_it("policy", "check", "nowhere.yaml")
    assert code == 1
    assert "nowhere.yaml cannot be read: No such file" in said


def test_what_holds_for_an_account_and_where_it_is_written(command: Policy) -> None:
    lines = SAMPLE.read_text().splitlines()
    code, said, _ = command.explain("physics-lab", "--offline", "--output", "json")
    assert code == 0
    answer = json.loads(said)
    assert answer["account"] == "111111111111"
    values = {one["key"]: one for one in answer["values"]}
    assert values["limits.instances"]["value"] == 4
    assert lines[values["limits.instances"]["line"] - 1] == "      instances: 4"
    assert lines[values["contain.roles"]["line"] - 1] == "    roles: revoke-sessions"
    assert (values["contain.root"]["value"], values["contain.root"]["from"], values["contain.root"]["line"]) == (
        "leave",
        "default",
        None,
    )
    code, said, _ = command.explain("123456789012", "--offline")
    assert code == 0
    assert "is not known" not in said
    assert re.search(r"(?m)^contain\.users +leave +payer$", said)
    assert re.search(r"(?m)^limits\.purchases +none +default$", said)


def test_without_credentials_what_the_file_says_is_told_and_that_there_may_be_an_exception(command: Policy) -> None:
    code, said, _ = command.explain("physics-lab", seconds=WITHOUT_CREDENTIALS_SECONDS)
    assert code == 0
    assert re.search(r"(?m)^limits\.instances +4 +", said)
    why = "there are no working credentials (none were found)"
    assert f"Whether it has an exception is not known: AWS: {why}" in said


def test_an_account_that_is_none_is_a_sentence(command: Policy) -> None:
    for account, sentence in (("chemistry", "no account is called “chemistry”"), ("1234", "it has 4 digits")):
        code, said, _ = command.explain(account, "--offline")
        assert code == 1
        assert sentence in said
        assert "What to do: " in said


def test_only_commands_with_a_document_answer_in_json(command: Policy) -> None:
    for arguments in (("policy", "check", SAMPLE), ("completions", "bash"), ("man",)):
        code, said, problem = command.run_it(*arguments, "--output", "json")
        assert (code, said) == (1, "")
        assert "this command does not answer in JSON" in problem


def test_pages_and_completions_leave_out_what_is_hidden(command: Policy) -> None:
    code, said, _ = command.run_it("man")
    assert code == 0
    assert said.lstrip().startswith(".ie"), said[:80]
    assert "doctor" in said
    assert "begun" not in said
    code, said, _ = command.run_it("man", "--dir", "pages/man1")
    assert code == 0
    pages = {page.name for page in (command.folder / "pages/man1").iterdir()}
    assert {"runawaytrain.1", "runawaytrain-policy.1", "runawaytrain-policy-check.1"} <= pages
    assert {page for page in pages if "confirm" in page or "credentials" in page} == set()
    assert f"{len(pages)} manual pages" in said
    _, script, _ = command.run_it("completions", "bash")
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")
