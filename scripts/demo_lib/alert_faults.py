"""What is claimed about alarms and launches that go wrong, and how it is checked."""

from .cast import Account
from .claims import Claims, unless
from .invocations import Invocation
from .lambdas import Answer
from .look import Snapshot


def replay_refused(claims: Claims, answer: Answer, alarm: str) -> None:
    claims.claim(
        f"dated an hour ago it is refused: “{answer.body}”",
        unless(answer.status == 400, f"the answer is {answer.status}"),
        unless(alarm in answer.body and "more than an hour ago" in answer.body, "it does not say so"),
        unless(not answer.report, "something was swept"),
    )


def ok_asks_for_nothing(claims: Claims, answer: Answer, alarm: str) -> None:
    claims.claim(
        f"in the state OK it asks for nothing, which is no error: “{answer.body}”",
        unless(answer.status == 200, f"the answer is {answer.status}"),
        unless(alarm in answer.body and "asks for nothing" in answer.body, "it does not say so"),
        unless(not answer.report, "something was swept"),
    )


def followed(claims: Claims, answer: Answer, owner: str) -> None:
    """Without this the refusals would prove nothing."""
    swept = [entry["account"] for entry in answer.report.get("accounts", [])]
    claims.claim(
        "unchanged it is followed, so the change alone made the difference",
        unless(answer.status == 200, f"the answer is {answer.status}: {answer.body}"),
        unless(swept == [owner], f"swept were {swept}"),
        unless(answer.report.get("trigger") == "spend-alarm", f"the trigger is {answer.report.get('trigger')}"),
    )


def launch_comes_back(claims: Claims, seen: list[Invocation], events: int, waiting: int) -> None:
    lines = [line["message"] for invocation in seen for line in invocation.records]
    claims.claim(
        "without its table the function names the launch as not judged and refuses the other for good",
        # Nothing is gathered: each message may come by itself.
        unless(
            {line.split(":")[0] for line in lines} == {"not judged", "refused a record; nothing was touched for it"},
            f"the log says {lines}",
        ),
    )
    claims.claim(
        f"what tells of the launch stays in the queue, {waiting} messages, and the other does not",
        unless(waiting == events, f"there should be {events}"),
    )


def judged_after_all(
    claims: Claims, seen: list[Invocation], account: Account, started: list[str], now: Snapshot, waiting: int
) -> None:
    states = [state for (_, identity), state in now.instances.items() if identity in started]
    swept = {line.get("account") for invocation in seen for line in invocation.records}
    claims.claim(
        f"it comes back, {account.name} is swept, and {started[0]} is stopped",
        unless(states == ["stopped"], f"it is {states}"),
        unless(swept == {account.id}, f"swept were {swept}"),
    )
    claims.claim("the queue is empty", unless(waiting == 0, f"{waiting} messages are left"))
