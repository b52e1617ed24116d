"""What `lambda/aws` can call, by the compiler's word: the compiled crate names every operation of the SDK that it sends.

The SDK has a function for each operation that can be sent; one that our code calls is named in our object code, and no other is. So
neither a comment nor a test nor a macro can deceive it. Where in the source a call is made tells which role makes it.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .names import action, actions_of_transaction

SENT = re.compile(r"\b(aws_sdk_\w+)::operation::(\w+)::(?:builders::\w+FluentBuilder|paginator::\w+Paginator)::send\b")
# The kinds of items that a transaction is put together of.
ITEM = re.compile(r"\baws_sdk_dynamodb::types::_transact_(?:write|get)_item::Transact(?:Write|Get)ItemBuilder::(put|update|delete|condition_check|get)\b")
METADATA = re.compile(r'Metadata::new\(\s*"(\w+)"')
SIGNED_FOR = re.compile(r'SigningName::from_static\(\s*"([\w-]+)"')
TESTS = "#[cfg(test)]"


class Blind(Exception):
    """The compiled crate or the source does not look as this expects, so nothing follows from it."""


@dataclass
class Operation:
    """One operation and from where it is called."""

    crate: str
    method: str
    actions: tuple[str, ...]
    modules: set[str] = field(default_factory=set)
    in_session: bool = False


def symbols(library: Path) -> str:
    return subprocess.run(["nm", "-C", str(library)], capture_output=True, text=True, check=False).stdout


def operations(named: str, crates: dict[str, Path], source: Path) -> list[Operation]:
    """From the symbols of the compiled crate, the folders of the SDK's crates, and the crate's own source."""
    sent = sorted(set(SENT.findall(named)))
    if not sent:
        raise Blind("the compiled crate names no operation of the SDK; does `nm -C` know how Rust names things?")
    kinds = {kind.title().replace("_", "") for kind in ITEM.findall(named)}
    modules = _modules(source)
    session = _clients_of_session(modules.get("sessions", ""))
    found = []
    for crate, method in sent:
        operation = Operation(crate, method, _actions(crates[crate], method, kinds), in_session=crate in session)
        call = re.compile(rf"(?:\.|::)\s*{method}\s*\(")
        operation.modules = {module for module, text in modules.items() if call.search(text)}
        if not operation.modules:
            raise Blind(f"{crate} {method} is called, by the compiler's word, but no source file shows where")
        found.append(operation)
    return found


def _actions(crate: Path, method: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """As the SDK itself spells the operation and the service."""
    operation = _only(METADATA, (crate / "src" / "operation" / f"{method}.rs").read_text(), f"{crate.name} {method}")
    if method.startswith("transact_"):
        return actions_of_transaction(kinds)
    return (action(_only(SIGNED_FOR, (crate / "src" / "config.rs").read_text(), crate.name), operation),)


def _only(pattern: re.Pattern, text: str, where: str) -> str:
    found = set(pattern.findall(text))
    if len(found) != 1:
        raise Blind(f"{where}: expected one {pattern.pattern}, found {sorted(found)}")
    return found.pop()


def _modules(source: Path) -> dict[str, str]:
    """The text of each module at the crate's root with all below it, without the tests."""
    modules: dict[str, str] = {}
    for file in sorted(source.rglob("*.rs")):
        module = file.relative_to(source).with_suffix("").parts[0]
        modules[module] = modules.get(module, "") + file.read_text().split(TESTS)[0]
    return modules


def _clients_of_session(text: str) -> set[str]:
    """The SDK's crates whose clients an assumed session gives out; all other clients have the function's own credentials."""
    implemented = re.search(r"^impl Session \{$(.*?)^\}$", text, re.DOTALL | re.MULTILINE)
    if not implemented:
        raise Blind("sessions.rs has no `impl Session` that gives clients out")
    return set(re.findall(r"-> (aws_sdk_\w+)::Client", implemented[1]))
