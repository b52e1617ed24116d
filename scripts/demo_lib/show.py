"""How the demo looks. `rich` drops colour and motion by itself where the output is not a terminal."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)
if not console.is_terminal:
    # A log file is not 80 columns wide; tables and mails should not be broken there.
    console = Console(highlight=False, width=120)

QUICK = 2.0  # seconds; a step that takes less needs no moving picture, but its time is told all the same


def heading(text: str) -> None:
    console.print()
    console.rule(f"[bold]{escape(text)}[/]", align="left", style="dim")


def say(text: str) -> None:
    console.print(text)


def seconds(elapsed: float) -> str:
    if elapsed < 10:
        return f"{elapsed:.1f} s"
    return f"{elapsed:.0f} s" if elapsed < 90 else f"{int(elapsed // 60)} min {int(elapsed % 60)} s"


class _Moving:
    """The line that moves: what is being done, for how long, and the last thing that its log said."""

    def __init__(self, text: str, log: Path | None):
        self.text, self.log, self.start = text, log, time.monotonic()
        self.spinner = Spinner("dots", style="cyan")

    def __rich__(self):
        line = Text(f"{self.text} … {seconds(time.monotonic() - self.start)}")
        if self.log and (last := last_line(self.log)):
            line.append(f"   {last}", style="dim")
        line.truncate(console.width - 3, overflow="ellipsis")  # a spinner wraps what is too long, and then jumps
        self.spinner.text = line
        return self.spinner


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
    return "".join(c for c in Text.from_ansi(line).plain if c.isprintable()).strip()


@contextmanager
def step(text: str, log: Path | None = None):
    """Shows that something is going on, and afterwards how long it took. The block may set `done.note`."""
    done = Note()
    start = time.monotonic()
    if console.is_terminal:
        with Live(_Moving(text, log), console=console, refresh_per_second=10, transient=True):
            yield done
    else:
        # Said beforehand only if it turns out long: a log of short steps keeps one line each.
        timer = threading.Timer(QUICK, lambda: console.print(f"  … {escape(text)}"))
        timer.daemon = True
        timer.start()
        try:
            yield done
        finally:
            timer.cancel()
    note = f" — {escape(done.note)}" if done.note else ""
    console.print(f"[green]✓[/] {escape(text)}{note} [dim]({seconds(time.monotonic() - start)})[/]")


class Note:
    note: str = ""


def table(title: str, *columns: str | tuple[str, str]) -> Table:
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        pad_edge=False,
        padding=(0, 2),
    )
    for column in columns:
        name, justify = column if isinstance(column, tuple) else (column, "left")
        made.add_column(name, justify=justify, overflow="fold")
    return made
