"""The part of `cargo deny check` that needs neither cargo-deny nor the network: licenses, bans and sources, from the
same deny.toml.

cargo-deny takes longer to compile than all of our own code, so the pipeline runs it whole, with the advisories, and
this runs with every test. What this cannot read in deny.toml it refuses, so that nothing is passed over in silence."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from .paths import COMMAND_TARGETS, ROOT, TARGETS
from .problem import Problem

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
BAN = re.compile(r"(?P<name>[\w-]+)(?::<(?P<below>\d+(?:\.\d+)*))?")


def problems(packages: list[dict[str, Any]], deny: dict[str, Any]) -> list[str]:
    """One sentence for each package that deny.toml does not allow."""
    return [
        *_licenses(packages, deny["licenses"]),
        *_bans(packages, deny["bans"]),
        *_sources(packages, deny["sources"]),
    ]


def policy(file: Path = ROOT / "deny.toml") -> dict[str, Any]:
    return tomllib.loads(file.read_text())


def packages_of_workspace() -> list[dict[str, Any]]:
    """What cargo resolves for the targets that we build for, tests and build scripts included."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    for target in {*TARGETS.values(), *COMMAND_TARGETS}:
        command += ["--filter-platform", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"cargo metadata failed:\n{done.stderr.strip()}")
    known = json.loads(done.stdout)
    used = {node["id"] for node in known["resolve"]["nodes"]}
    return [package for package in known["packages"] if package["id"] in used]


def _licenses(packages: list[dict[str, Any]], rules: dict[str, Any]) -> list[str]:
    from license_expression import get_spdx_licensing

    licensing, allowed = get_spdx_licensing(), set(rules["allow"])
    found = []
    for package in packages:
        text = (package["license"] or "").replace("/", " OR ")
        # Each license that is allowed becomes true, every other false; what remains is whether the whole may be used.
        parsed = licensing.parse(text) if text else None
        if parsed is None or not _holds(parsed, allowed):
            found.append(f"{_named(package)} has the license {text or 'of nobody'}, which deny.toml does not allow")
    return found


def _holds(expression: Any, allowed: set[str]) -> bool:
    operator = getattr(expression, "operator", "").strip().upper()
    if operator in ("AND", "OR"):
        parts = [_holds(part, allowed) for part in expression.args]
        return all(parts) if operator == "AND" else any(parts)
    return str(expression) in allowed


def _bans(packages: list[dict[str, Any]], rules: dict[str, Any]) -> list[str]:
    found = []
    for rule in rules["deny"]:
        ban = BAN.fullmatch(rule["crate"])
        if ban is None:
            raise Problem(f"deny.toml bans '{rule['crate']}'; scripts/test reads only NAME and NAME:<VERSION.")
        found += [
            f"{_named(package)} is banned: {rule['reason']}"
            for package in packages
            if package["name"] == ban["name"] and _below(package["version"], ban["below"])
        ]
    return found


def _below(version: str, limit: str | None) -> bool:
    return limit is None or [int(part) for part in re.split(r"[-+]", version)[0].split(".")] < [
        int(part) for part in limit.split(".")
    ]


def _sources(packages: list[dict[str, Any]], rules: dict[str, Any]) -> list[str]:
    if rules != {"unknown-registry": "deny", "unknown-git": "deny"}:
        raise Problem("deny.toml allows other sources than crates.io; scripts/test knows no others.")
    return [
        f"{_named(package)} comes from {package['source']}"
        for package in packages
        if package["source"] not in (None, CRATES_IO)
    ]


def _named(package: dict[str, Any]) -> str:
    return f"{package['name']} {package['version']}"
