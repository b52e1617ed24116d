"""The whole comparison as a table, an action a line."""

import re

from .verdict import Evidence, granted_to
from .wire import DOUBLE, FUNCTION, counted

HEAD = ("action", "called by", "emulators", "double", "function", "responder", "granted on", "verdict")


def rows(evidence: Evidence, problems: list[str]) -> list[tuple[str, ...]]:
    seen = counted(evidence.requests)
    doubles = {request.suite for request in evidence.requests if request.by == DOUBLE}
    granted = {role: granted_to(statements) for role, statements in evidence.granted.items()}
    called = {action for operation in evidence.operations for action in operation.actions}
    lent = {one.action for one in evidence.borrowed}
    lines: list[tuple[str, ...]] = []
    for action in sorted(called.union(*granted.values())):
        files = sorted({file for one in evidence.operations if action in one.actions for file in one.files})
        callers = ", ".join(file.removesuffix(".rs") for file in files)
        counts = {suite: number for (name, suite), number in seen.items() if name == action}
        double = sum(number for suite, number in counts.items() if suite in doubles)
        roles = [action in actions for role, actions in granted.items() if role != FUNCTION]
        responder = "yes" if all(roles) else "one only" if any(roles) else "-"
        differs = any(re.search(rf"\b{action}\b", problem) for problem in problems)
        lines.append(
            (
                action,
                callers or ("Lambda itself" if action in lent else "nobody"),
                str(sum(counts.values()) - double or "-"),
                str(double or "-"),
                "yes" if action in granted[FUNCTION] else "-",
                responder,
                _resources(evidence, action),
                "DIFFERS" if differs else "ok",
            )
        )
    return lines


def _resources(evidence: Evidence, action: str) -> str:
    """What it is granted on, as short as can be told apart; a member's are the payer's."""
    everything = [statement for statements in evidence.granted.values() for statement in statements]
    about = [statement for statement in everything if action in statement.actions]
    found = {_short(resource) for statement in about for resource in statement.resources if "${" not in resource}
    return " ".join(sorted(found))


def _short(resource: str) -> str:
    """`iam:user/*` for `arn:aws:iam::123456789012:user/*`, and a resource of the stack by its logical id."""
    if of_stack := re.fullmatch(r'\{"Fn::GetAtt": \["(\w+)", "Arn"\]\}', resource):
        return of_stack[1]
    parts = re.sub(r"\{.*\}", "…", resource).split(":", 5)
    return f"{parts[2]}:{parts[5]}" if len(parts) == 6 else resource


def reasons(evidence: Evidence) -> list[str]:
    """Why anything is granted on any resource, and what is granted for Lambda's own sake."""
    any_resource = [f"{action} on any resource: {reason}" for action, reason in sorted(evidence.reasons.items())]
    lent = sorted(evidence.borrowed, key=lambda one: one.action)
    return any_resource + [f"{one.action} is not called: {one.why}" for one in lent]


def text(evidence: Evidence, problems: list[str]) -> str:
    lines = [HEAD, *rows(evidence, problems)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*table, "", *reasons(evidence)])
