"""How a command ends when it is told to, at a terminal and in the background, and with it whatever it started. Only the
standard library."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIGNS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# For the environment of a script that we start: it needs no process group of its own, for we end the one it is in.
# lib/attend.sh reads it.
ATTENDED = {"RUNAWAYTRAIN_ATTENDED": "yes"}
PATIENCE = 5.0  # seconds


class Interrupted(BaseException):
    """Ctrl-C, a closed terminal or a polite kill: not an Exception, so that no handler on the way swallows it."""

    def __init__(self, sign: int):
        super().__init__(signal.Signals(sign).name)
        self.code = 128 + sign  # as a shell has it


class TookTooLong(Exception):
    """A command that had its time: which, how long, and its last words."""


def listen() -> None:
    """From here on a signal to end raises `Interrupted`. A process in the background ignores SIGINT from its start, and
    under nohup SIGHUP; that stays so, and then SIGTERM is the one that it hears."""
    for sign in SIGNS:
        if sign == signal.SIGTERM or signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, _interrupt)


def _interrupt(sign: int, _frame: object) -> None:
    raise Interrupted(sign)


def listen_no_more() -> None:
    """For clearing up: an impatient second signal would leave processes behind."""
    for sign in SIGNS:
        signal.signal(sign, signal.SIG_IGN)


def run(command: Sequence[object], seconds: float | None = None, **how: Any) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run`, without an input. What the command started ends with it: at its end, after `seconds`, or
    when we are told to end."""
    words = [str(part) for part in command]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True, **how) as child:
        try:
            out, errors = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as late:
            said = "\n".join(_text(part) for part in (late.stdout, late.stderr) if part)
            raise TookTooLong(
                f"{Path(words[0]).name} {' '.join(words[1:])} did not end within {seconds:g} s; its last words:"
                f" {said[-3000:] or 'none'}"
            ) from None
        finally:
            end(child)
    return subprocess.CompletedProcess(words, child.returncode, out, errors)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def end(child: subprocess.Popen[bytes], patience: float = PATIENCE) -> None:
    """Ends the whole group that `child` leads: politely, then not. The leader may be gone while its children live
    on."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except (ProcessLookupError, PermissionError):
            break
        until = time.monotonic() + patience
        while time.monotonic() < until and _group_lives(child):
            time.sleep(0.05)
    child.poll()


def _group_lives(child: subprocess.Popen[bytes]) -> bool:
    child.poll()  # a finished leader stays in its group until it is waited for
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
