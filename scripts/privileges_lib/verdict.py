"""The rules: what is called, what was seen and what is granted are held against each other, in every direction."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .borrowed import Borrowed
from .calls import Operation
from .grants import Statement
from .wire import ACTING, DOUBLE, FUNCTION, LOOKING, Request

OBSERVE, CONTAIN = "observe", "act"
RESPONDER = "responder"


@dataclass
class Evidence:
    operations: list[Operation]
    requests: list[Request]
    # By role.
    granted: dict[str, list[Statement]]
    borrowed: list[Borrowed]
    # What the responder's role is limited to in a look, and what a halt may do besides.
    contract: dict[str, set[str]]
    # Problems and reasons that are about statements alone.
    problems: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def called_by(operations: Iterable[Operation], role: str, module: str | None = None) -> set[str]:
    """The actions that a role needs for the calls of all modules, or of one."""
    return {
        action for operation in operations
        if (RESPONDER if operation.in_session else FUNCTION) == role and (module is None or module in operation.modules)
        for action in operation.actions
    }


def granted_to(statements: Iterable[Statement]) -> set[str]:
    return {action for statement in statements for action in statement.actions}


def problems(evidence: Evidence) -> list[str]:
    return [*evidence.problems, *_lists(evidence), *_grants(evidence), *_wire(evidence)]


def _lists(evidence: Evidence) -> list[str]:
    """The session of a look and the role are made from the contract's lists: these must be what is called."""
    looks = called_by(evidence.operations, RESPONDER, OBSERVE)
    acts = called_by(evidence.operations, RESPONDER, CONTAIN)
    elsewhere = called_by(evidence.operations, RESPONDER) - looks - acts
    said = [f"{action} is called in an account, but neither by {OBSERVE} nor by {CONTAIN}" for action in sorted(elsewhere)]
    said += [f"{action} is called by {OBSERVE} and by {CONTAIN}: a look must not be able to act" for action in sorted(looks & acts)]
    for name, called in (("observe", looks), ("contain", acts)):
        listed = evidence.contract[name]
        said += [f"{action} is called, and missing in the list {name}: scripts/privileges --update" for action in sorted(called - listed)]
        said += [f"{action} is in the list {name}, and never called: scripts/privileges --update" for action in sorted(listed - called)]
    return said


def _grants(evidence: Evidence) -> list[str]:
    said = []
    for role, statements in evidence.granted.items():
        side = FUNCTION if role == FUNCTION else RESPONDER
        called, granted = called_by(evidence.operations, side), granted_to(statements)
        lent = {one.action for one in evidence.borrowed} if role == FUNCTION else set()
        said += [f"{role}: {action} is called and not granted" for action in sorted(called - granted)]
        said += [f"{role}: {action} is what Lambda needs of the role and not granted" for action in sorted(lent - granted)]
        said += [f"{role}: {action} is granted and never called" for action in sorted(granted - called - lent)]
        # What Lambda borrows it gets on just the resources that it was told of.
        on = {one.action: {other.resource for other in evidence.borrowed if other.action == one.action} for one in evidence.borrowed}
        said += [
            f"{role}: {action} is granted on {', '.join(statement.resources)}; Lambda needs it on {', '.join(sorted(on[action]))}"
            for statement in statements for action in statement.actions
            if action in lent - called and not set(statement.resources) <= on[action]
        ]
    return said


def _wire(evidence: Evidence) -> list[str]:
    called = {action for operation in evidence.operations for action in operation.actions}
    seen = {action for request in evidence.requests for action in request.actions}
    said = [f"{action} is called, and was seen on no wire: it needs a test that sends it" for action in sorted(called - seen)]
    said += [f"{action} was seen on the wire, and the compiled crate does not call it: was it recorded with other code?" for action in sorted(seen - called)]
    entitled = {
        FUNCTION: called_by(evidence.operations, FUNCTION), LOOKING: evidence.contract["observe"],
        ACTING: evidence.contract["contain"], DOUBLE: called,
    }
    strays = {(action, request.by, request.suite) for request in evidence.requests for action in request.actions if action not in entitled[request.by]}
    said += [f"{action} was asked for by {by} in {suite}, who has no business with it" for action, by, suite in sorted(strays) if action in called]
    policies = {request.limited_to for request in evidence.requests if request.limited_to is not None}
    said += [
        f"a session to look with was not limited to the list observe: {', '.join(sorted(policy ^ evidence.contract['observe']))}"
        for policy in policies if policy != evidence.contract["observe"]
    ]
    return said
