"""One version for all of it: the workspace, the CDK app, the tag, the changelog."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

from .changelog import section
from .paths import ROOT
from .problem import Problem

# No suffixes: a release is what production runs, and nothing else is published.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def plain(version: str) -> str:
    """The version itself, when it is one. It becomes part of file names and commands."""
    if not VERSION.fullmatch(version):
        raise Problem(f"'{version}' is not a version: write three numbers, such as 1.2.3, without a leading v.")
    return version


def of_workspace(root: Path = ROOT) -> str:
    """The version in Cargo.toml, when the CDK app has the same."""
    version = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    for name in ("package.json", "package-lock.json"):
        other = json.loads((root / "infra" / name).read_text())["version"]
        if other != version:
            raise Problem(
                f"infra/{name} says version {other}, Cargo.toml says {version}: set both to the version that is"
                " released."
            )
    return plain(version)


def check_tag(tag: str, root: Path = ROOT) -> str:
    """The version that a tag releases; it must be the code's own, and the changelog must tell about it."""
    version = of_workspace(root)
    if tag != f"v{version}":
        raise Problem(
            f"the tag {tag} does not release this commit: its version is {version}, so its tag is v{version}. Delete"
            " the tag and tag again."
        )
    section(root / "CHANGELOG.md", version)
    return version


def uncommitted(root: Path = ROOT) -> list[str]:
    """What differs from the commit, one line a file as `git status` writes it."""
    done = subprocess.run(["git", "-C", root, "status", "--porcelain"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"a release is made from a git checkout: {done.stderr.strip()}")
    return done.stdout.splitlines()


def commit_time(root: Path = ROOT) -> int:
    """When this commit was made, in seconds since 1970. A release takes its dates from it, to be the same whenever it
    is built."""
    done = subprocess.run(["git", "-C", root, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"a release is made from a git checkout: {done.stderr.strip()}")
    return int(done.stdout)
