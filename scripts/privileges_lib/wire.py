"""What was recorded: which action each request asked for, and as whom."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .names import action, actions_of_transaction

# As whom a request was signed.
FUNCTION, LOOKING, ACTING, DOUBLE = "function", "looking", "acting", "double"


@dataclass(frozen=True)
class Request:
    suite: str
    by: str
    actions: tuple[str, ...]
    # What a session that is asked for is limited to, where it is.
    limited_to: frozenset[str] | None = None


class Unnamed(Exception):
    """A request whose operation cannot be told: another protocol than those known here."""


def read(folder: Path) -> Iterator[Request]:
    """Every recording below a folder; a suite is a folder in it, an emulator a file."""
    for file in sorted(folder.glob("*/*.jsonl")):
        sessions: dict[str, str] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            service, operation = name(exchange)
            limits = _limits(exchange["body"]) if operation == "AssumeRole" else None
            if operation == "AssumeRole" and exchange.get("given"):
                # The session of a look carries a policy; that of a halt does not.
                sessions[exchange["given"]] = ACTING if limits is None else LOOKING
            by = DOUBLE if file.stem == "double" else sessions.get(_credential(exchange)[0], FUNCTION)
            yield Request(f"{file.parent.name}/{file.stem}", by, asked(service, operation, exchange["body"]), limits)


def _limits(body: str) -> frozenset[str] | None:
    """The actions of a session's policy.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    policy = parse_qs(body).get("Policy")
    if policy is None:
        return None
    return frozenset(action for statement in json.loads(policy[0])["Statement"] for action in statement["Action"])


def asked(service: str, operation: str, body: str) -> tuple[str, ...]:
    """The actions that IAM decides by: those of its items for a transaction, else the operation's."""
    if operation.startswith("Transact") and service == "dynamodb":
        items = json.loads(body)["TransactItems"]
        return actions_of_transaction(kind for item in items for kind in item)
    return (action(service, operation),)


def name(exchange: dict[str, Any]) -> tuple[str, str]:
    """The service as it is signed for, and the operation.

    https://smithy.io/2.0/aws/protocols/index.html
    """
    service = _credential(exchange)[1]
    if target := exchange["headers"].get("x-amz-target"):
        return service, target.rpartition(".")[2]
    url = urlsplit(exchange["uri"])
    steps = url.path.strip("/").split("/")
    if len(steps) == 4 and steps[0] == "service" and steps[2] == "operation":
        return service, steps[3]
    if operation := parse_qs(exchange["body"]).get("Action"):
        return service, operation[0]
    query = parse_qs(url.query)
    if "x-id" in query:
        return service, query["x-id"][0]
    if query.get("list-type") == ["2"]:
        return service, "ListObjectsV2"
    raise Unnamed(f"{exchange['method']} {url.path} of {service}")


def _credential(exchange: dict[str, Any]) -> tuple[str, str]:
    """The access key and the service of a signature.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
    """
    scope = exchange["headers"]["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return scope[0], scope[3]


def counted(requests: list[Request]) -> Counter[tuple[str, str]]:
    """How often each action was asked for, by suite."""
    return Counter((action, request.suite) for request in requests for action in request.actions)
