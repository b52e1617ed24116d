"""What the function logged of its invocations, also of those that nobody waited for."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .cast import PAYER
from .cloud import Cloud
from .lambdas import FUNCTION
from .process import StepFailed

GROUP = f"/aws/lambda/{FUNCTION}"
PATIENCE = 60.0  # seconds; a halt with its two clean passes takes eleven


@dataclass
class Invocation:
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def records(self) -> list[dict[str, Any]]:
        """What became of the alarms or launches that it was handed: a line for all that share their fate, with their
        number."""
        return [line for line in self.lines if "records" in line]

    @property
    def has_swept(self) -> bool:
        return any("regions_seen" in line for line in self.lines)

    @property
    def sources(self) -> set[str]:
        return {line["source"] for line in self.records}


def since(cloud: Cloud, start: float) -> list[Invocation]:
    """Every finished invocation that began since then (seconds since 1970). Each has a stream of its own here."""
    streams: dict[str, Invocation] = defaultdict(Invocation)
    pages = (
        cloud.admin("logs", PAYER)
        .get_paginator("filter_log_events")
        .paginate(logGroupName=GROUP, startTime=int(start * 1000))
    )
    for event in (event for page in pages for event in page["events"]):
        invocation = streams[event["logStreamName"]]
        invocation.lines += [json.loads(line) for line in event["message"].splitlines() if line.startswith("{")]
    return list(streams.values())


def records(invocations: list[Invocation], account: str | None = None) -> int:
    """How many alarms or launches they were handed; of one account, or of all."""
    lines = [line for invocation in invocations for line in invocation.records]
    return sum(line["records"] for line in lines if account is None or line.get("account") == account)


def wait(cloud: Cloud, start: float, number: int, what: str) -> list[Invocation]:
    """Until so many alarms or launches have been dealt with since then."""
    until = time.monotonic() + PATIENCE
    while records(seen := since(cloud, start)) < number:
        if time.monotonic() > until:
            raise StepFailed(
                f"within {PATIENCE:g} s the Lambda dealt with {records(seen)} of {number} {what}",
                hint="the emulator's log says what became of the others.",
            )
        time.sleep(0.25)
    return seen
