"""How the demo looks. Colour and motion only where there is a terminal; anything else is a log, one line a step."""

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

IS_TERMINAL = sys.stdout.isatty()
IS_COLOURED = IS_TERMINAL and not os.environ.get("NO_COLOR")
STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "alarm": "1;31",
    "fine": "1;32",
}
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
QUICK = (
    2.0  # seconds; a step that takes less needs no line of its own while it lasts, but its time is told all the same
)


def paint(text: str, style: str) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if IS_COLOURED and style else text


def say(text: str = "", style: str = "") -> None:
    print(paint(text, style), flush=True)


def heading(text: str) -> None:
    width = shutil.get_terminal_size((120, 24)).columns
    say(f"\n{paint(text, 'bold')} {paint('─' * max(0, width - len(text) - 2), 'dim')}")


def seconds(elapsed: float) -> str:
    if elapsed < 10:
        return f"{elapsed:.1f} s"
    return f"{elapsed:.0f} s" if elapsed < 90 else f"{int(elapsed // 60)} min {int(elapsed % 60)} s"


def last_line(log: Path) -> str:
    """The end of a log that is being written, as one clean line."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 2000))
            lines = [clean(line) for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line), "")


def clean(line: str) -> str:
    """A tool's line without its colours and other control characters."""
    return "".join(c for c in ESCAPES.sub("", line) if c.isprintable()).strip()


class Note:
    note: str = ""


@contextmanager
def step(text: str, log: Path | None = None) -> Iterator[Note]:
    """Shows that something is going on, and afterwards how long it took. The block may set `done.note`."""
    done, start, over = Note(), time.monotonic(), threading.Event()
    telling = threading.Thread(target=_move if IS_TERMINAL else _tell, args=(text, log, start, over), daemon=True)
    telling.start()
    try:
        yield done
    finally:
        over.set()
        telling.join()
    note = f" — {done.note}" if done.note else ""
    say(f"{paint('✓', 'green')} {text}{note} {paint(f'({seconds(time.monotonic() - start)})', 'dim')}")


def _move(text: str, log: Path | None, start: float, over: threading.Event) -> None:
    """The line that moves: what is being done, for how long, and the last thing that its log said."""
    for dot in cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
        line = f"{dot} {text} … {seconds(time.monotonic() - start)}   {last_line(log) if log else ''}"
        print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        if over.wait(0.1):
            break
    print("\r\x1b[K", end="", flush=True)


def _tell(text: str, _log: Path | None, _start: float, over: threading.Event) -> None:
    """Said beforehand only if it turns out long: a log of short steps keeps one line each."""
    if not over.wait(QUICK):
        say(f"  … {text}")
