"""What the deployment and the function agree on. It is read from a file that is generated from the function's source,
so that none of it is spelled a second time here."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from .options import ROOT

FILE = ROOT / "infra" / "generated" / "contract.json"


@dataclass(frozen=True)
class NeverTouched:
    """The roles that take new sessions in a halt whatever the policy says, unless they were made lately or admit
    outsiders: by name, by what a name begins with, by a regular expression, by path."""

    exactly: frozenset[str]
    prefixes: tuple[str, ...]
    patterns: tuple[str, ...]
    paths: tuple[str, ...]

    def by_name(self, role: str) -> bool:
        by_pattern = any(re.search(pattern, role) for pattern in self.patterns)
        return role in self.exactly or role.startswith(self.prefixes) or by_pattern


@dataclass(frozen=True)
class Contract:
    names: SimpleNamespace
    partition_key: str
    sort_key: str
    # Every state that an account can be in, and those of them in which it is contained.
    states: frozenset[str]
    contained: frozenset[str]
    # From the one that does least to the one that does most.
    modes: tuple[str, ...]
    never_touched: NeverTouched


def read(file: Path = FILE) -> Contract:
    said = json.loads(file.read_text(encoding="utf-8"))
    return Contract(
        names=SimpleNamespace(**said["names"]),
        partition_key=said["table"]["partitionKey"],
        sort_key=said["table"]["sortKey"],
        states=frozenset(said["states"]["all"]),
        contained=frozenset(said["states"]["contained"]),
        modes=tuple(said["modes"]),
        never_touched=_never_touched(said["neverTouched"]),
    )


def _never_touched(said: dict) -> NeverTouched:
    names: dict[str, list[str]] = {"exactly": [], "prefix": [], "pattern": []}
    for rule in said["roles"]:
        for how, name in rule.items():
            names[how].append(name)
    exactly, prefixes, patterns = (names[how] for how in ("exactly", "prefix", "pattern"))
    return NeverTouched(frozenset(exactly), tuple(prefixes), tuple(patterns), tuple(said["paths"]))


CONTRACT = read()
names = CONTRACT.names

# From the first that is deployed to the last. The cost reports wait for nothing, and are deployed only where the policy
# asks for them.
COST_STACK = "RunawayTrainCostReports"
STACKS = ("RunawayTrainGuardrails", "RunawayTrain", COST_STACK, "RunawayTrainEnrollment")
GUARD_STACK = "RunawayTrain"
# What accounts have of their own, deployed after the guard's stack: which of them there are depends on the ids of the accounts,
# `infra/lib/accounts/placement.ts`.
ACCOUNT_STACK = re.compile(r"RunawayTrainAccounts[01][0-9]")
# Optional, and made by hand: no deployment from here has it.
RELEASE_STACK = "RunawayTrainRelease"


def account_topic(account: str) -> str:
    return f"{names.topic}-{account}"
