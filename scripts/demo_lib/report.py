"""The guard's report, as far as claims are made about it. Every key may be missing: a claim says so and does not raise.

`lambda/core/src/message/report.rs` has it whole; what the table holds of an account has the same names."""

from typing import Any, TypedDict


class Outcome(TypedDict, total=False):
    text: str
    result: str


class Skipped(TypedDict, total=False):
    item: str
    reason: str


class Plan(TypedDict, total=False):
    actions: list[Outcome]
    skipped: list[Skipped]


class Gap(TypedDict, total=False):
    at: str
    reason: str


class Reading(TypedDict, total=False):
    limit: str
    value: float
    threshold: float
    estimated: float
    judgement: str
    lowerBound: bool
    asOf: str


class Halt(TypedDict, total=False):
    """Moments are in RFC 3339; of a sweep that contained, `contained` is whether it did."""

    tripped: str
    contained: Any
    seconds: float


class Entry(TypedDict, total=False):
    """One account."""

    account: str
    name: str
    state: str
    verdict: str
    why: str
    error: str
    unseen: Any  # of a sweep whether; of the table since when and why
    instances: dict[str, int]
    plan: Plan
    outcomes: list[Outcome]
    gaps: list[Gap]
    readings: list[Reading]
    halt: Halt
    burn: dict[str, float]
    spend: dict[str, dict[str, Any]]
    last: dict[str, Any]


class Notices(TypedDict, total=False):
    waiting: int
    errors: list[str]


class Report(TypedDict, total=False):
    accounts: list[Entry]
    coverage: dict[str, int]
    notices: Notices
    trigger: str
    periods: list[dict[str, Any]]
    day: dict[str, Any]
