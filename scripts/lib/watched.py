"""For tests: a program as a person at a terminal or a script in the background has it. Every wait for it has an end and
says of what."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from . import ending

SECONDS = 300.0  # a busy machine takes long to load the libraries


class Watched:
    """Runs in a session of its own, and ends with the test. Whatever signals the test itself ignores, it ignores only
    those of `ignoring`: what the shell starts in the background ignores SIGINT, and so does all that it starts."""

    def __init__(
        self,
        command: Iterable[str | Path],
        env: dict[str, str],
        ignoring: tuple[signal.Signals, ...] = (),
        terminal: bool = False,
        cwd: Path | None = None,
    ):
        self.said = ""
        ours, theirs = pty.openpty() if terminal else os.pipe()

        def prepare() -> None:
            for sign in ending.SIGNS:
                signal.signal(sign, signal.SIG_IGN if sign in ignoring else signal.SIG_DFL)
            if terminal:
                fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        reads = theirs if terminal else subprocess.DEVNULL
        how: dict[str, Any] = {
            "start_new_session": True,
            "preexec_fn": prepare,
            "pass_fds": [theirs] if terminal else [],
        }
        self.child = subprocess.Popen(
            [str(part) for part in command], env=env, stdin=reads, stdout=theirs, stderr=theirs, cwd=cwd, **how
        )
        os.close(theirs)
        self.terminal = ours

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        ending.end(self.child)
        os.close(self.terminal)

    def until(self, words: str, seconds: float = SECONDS) -> str:
        """All that was said until it said `words`."""
        end = time.monotonic() + seconds
        while words not in self.said:
            left = end - time.monotonic()
            if left <= 0:
                pytest.fail(f"{words!r} was not said within {seconds:g} s, only: {self.said}")
            if not self._read(left):
                pytest.fail(f"it ended without saying {words!r}: {self.said}")
        return self.said

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def ends(self, seconds: float = 30.0) -> int:
        """The exit code as a shell has it."""
        end = time.monotonic() + seconds
        while self._read(max(0.0, end - time.monotonic())):
            if time.monotonic() > end:
                break
        try:
            code = self.child.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            pytest.fail(f"it did not end within {seconds:g} s; it said: {self.said}")
        return code if code >= 0 else 128 - code

    def _read(self, seconds: float) -> bool:
        """False where nobody is left who could say anything."""
        if not select.select([self.terminal], [], [], min(seconds, 1.0))[0]:
            return True
        try:
            read = os.read(self.terminal, 4096)
        except OSError:  # of a terminal whose other side is closed
            return False
        self.said += read.decode("utf-8", "replace")
        return bool(read)


Watch = Callable[..., Watched]


def eventually(so: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not so():
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
