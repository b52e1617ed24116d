"""The two lists of permissions, as Rust that nobody writes by hand."""

from collections.abc import Iterable
from pathlib import Path

HEAD = """\
//! What the function calls in a member account. Written by `scripts/privileges --update` from what the compiled adapters call; the stage
//! `privileges` of `scripts/test` fails where it is not that.
"""
OBSERVE = "What a sweep calls in a member account. Its session is limited to these, whatever the role may do."
CONTAIN = "What a halt and its release call in a member account besides."


def text(observe: Iterable[str], contain: Iterable[str]) -> str:
    return HEAD + "".join(_list(*one) for one in (("OBSERVE", OBSERVE, sorted(observe)), ("CONTAIN", CONTAIN, sorted(contain))))


def _list(name: str, meaning: str, actions: list[str]) -> str:
    lines = "".join(f'    "{action}",\n' for action in actions)
    return f"\n/// {meaning}\npub const {name}: [&str; {len(actions)}] = [\n{lines}];\n"


def write(file: Path, observe: Iterable[str], contain: Iterable[str]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text(observe, contain))
