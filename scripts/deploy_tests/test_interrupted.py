"""`scripts/deploy`, told to end: at a terminal, and in the background, where SIGINT is ignored and only SIGTERM is
left."""

import fcntl
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from demo_lib.paths import OPERATOR, ROOT
from lib.watched import Watched, eventually

from . import payer
from .command import PROGRAM, SECONDS, Command
from .servers import ScriptedDouble, environment

BACKGROUND = (signal.SIGINT,)
QUESTION = "Write your organization's ids into the policy file? [y/N]"


class Interrupted(Command):
    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.started = ExitStack()
        self.write(payer.SAMPLE)
        self.organization, self.root = payer.organization(self.moto)

    def start(self, *arguments: str, before: tuple[str, ...] = (), **how: Any) -> Watched:
        env = environment(self.double.endpoint) | {"TERM": "xterm", "RUNAWAYTRAIN_OPERATOR": str(OPERATOR)}
        # scripts/test attends its stages; a person at a terminal does not.
        env.pop("RUNAWAYTRAIN_ATTENDED", None)
        return self.started.enter_context(
            Watched([*before, str(PROGRAM), "--policy", str(self.policy), *arguments], env, **how)
        )

    def assert_nothing_was_changed(self, program: Watched, code: int) -> None:
        program.until("interrupted; nothing was changed")
        assert program.ends() == code
        assert "Traceback" not in program.said
        assert self.policy.read_text() == payer.SAMPLE


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Iterator[Interrupted]:
    command = Interrupted(double, tmp_path)
    with command.started:
        yield command


def test_ctrl_c_is_a_sentence(command: Interrupted) -> None:
    program = command.start(terminal=True)
    program.until(QUESTION)
    program.type(b"\x03")
    command.assert_nothing_was_changed(program, 130)


def test_in_the_background_sigterm_is_heard(command: Interrupted) -> None:
    program = command.start(terminal=True, ignoring=BACKGROUND)
    program.until(QUESTION)
    program.child.terminate()
    command.assert_nothing_was_changed(program, 143)


def test_nohup_outlives_its_terminal(command: Interrupted) -> None:
    program = command.start(terminal=True, ignoring=(*BACKGROUND, signal.SIGHUP))
    program.until(QUESTION)
    program.child.send_signal(signal.SIGHUP)
    program.child.terminate()
    command.assert_nothing_was_changed(program, 143)


def test_in_the_background_of_a_terminal_nobody_is_asked(command: Interrupted) -> None:
    """A question there would stop the process without a word."""
    shell = ("bash", "-c", 'set -m; "$@" & wait $!', "bash")
    program = command.start(before=shell, terminal=True)
    program.until("Nothing was deployed.")
    assert program.ends() == 1
    assert "[y/N]" not in program.said


def test_the_cdk_ends_too_and_what_stays_is_said(command: Interrupted) -> None:
    payer.enable_scps(command.moto, command.root)
    command.double.access = "ENABLED"
    command.write(payer.policy_text(command.organization, command.root))  # nothing but the bootstrap is missing
    command.double.held.add("CreateChangeSet")
    binary = command.folder / "bootstrap"
    binary.write_bytes(b"never run here")
    program = command.start("--yes", "--cdk-bootstrap", "--function", str(binary), ignoring=BACKGROUND)
    eventually(lambda: "CreateChangeSet" in command.double.asked, "the CDK began", SECONDS)
    program.child.terminate()
    program.until("interrupted; nothing was deployed; what was switched on stays on; run scripts/deploy again")
    assert program.ends() == 143
    eventually(lambda: command.double.let_go == ["CreateChangeSet"], "the CDK is gone")


@pytest.mark.skipif(not shutil.which("flock"), reason="the lock is taken only where there is flock")
def test_while_the_tools_are_installed(command: Interrupted) -> None:
    with (ROOT / ".tools" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = command.start("--check", ignoring=BACKGROUND)
        program.until("waiting for another script")
        program.child.terminate()
        command.assert_nothing_was_changed(program, 143)
