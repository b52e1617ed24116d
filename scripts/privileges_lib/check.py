"""Gathers the evidence, judges it, and says what came of it."""

import json
import subprocess
import sys
from pathlib import Path

from . import calls, grants, narrow, table, wire
from .borrowed import borrowed
from .compiled import compiled
from .verdict import Evidence, problems
from .wire import FUNCTION

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "lambda" / "aws" / "src"
CONTRACT = ROOT / "infra" / "generated" / "contract.json"
STACK = ROOT / ".build" / "cdk.out" / "RunawayTrain.template.json"
MEMBER = ROOT / "stacksets" / "member.yaml"
WIRE = ROOT / ".build" / "wire"
# Each is a folder that a stage of scripts/test leaves.
SUITES = ("rust", "adapters", "e2e")


class Missing(Exception):
    """Evidence that a stage of scripts/test has yet to leave."""


def run() -> int:
    try:
        evidence = gather()
    except (Missing, wire.Unnamed, grants.Unreadable, calls.Blind, subprocess.CalledProcessError) as error:
        print(f"privileges: {error}", file=sys.stderr)
        return 1
    found = problems(evidence)
    print(table.text(evidence, found))
    for problem in found:
        print(f"privileges: {problem}", file=sys.stderr)
    actions = {action for operation in evidence.operations for action in operation.actions}
    requests, suites = len(evidence.requests), len({request.suite for request in evidence.requests})
    print(
        f"\n{len(evidence.operations)} operations can be called by {len(actions)} actions; "
        f"{requests} requests in {suites} recordings; {len(found)} differences"
    )
    return 1 if found else 0


def gather() -> Evidence:
    _all_there()
    contract = json.loads(CONTRACT.read_text())
    names, stack, member = contract["names"], grants.template(STACK), grants.template(MEMBER)
    granted = {
        FUNCTION: grants.statements(stack, names["functionRole"]),
        "responder of the payer": grants.statements(stack, names["responderRole"]),
        "responder of a member": grants.statements(member, names["responderRole"]),
    }
    evidence = Evidence(
        operations=_operations(),
        requests=list(wire.read(WIRE)),
        granted=granted,
        borrowed=borrowed(stack, grants.role_id(stack, names["functionRole"])),
        observe=frozenset(contract["permissions"]["observe"]),
        contain=frozenset(contract["permissions"]["contain"]),
    )
    known = narrow.tables()
    for role, statements in granted.items():
        for statement in statements:
            said, reasons = narrow.judge(statement, known)
            evidence.problems += [f"{role}: {problem}" for problem in said]
            evidence.reasons |= reasons
    return evidence


def _operations() -> list[calls.Operation]:
    made = compiled(ROOT)
    return calls.operations(calls.symbols(made.library), made.crates, SOURCE)


def _all_there() -> None:
    missing = [suite for suite in SUITES if not any((WIRE / suite).glob("*.jsonl"))]
    if not STACK.is_file():
        missing.append("templates")
    if missing:
        raise Missing(f"run first: scripts/test {' '.join(missing)}")
