"""Claims: sentences that the demo prints, each with the check that makes it true or false."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .show import paint, say


@dataclass
class Claims:
    held: int = 0
    false: list[str] = field(default_factory=list)
    quiet: bool = False

    def claim(self, sentence: str, *against: str | None) -> bool:
        """Prints the sentence. `against` is what speaks against it; nothing (or only None) means that it holds."""
        objections = [objection for objection in against if objection]
        if not objections:
            self.held += 1
            if not self.quiet:
                say(f"  {paint('✓', 'green')} {sentence}")
            return True
        self.false.append(sentence)
        say(f"  {paint('✗ FALSE:', 'alarm')} {sentence}")
        for objection in objections:
            say(f"      {objection}", "red")
        return False

    @contextmanager
    def again(self, sentence: str) -> Iterator[None]:
        """Claims that were read before: only what turned false is printed, and how many held."""
        held, false, self.quiet = self.held, len(self.false), True
        try:
            yield
        finally:
            self.quiet = False
        if len(self.false) == false:
            say(f"  {paint('✓', 'green')} {sentence} ({self.held - held} claims, checked again)")

    def last_line(self) -> str:
        total = self.held + len(self.false)
        if not total:
            return "no claim was checked"
        if not self.false:
            return f"{total} claims, all of them held"
        return f"{total} claims, {self.held} held, {len(self.false)} FALSE"


def unless(holds: bool, objection: str) -> str | None:
    return None if holds else objection


def _brief(value: object, most: int = 300) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def differences(what: str, before: Mapping[Any, object], after: Mapping[Any, object], most: int = 5) -> list[str]:
    """What is not as it was, in words; empty when all is."""
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    lines = [
        f"{what} {key}: was {_brief(before.get(key, 'absent'))}, is {_brief(after.get(key, 'gone'))}"
        for key in sorted(changed, key=str)[:most]
    ]
    if len(changed) > most:
        lines.append(f"and {len(changed) - most} more")
    return lines
