"""`scripts/deploy` as a person runs it: a process of its own, before a moto with the scripted double."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from deploy_lib.options import ROOT
from lib import ending

from .servers import Moto, ScriptedDouble, environment

PROGRAM = ROOT / "scripts" / "deploy"
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
        env = {name: value for name, value in (environment(self.double.endpoint.replace("127.0.0.1", self.host)) | more).items() if value}
        command = [PROGRAM, "--policy", self.policy, *arguments]
        done = ending.run(command, SECONDS, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=os.sep)
        self.assertNotIn("Traceback", done.stdout)
        self.assertNotIn("\x1b[", done.stdout, "no colour where there is no terminal")
        return done.returncode, done.stdout
