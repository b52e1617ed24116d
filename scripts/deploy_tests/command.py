"""`scripts/deploy` as a person runs it: a process of its own, before a moto with the scripted double."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, TypedDict

from demo_lib.paths import OPERATOR, ROOT
from lib import ending

from .servers import ScriptedDouble, environment

PROGRAM = ROOT / "scripts" / "deploy"
SECONDS = 900.0  # a deployment takes one minute, and on a machine on which much else runs many


class Finding(TypedDict):
    """A line of `runawaytrain doctor`."""

    what: str
    status: str
    needed: bool
    said: str
    cures: list[str]


class Command:
    host = "127.0.0.1"

    def __init__(self, double: ScriptedDouble, folder: Path):
        self.double, self.moto, self.folder = double, double.moto, folder
        self.policy = folder / "policy.yaml"

    def write(self, text: str) -> None:
        self.policy.write_text(text)

    def run_it(self, *arguments: str, **more: str) -> tuple[int, str]:
        """The exit code and all that it said. `more` is further environment; an empty value takes a variable away."""
        return self.run([PROGRAM, "--policy", self.policy, *arguments], more)

    def say(self, *arguments: str, **more: str) -> tuple[int, str]:
        """What the command itself says to a person, in a log."""
        return self.run([OPERATOR, *arguments, "--policy", self.policy], more)

    def ask(self, *arguments: str, **more: str) -> tuple[int, dict[str, Any]]:
        """What the command itself says to a program: the exit code and the document."""
        code, said = self.say(*arguments, "--output", "json", **more)
        assert said[:1] == "{", said
        document: dict[str, Any] = json.loads(said)
        return code, document

    def run(self, command: list[str | Path], more: dict[str, str]) -> tuple[int, str]:
        endpoint = self.double.endpoint.replace("127.0.0.1", self.host)
        settings = environment(endpoint) | {"RUNAWAYTRAIN_OPERATOR": str(OPERATOR)} | more
        env = {name: value for name, value in settings.items() if value}
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": os.sep}
        done = ending.run(command, SECONDS, env=env, **how)
        assert "panicked" not in done.stdout
        assert "\x1b[" not in done.stdout, "no colour where there is no terminal"
        return done.returncode, done.stdout
