"""`scripts/deploy` as a person runs it: a process of its own, before a moto with the scripted double."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from demo_lib.paths import ROOT
from lib import ending

from .servers import Moto, ScriptedDouble, environment

PROGRAM = ROOT / "scripts" / "deploy"
# What scripts/test builds.
OPERATOR = Path(os.environ["CARGO_TARGET_DIR"]) / "debug" / "runawaytrain"
SECONDS = 900  # a deployment takes one minute, and on a machine on which much else runs many


class Command(unittest.TestCase):
    host = "127.0.0.1"

    @classmethod
    def setUpClass(cls):
        cls.moto = Moto.start()
        cls.addClassCleanup(cls.moto.stop)

    def setUp(self):
        self.moto.reset()
        self.double = ScriptedDouble(self.moto)
        self.addCleanup(self.double.stop)
        folder = tempfile.TemporaryDirectory(prefix="runawaytrain-deploy-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.policy = self.folder / "policy.yaml"

    def write(self, text: str) -> None:
        self.policy.write_text(text)

    def run_it(self, *arguments: str, **more: str) -> tuple[int, str]:
        """The exit code and all that it said. `more` is further environment; an empty value takes a variable away."""
        return self._run([PROGRAM, "--policy", self.policy, *arguments], more)

    def ask(self, *arguments: str, **more: str) -> tuple[int, dict]:
        """What the command itself says to a program: the exit code and the document."""
        code, said = self._run([OPERATOR, *arguments, "--policy", self.policy, "--output", "json"], more)
        self.assertEqual(said[:1], "{", said)
        return code, json.loads(said)

    def _run(self, command: list, more: dict[str, str]) -> tuple[int, str]:
        endpoint = self.double.endpoint.replace("127.0.0.1", self.host)
        env = {
            name: value
            for name, value in (environment(endpoint) | {"RUNAWAYTRAIN_OPERATOR": str(OPERATOR)} | more).items()
            if value
        }
        done = ending.run(
            command, SECONDS, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=os.sep
        )
        self.assertNotIn("panicked", done.stdout)
        self.assertNotIn("\x1b[", done.stdout, "no colour where there is no terminal")
        return done.returncode, done.stdout
