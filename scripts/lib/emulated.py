"""For tests: an emulator of AWS as a process of its own, which answers within a minute or is given up, and ends with
the tests."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def emulator(name: str, health: str, arguments: list[str], settings: dict[str, str]) -> Iterator[None]:
    """Runs the program `name` of this venv until `health` answers, and while the block runs."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    child = subprocess.Popen(
        command,
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(name, health, child)
        yield
    finally:
        end(child)


def wait_for(name: str, health: str, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        try:
            urllib.request.urlopen(health, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{name} did not answer within {START_SECONDS} s")


def end(child: subprocess.Popen[bytes]) -> None:
    """In our group, so that whoever ends that ends the emulator too."""
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
