"""What cargo would link into a binary of ours, and what it needs besides to build it."""

import re
import subprocess
import tomllib
from dataclasses import dataclass, field

from .paths import ROOT
from .problem import Problem

FUNCTION = "runawaytrain-function"
COMMAND = "runawaytrain-operator"
# `DEPTHname vVERSION (notes)|LICENSE (*)`, as --prefix depth and the format below make it.
LINE = re.compile(
    r"(?P<depth>\d+)(?P<name>[A-Za-z_][\w-]*) v(?P<version>\S+)(?: \([^)]*\))*\|(?P<license>.*?)(?: \(\*\))?"
)


@dataclass(frozen=True, order=True)
class Crate:
    name: str
    version: str


@dataclass
class Tree:
    root: Crate
    licenses: dict[Crate, str] = field(default_factory=dict)
    needs: dict[Crate, set[Crate]] = field(default_factory=dict)


def linked(package: str, target: str) -> Tree:
    """The code that ends up in the binary: no build scripts, no procedural macros, no tests."""
    return _tree(package, target, "normal,no-proc-macro")


def built_with(package: str, target: str) -> Tree:
    """All that runs or is compiled while the binary is made, what is linked among it."""
    return _tree(package, target, "normal,build")


def checksums() -> dict[Crate, str]:
    """The SHA-256 of each crate's archive, from Cargo.lock. Our own crates have none."""
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {
        Crate(package["name"], package["version"]): package["checksum"] for package in packages if "checksum" in package
    }


def _tree(package: str, target: str, edges: str) -> Tree:
    command = [
        "cargo",
        "tree",
        "--locked",
        "--package",
        package,
        "--target",
        target,
        "--edges",
        edges,
        "--prefix",
        "depth",
        "--format",
        "{p}|{l}",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"cargo cannot tell what {package} consists of for {target}:\n{done.stderr.strip()}")
    return _parse(done.stdout)


def _parse(text: str) -> Tree:
    tree, above = None, list[Crate]()
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            raise Problem(f"cargo tree wrote a line that scripts/release does not understand: {line}")
        crate, depth = Crate(found["name"], found["version"]), int(found["depth"])
        tree = tree or Tree(crate)
        tree.licenses[crate] = found["license"]
        tree.needs.setdefault(crate, set())
        # A subtree that was shown before is cut short, so that the line above in the text need not be the one above in
        # the tree.
        del above[depth:]
        if above:
            tree.needs[above[-1]].add(crate)
        above.append(crate)
    if tree is None:
        raise Problem("cargo tree wrote nothing.")
    return tree
