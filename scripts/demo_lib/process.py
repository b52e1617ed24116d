"""Child processes. Each one leads its own process group, so that ending it ends whatever it started."""

import subprocess
from pathlib import Path
from typing import Any

from lib import ending

from . import show
from .paths import ROOT, short

_alive: dict[int, subprocess.Popen[bytes]] = {}


class StepFailed(Exception):
    """A step that did not work: what it was, its last words, and what to do."""

    def __init__(self, what: str, log: Path | None = None, hint: str = ""):
        super().__init__(what)
        self.what, self.log, self.hint = what, log, hint


def start(
    command: list[Any], log: Path, cwd: Path = ROOT, env: dict[str, Any] | None = None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _alive[child.pid] = child
    return child


def run(
    text: str,
    command: list[Any],
    log: Path,
    hint: str,
    cwd: Path = ROOT,
    env: dict[str, Any] | None = None,
    verbose: bool = False,
    seconds: float | None = None,
) -> None:
    """Runs a command to its end behind a moving line; its output goes to `log`. After `seconds`, if there are any, it
    is ended."""
    with show.step(text, log):
        child = start(command, log, cwd, env)
        try:
            finish(text, child, log, hint, seconds)
        finally:
            end(child)
    if verbose:
        show.say(log.read_text(errors="replace").rstrip(), "dim")


def finish(text: str, child: subprocess.Popen[bytes], log: Path, hint: str, seconds: float | None = None) -> None:
    """Waits for a command to end, and to end well."""
    assert isinstance(child.args, list)  # as `start` makes them
    name = Path(child.args[0]).name
    try:
        code = child.wait(seconds)
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{text}: `{name}` did not end within {show.seconds(seconds or 0)}", log, hint) from None
    if code != 0:
        raise StepFailed(f"{text}: `{name}` ended with code {code}", log, hint)


def end(child: subprocess.Popen[bytes]) -> None:
    ending.end(child)
    _alive.pop(child.pid, None)


def end_all() -> None:
    for child in list(_alive.values()):
        end(child)


def leave(child: subprocess.Popen[bytes]) -> None:
    """For --keep: this one outlives the demo."""
    _alive.pop(child.pid, None)


def tell(failure: StepFailed) -> None:
    """The failure as a person wants to read it."""
    show.say(f"\n✗ {failure.what}", "alarm")
    if failure.log and failure.log.exists():
        for line in failure.log.read_text(errors="replace").splitlines()[-15:]:
            show.say(f"  {show.clean(line)}", "dim")
        show.say(f"  The whole log: {short(failure.log)}")
    if failure.hint:
        show.say(f"  What to do: {failure.hint}")
