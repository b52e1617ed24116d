"""How findings look, and the last line about them."""

import os
import sys

from rich.text import Text

from demo_lib.show import console, table

from .finding import Finding, Verdict

_STYLE = {Verdict.OK: "green", Verdict.MISSING: "bold red", Verdict.UNKNOWN: "bold yellow"}
_SPARED = "yellow"


def show(findings: list[Finding]) -> None:
    made = table("What the deployment needs", "", "what", "finding")
    for one in findings:
        style = _STYLE[one.verdict] if one.needed or one.verdict is Verdict.OK else _SPARED
        made.add_row(Text(one.verdict.value, style=style), one.what, Text(one.said))
    console.print(made)
    to_mend = [one for one in findings if one.mend]
    if to_mend:
        console.print("\n[bold]To mend[/]")
    for one in to_mend:
        console.print(Text(f"  {one.what}" + ("" if one.needed else "   (not needed for a deployment)"), style="dim"))
        # Never broken into lines: it is there to be copied.
        exact, remark, words = one.mend.partition("   (")
        console.print(Text(f"    {exact}").append(remark + words, style="dim"), soft_wrap=True)
    console.print()
    console.print(Text(verdict(findings), style="bold green" if ready(findings) else "bold red"), soft_wrap=True)


def ready(findings: list[Finding]) -> bool:
    return not any(one.stops for one in findings)


def only_unknown(findings: list[Finding]) -> bool:
    """Whether all that stands in the way is what cannot be told, and may well be there. Credentials are not of that kind."""
    return findings[0].verdict is Verdict.OK and all(one.verdict is Verdict.UNKNOWN for one in findings if one.stops)


def verdict(findings: list[Finding]) -> str:
    stops = [one.what for one in findings if one.stops]
    spared = [one.what for one in findings if not one.stops and one.verdict is not Verdict.OK]
    without = f" It can do without {_and(spared)}." if spared else ""
    if not stops:
        return f"Nothing that a deployment needs is missing.{without}"
    return f"A deployment still needs: {_and(stops)}.{without}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def somebody_is_there() -> bool:
    """Whether a question can be asked. One in the background would only stop the process, without a word."""
    if not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # it is not the terminal that stops us
        return True


def ask(question: str) -> bool:
    """For a terminal only. Nothing typed means no."""
    console.print(Text(f"{question} [y/N] ", style="bold"), end="")
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
