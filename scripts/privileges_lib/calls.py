"""What `lambda/aws` can call, by the compiler's word: the compiled crate names each operation of the SDK that it sends.

The SDK has a function for each operation that can be sent; one that our code calls is named in our object code, and no
other is. So neither a comment nor a test nor a macro can deceive it. The source tells the rest: in which files the call
is made, and whether its client is one of an assumed session or the function's own.
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .names import action, actions_of_transaction

SENT = re.compile(r"\b(aws_sdk_\w+)::operation::(\w+)::(?:builders::\w+FluentBuilder|paginator::\w+Paginator)::send\b")
# The kinds of items that a transaction is put together of.
ITEM = re.compile(
    r"\baws_sdk_dynamodb::types::_transact_(?:write|get)_item::Transact(?:Write|Get)ItemBuilder::"
    r"(put|update|delete|condition_check|get)\b"
)
METADATA = re.compile(r'Metadata::new\(\s*"(\w+)"')
SIGNED_FOR = re.compile(r'SigningName::from_static\(\s*"([\w-]+)"')
CLIENT = re.compile(r"-> (?:&\s*(?:'\w+\s+)?)?(aws_sdk_\w+)::Client\b")
TESTS = "#[cfg(test)]"
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))?\s+)?mod\s+(\w+)\s*;")


class Blind(Exception):
    """The compiled crate or the source does not look as this expects, so nothing follows from it."""


@dataclass
class Operation:
    """One operation and from where it is called."""

    crate: str
    method: str
    actions: tuple[str, ...]
    # Below lambda/aws/src: `resource/instances.rs`.
    files: set[str] = field(default_factory=set)
    in_session: bool = False

    @property
    def modules(self) -> set[str]:
        """Those at the crate's root."""
        return {module(file) for file in self.files}


def module(file: str) -> str:
    return Path(file).with_suffix("").parts[0]


def symbols(library: Path) -> str:
    return subprocess.run(["nm", "-C", str(library)], capture_output=True, text=True, check=False).stdout


def operations(named: str, crates: dict[str, Path], source: Path) -> list[Operation]:
    """From the symbols of the compiled crate, the folders of the SDK's crates, and the crate's own source."""
    sent = sorted(set(SENT.findall(named)))
    if not sent:
        raise Blind("the compiled crate names no operation of the SDK; does `nm -C` know how Rust names things?")
    kinds = {kind.title().replace("_", "") for kind in ITEM.findall(named)}
    files = _files(source)
    session = _clients_of_session("".join(text for file, text in files.items() if module(file) == "member_clients"))
    found = []
    for crate, method in sent:
        operation = Operation(crate, method, _actions(crates[crate], method, kinds), in_session=crate in session)
        operation.files = {file for file, text in files.items() if _call(method).search(text)}
        if not operation.files:
            raise Blind(
                f"{crate} {method} is called, by the compiler's word, but no file of lambda/aws/src shows where: "
                f"neither `.{method}()` nor `Client::{method}` is in one of them outside of its tests"
            )
        found.append(operation)
    return found


def _call(method: str) -> re.Pattern[str]:
    """A client's method takes no argument, for a builder takes them all; so a function of ours that happens to have the
    same name is told apart."""
    return re.compile(rf"\.\s*{method}\s*\(\s*\)|\bClient::{method}\b")


def _actions(crate: Path, method: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """As the SDK itself spells the operation and the service."""
    operation = _only(METADATA, (crate / "src" / "operation" / f"{method}.rs").read_text(), f"{crate.name} {method}")
    if method.startswith("transact_"):
        return actions_of_transaction(kinds)
    return (action(_only(SIGNED_FOR, (crate / "src" / "config.rs").read_text(), crate.name), operation),)


def _only(pattern: re.Pattern[str], text: str, where: str) -> str:
    found = set(pattern.findall(text))
    if len(found) != 1:
        raise Blind(f"{where}: expected one {pattern.pattern}, found {sorted(found)}")
    return found.pop()


def _files(source: Path) -> dict[str, str]:
    """The text of each file without its tests, and without the files that are nothing but tests."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(source.rglob("*.rs"))}
    of_tests = {_folder(file) / name for file, text in texts.items() for name in TEST_MODULE.findall(text)}
    return {
        file.relative_to(source).as_posix(): TEST_MODULE.sub("", text).split(TESTS)[0]
        for file, text in texts.items()
        if not of_tests & {file.with_suffix(""), *file.parents}
    }


def _folder(file: Path) -> Path:
    """Where the modules are that a file declares."""
    return file.parent if file.stem in ("lib", "mod") else file.with_suffix("")


def _clients_of_session(text: str) -> set[str]:
    """The SDK's crates whose clients call with the session around them. All other clients have the function's own
    credentials."""
    implemented = re.search(r"^impl MemberClients \{$(.*?)^\}$", text, re.DOTALL | re.MULTILINE)
    clients = set(CLIENT.findall(implemented[1])) if implemented else set()
    if not clients:
        raise Blind("the module member_clients has no `impl MemberClients` that gives out an `aws_sdk_…::Client`")
    return clients
