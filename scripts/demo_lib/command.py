"""The operator at the demo: the command `runawaytrain`, as a person at the terminal or a program has it, with the
payer's key."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import ending

from . import show
from .cloud import Cloud
from .lambdas import Answer
from .paths import OPERATOR
from .process import StepFailed

SECONDS = 300.0  # a halt with its two clean passes takes eleven, and a busy machine takes its time
LIVE_SECONDS = 900.0  # a live drill, with its patience for each step
# Done, and what a look may have found: an account past a limit, contained, not seen whole or close to a limit.
DONE, FOUND = 0, (4, 5, 6)


@dataclass(frozen=True)
class Operator:
    cloud: Cloud
    policy: Path

    def show(self, *words: str) -> None:
        """What the command says to a person, on this screen."""
        show.say(f"\n$ runawaytrain {' '.join(words)}", "bold")
        done = ending.run(self._command(words), SECONDS, env=self.cloud.environment())
        if done.returncode not in (DONE, *FOUND):
            raise StepFailed(f"`runawaytrain {' '.join(words)}` ended with code {done.returncode}")

    def status(self) -> Answer:
        """What the guard remembers of every account, read in its table."""
        return Answer({"statusCode": 200, "report": json.loads(self._document("status"))}, "")

    def order(self, *words: str) -> Answer:
        """A halt or a release, to its end: the guard's own answer."""
        with show.step(f"runawaytrain {' '.join(words)}"):
            return Answer(json.loads(self._document(*words, "--yes")), "")

    def ask(self, *words: str, role: str | None = None) -> tuple[int, dict[str, Any], str]:
        """The exit code, the document that it answers (empty where it has none), and what it said besides."""
        entered = ("--role", role) if role else ()
        with show.step(" ".join(("runawaytrain", *words, *entered))):
            command = [*self._command((*words, *entered)), "--output", "json"]
            done = ending.run(
                command,
                LIVE_SECONDS,
                env=self.cloud.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr

    def _document(self, *words: str) -> str:
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [*self._command(words), "--output", "json"]
        done = ending.run(command, SECONDS, env=self.cloud.environment(), **piped)
        # An order that was carried out in part is told in the document.
        if not done.stdout.startswith("{"):
            raise StepFailed(
                f"`runawaytrain {' '.join(words)}` ended with code {done.returncode}: {done.stderr[-500:]}"
            )
        return done.stdout

    def _command(self, words: tuple[str, ...]) -> list[object]:
        return [OPERATOR, *words, "--policy", self.policy]
