"""The rules: what is called, what is listed, what was seen and what is granted are held against each other, in every
direction."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .borrowed import Borrowed
from .calls import Operation
from .grants import Statement
from .wire import ACTING, DOUBLE, FUNCTION, LOOKING, Request

RESPONDER = "responder"
# The modules at the root of lambda/aws/src that call AWS; a call from any other one is an error. Whoever adds a module
# writes it into one of these two, and so says whose credentials it may call with.
# A member's session's, and the function's own besides, for a quarantine is set in the payer.
IN_ACCOUNTS = {"actuator", "observer", "regions", "resource", "simulator"}
# The function's own and no others.
IN_PAYER = {"billing", "directory", "ledger", "notifier", "prices", "reports", "sessions", "sweeps"}
# What the names of operations that change nothing begin with.
READING = ("Describe", "Get", "List", "Simulate")
KINDS = "lambda/core/src/resource/"


@dataclass
class Evidence:
    operations: list[Operation]
    requests: list[Request]
    # By role.
    granted: dict[str, list[Statement]]
    borrowed: list[Borrowed]
    # What all kinds of resource have in READS, which a session that looks is limited to, and what they have in CALLS.
    observe: frozenset[str]
    contain: frozenset[str]
    # Problems and reasons that are about statements alone.
    problems: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def called_by(operations: Iterable[Operation], role: str) -> set[str]:
    """The actions that a role needs for the calls that are made with its credentials."""
    return {action for operation in operations if _role(operation) == role for action in operation.actions}


def _role(operation: Operation) -> str:
    return RESPONDER if operation.in_session else FUNCTION


def granted_to(statements: Iterable[Statement]) -> set[str]:
    return {action for statement in statements for action in statement.actions}


def problems(evidence: Evidence) -> list[str]:
    return [*evidence.problems, *_modules(evidence), *_lists(evidence), *_grants(evidence), *_wire(evidence)]


def _modules(evidence: Evidence) -> list[str]:
    calls = [(module, operation) for operation in evidence.operations for module in sorted(operation.modules)]
    unknown = _by_module((module, one) for module, one in calls if module not in IN_ACCOUNTS | IN_PAYER)
    strays = _by_module((module, one) for module, one in calls if module in IN_PAYER and one.in_session)
    said = [
        f"the module {module}, which is not known here, calls {actions}: add it to IN_ACCOUNTS or IN_PAYER in "
        "scripts/privileges_lib/verdict.py"
        for module, actions in unknown.items()
    ]
    said += [
        f"the module {module} calls {actions} in an account, and has no business there: only "
        f"{', '.join(sorted(IN_ACCOUNTS))} call with a session's credentials"
        for module, actions in strays.items()
    ]
    return said


def _by_module(calls: Iterable[tuple[str, Operation]]) -> dict[str, str]:
    """What each module calls, in words."""
    found: dict[str, set[str]] = {}
    for module, operation in calls:
        found.setdefault(module, set()).update(operation.actions)
    return {module: ", ".join(sorted(actions)) for module, actions in sorted(found.items())}


def _lists(evidence: Evidence) -> list[str]:
    """The session of a look and the responder's role are made of what the kinds list: it must be what is called."""
    called = called_by(evidence.operations, RESPONDER)
    said = [
        f"{action} is called in an account, by {_files(evidence, action)}, and no kind of resource lists it: add it to "
        f"its kind in {KINDS}, to READS if it changes nothing, else to CALLS"
        for action in sorted(called - evidence.observe - evidence.contain)
    ]
    for name, listed in (("READS", evidence.observe), ("CALLS", evidence.contain)):
        said += [
            f"{action} is in {name} of a kind of resource, and is never called in an account: take it out, in {KINDS}"
            for action in sorted(listed - called)
        ]
    said += [
        f"{action} is both in READS and in CALLS: a look must not be able to act, so take it out of one, in {KINDS}"
        for action in sorted(evidence.observe & evidence.contain)
    ]
    said += [
        f"{action} is in READS of a kind of resource, and by its name it changes something: a look must not be able to "
        f"act, so move it to CALLS, in {KINDS}"
        for action in sorted(evidence.observe - evidence.contain)
        if not action.partition(":")[2].startswith(READING)
    ]
    return said


def _files(evidence: Evidence, action: str) -> str:
    found = {file for operation in evidence.operations if action in operation.actions for file in operation.files}
    return " and ".join(f"lambda/aws/src/{file}" for file in sorted(found))


def _grants(evidence: Evidence) -> list[str]:
    said = []
    for role, statements in evidence.granted.items():
        side = FUNCTION if role == FUNCTION else RESPONDER
        called, granted = called_by(evidence.operations, side), granted_to(statements)
        lent = {one.action for one in evidence.borrowed} if role == FUNCTION else set()
        said += [f"{role}: {action} is called and not granted" for action in sorted(called - granted)]
        said += [
            f"{role}: {action} is what Lambda needs of the role and not granted" for action in sorted(lent - granted)
        ]
        said += [f"{role}: {action} is granted and never called" for action in sorted(granted - called - lent)]
        # What Lambda borrows it gets on just the resources that it was told of.
        on: dict[str, set[str]] = {}
        for one in evidence.borrowed:
            on.setdefault(one.action, set()).add(one.resource)
        said += [
            f"{role}: {action} is granted on {', '.join(statement.resources)}; "
            f"Lambda needs it on {', '.join(sorted(on[action]))}"
            for statement in statements
            for action in statement.actions
            if action in lent - called and not set(statement.resources) <= on[action]
        ]
    return said


def _wire(evidence: Evidence) -> list[str]:
    called = {action for operation in evidence.operations for action in operation.actions}
    seen = {action for request in evidence.requests for action in request.actions}
    said = [
        f"{action} is called, and was seen on no wire: it needs a test that sends it"
        for action in sorted(called - seen)
    ]
    said += [
        f"{action} was seen on the wire, and the compiled crate does not call it: was it recorded with other code?"
        for action in sorted(seen - called)
    ]
    entitled = {
        FUNCTION: called_by(evidence.operations, FUNCTION),
        LOOKING: evidence.observe,
        ACTING: evidence.contain,
        DOUBLE: called,
    }
    strays = {
        (action, request.by, request.suite)
        for request in evidence.requests
        for action in request.actions
        if action in called and action not in entitled[request.by]
    }
    said += [
        f"{action} was asked for by {by} in {suite}, who has no business with it"
        for action, by, suite in sorted(strays)
    ]
    policies = {request.limited_to for request in evidence.requests if request.limited_to is not None}
    said += [
        "a session to look with was not limited to what the kinds have in READS: it differs in "
        f"{', '.join(sorted(policy ^ evidence.observe))}"
        for policy in policies
        if policy != evidence.observe
    ]
    return said
