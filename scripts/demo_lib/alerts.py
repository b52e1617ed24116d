"""What is claimed about alarms and launches, and how it is checked."""

from datetime import datetime
from typing import Any

from . import checks
from .cast import Account
from .claims import Claims, differences, unless
from .invocations import Invocation, records
from .lambdas import Answer
from .look import Snapshot
from .mail import Mail

DENIED = {"AuthorizationError", "AccessDenied"}


def rang(claims: Claims, ringing: dict[str, dict[str, str]], dollars: str) -> None:
    for name, alarms in ringing.items():
        quiet = [f"{alarm} is {state}" for alarm, state in alarms.items() if state != "ALARM"]
        claims.claim(
            f"the member's own alarms in {name}, on more than {dollars} USD, ring: {', '.join(alarms)}",
            unless(len(alarms) == 2, f"there are {len(alarms)}"),
            *quiet,
        )


def only_by(claims: Claims, seen: list[Invocation], source: str, accounts: set[str]) -> None:
    """The log names the trigger of each invocation; a sweep of the schedule, or one that somebody asked for, has none
    there."""
    others = [
        f"one was set off by {invocation.sources or 'something else'}"
        for invocation in seen
        if invocation.sources != {source}
    ]
    strangers = {line.get("account") for invocation in seen for line in invocation.records} - accounts
    claims.claim(
        f"the Lambda was invoked {_times(len(seen))} since, each time by “{source}”: no schedule and nobody's hand was"
        " in it",
        *others,
        *[f"{account} was looked at" for account in strangers],
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def halted(claims: Claims, answer: Answer, account: Account, start: float) -> None:
    entry = answer.account(account.id)
    halt = entry.get("halt") or {}
    tripped, contained = _after(halt.get("tripped"), start), _after(halt.get("contained"), start)
    claims.claim(
        f"{account.name} is Halted: decided after {tripped}, proven after {contained}; {entry.get('why')}",
        unless(entry.get("state") == "Halted", f"it is {entry.get('state')}"),
        unless(bool(halt.get("contained")), f"the halt is {halt}"),
    )


def _after(moment: str | None, start: float) -> str:
    return f"{datetime.fromisoformat(moment).timestamp() - start:.1f} s" if moment else "?"


def only(
    claims: Claims, account: Account, accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]
) -> None:
    others = [other for other in accounts if other is not account]
    claims.claim(
        f"only {account.name}: in the other {len(others)} accounts no instance and no user changed",
        *checks.untouched(others, old, new),
    )


def looked_at(claims: Claims, seen: list[Invocation], account: Account, old: Snapshot, new: Snapshot) -> None:
    number = records(seen, account.id)
    claims.claim(
        f"{account.name} was looked at as well, for its {number} alarms; it is within its own limits, and stays as"
        " it was",
        unless(number > 0, "no alarm of it was read"),
        *differences("instance", old.instances, new.instances),
        *differences("user", old.people, new.people),
    )


def few(claims: Claims, seen: list[Invocation], launches: int, events: int, took: float) -> None:
    number, swept = records(seen), sum(invocation.has_swept for invocation in seen)
    claims.claim(
        f"{number} events about {launches} launches within {took:.1f} s became {len(seen)} invocations of the Lambda;"
        f" {swept} of them looked at the account, and while it was contained the others left it to one that waited",
        unless(number == events, f"there should be {events}"),
        unless(0 < swept <= len(seen), "nobody looked at it"),
    )


def none_left(claims: Claims, started: list[str], now: Snapshot) -> None:
    states = {identity: state for (_, identity), state in now.instances.items()}
    left = [f"{identity} is {states.get(identity)}" for identity in started if states.get(identity) != "stopped"]
    claims.claim(f"no launch was missed: each of the {len(started)} instances is stopped, the last one too", *left[:5])


def publish_refused(claims: Claims, member: Account, code: str | None) -> None:
    claims.claim(
        f"{member.name}, with all rights of its own, may not publish an alarm to the payer's topic: {code}",
        unless(code in DENIED, "it was let in" if code is None else "another error"),
    )


def wrong_topic(claims: Claims, answer: Answer, topic: str) -> None:
    claims.claim(
        f"an alarm from another topic is refused: “{answer.body}”",
        unless(answer.status == 400, f"the answer is {answer.status}"),
        unless(topic in answer.body, f"it does not name {topic}"),
        unless(not answer.report, "something was swept"),
    )


def not_admitted(claims: Claims, stranger: Account, refusals: list[str], events: int) -> None:
    alarms = [said for said in refusals if said.startswith("the topic ") and f":{stranger.id}:alarm:" in said]
    launches = [said for said in refusals if said.startswith("the bus ") and f":{stranger.id}:rule/" in said]
    claims.claim(
        f"{stranger.name} deploys our very templates against this payer, and gets nowhere: the topic refuses its"
        f" {len(alarms)} alarms, the bus its launch, told {len(launches)} times",
        unless(len(alarms) == 2 and len(launches) == events, f"refused were {refusals}"),
    )


def not_carried(claims: Claims, member: Account, refusals: list[str], waiting: int) -> None:
    said = refusals[0] if len(refusals) == 1 else f"{len(refusals)} refusals were told"
    claims.claim(
        f"a rule of {member.name}'s own that borrows the forwarder role reaches nothing: {said}",
        unless("does not trust" in said and member.id in said, "the role's trust did not refuse it"),
        unless(waiting == 0, f"{waiting} messages are in the queue"),
    )


def strangers_dropped(claims: Claims, told: list[Invocation], stranger: Account, waiting: int) -> None:
    why = [
        line["message"]
        for invocation in told
        for line in invocation.records
        if stranger.id in (line.get("account"), *line["message"].split())
    ]
    claims.claim(
        f"a launch event of {stranger.name} that is in the queue all the same is refused: “{why[0] if why else '?'}”",
        unless(bool(why), "the log does not say so"),
        *[f"the log says {line}" for line in why if "refused" not in line],
    )
    claims.claim(
        "it is dropped, and so is what is no event at all: neither comes back",
        unless(waiting == 0, f"{waiting} messages are in the queue"),
    )


def envelope_counts(claims: Claims, told: list[Invocation], member: Account, victim: Account) -> None:
    claims.claim(
        f"an event of {member.name} whose detail names {victim.name} is about {member.name} alone",
        unless(records(told, member.id) == 1, f"{member.name} was looked at for {records(told, member.id)}"),
        unless(records(told, victim.id) == 0, f"{victim.name} was looked at"),
    )


def nothing_touched(
    claims: Claims,
    accounts: list[Account],
    old: dict[str, Any],
    new: dict[str, Any],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    fresh: list[Mail],
) -> None:
    claims.claim(
        "the forgeries touched nothing: no instance, no user in any account, no journal, no mail",
        *checks.untouched(accounts, old, new),
        unless(before == after, "the journal changed"),
        *[f"a mail said “{one.subject}”" for one in fresh],
    )
