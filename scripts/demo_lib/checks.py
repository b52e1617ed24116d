"""What is claimed, and how it is checked: against the emulator with other keys than the Lambda's, and against its
report."""

import json
from typing import Any

from botocore.exceptions import ClientError

from . import look, stage
from .cast import EXEMPT, Account
from .claims import Claims, differences, unless
from .cloud import Cloud, code_of
from .lambdas import Answer
from .look import Snapshot
from .mail import Mail
from .report import Halt

PASS_BODY = "action == pass voids lambda runawaytrain execution"
REFUSALS = {
    "AuthFailure",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "UnauthorizedOperation",
    "AccessDenied",
    "InvalidAccessKeyId",
}


def keys_work(claims: Claims, cloud: Cloud, accounts: list[Account]) -> None:
    """Without this a refusal later would prove nothing."""
    keys = [(name, key) for account in accounts for name, pairs in account.keys.items() for key in pairs]
    refusals = [f"{name}: {code}" for name, key in keys if (code := look.refused(cloud, key))]
    claims.claim(f"all {len(keys)} access keys of the users work, until now", *refusals)


def responder_trusts_nobody_else(claims: Claims, cloud: Cloud, accounts: list[Account]) -> None:
    """The payer's own admin may do everything there, and still may not wear the responder role elsewhere."""
    payer, target = accounts[0], next(account for account in accounts if account.runaway)
    name, (key, *_) = next(iter(payer.keys.items()))
    organization = stage.organization_id(cloud)
    try:
        cloud.client("sts", *key).assume_role(
            RoleArn=f"arn:aws:iam::{target.id}:role/RunawayTrainResponder",
            RoleSessionName="curious",
            ExternalId=f"runawaytrain-{organization}",
        )
        objection: str | None = "it was handed out"
    except ClientError as error:
        objection = unless(code_of(error) in REFUSALS, f"another error: {error}")
    claims.claim(
        f"the responder role in {target.name} is refused to the payer's own user {name}: it is the Lambda's alone",
        objection,
    )


def passed(claims: Claims, answer: Answer) -> None:
    wanted = {"statusCode": 200, "body": PASS_BODY}
    claims.claim(
        "pass is answered exactly as the original answers it",
        unless(answer.raw == wanted, f"the answer was {json.dumps(answer.raw)[:300]}"),
    )


def drilled(claims: Claims, answer: Answer, accounts: list[Account], seen: dict[str, Snapshot]) -> None:
    entries = answer.report.get("accounts", [])
    whole = {entry.get("account") for entry in entries} == {account.id for account in accounts}
    claims.claim(f"drill reports all {len(accounts)} accounts", unless(whole, f"it has {len(entries)}"))
    for account in accounts:
        entry = answer.account(account.id)
        if account.runaway:
            text = json.dumps(entry.get("plan", {}))
            missing = [identity for _, identity in seen[account.id].instances if identity not in text]
            claims.claim(
                f"drill judges {account.name} Halt and its plan names all {len(seen[account.id].instances)} instances",
                unless(entry.get("verdict") == "Halt", f"the verdict is {entry.get('verdict')}"),
                unless(not missing, f"the plan lacks {', '.join(missing[:5])}"),
            )


def nothing_changed(
    claims: Claims, action: str, accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]
) -> None:
    claims.claim(
        f"{action} changed nothing: no instance, no key, no login, no user's policy, in any account",
        *untouched(accounts, old, new),
    )


def untouched(accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]) -> list[str]:
    lines = []
    for account in accounts:
        lines += differences(f"{account.name}: instance", old[account.id].instances, new[account.id].instances)
        lines += differences(f"{account.name}: user", old[account.id].people, new[account.id].people)
    return lines


def no_traces(claims: Claims, action: str, fresh: list[Mail], items: list[dict[str, Any]]) -> None:
    mails = [f"a mail came: {one.subject}" for one in fresh]
    claims.claim(
        f"{action} sent no mail and wrote nothing into the journal",
        *mails,
        unless(not items, f"{len(items)} journal items"),
    )


def judged(claims: Claims, answer: Answer, accounts: list[Account]) -> None:
    for account in accounts:
        entry = answer.account(account.id)
        if account.runaway:
            wrong = unless(entry.get("state") == "Halted", f"it is {entry.get('state')}: {json.dumps(entry)[:300]}")
            counted = (entry.get("instances") or {}).get("counted")
            launched = sum(account.launches.values())
            claims.claim(
                f"{account.name} ran {launched} instances in {len(account.launches)} regions under a limit of"
                f" {account.threshold}, and is Halted",
                wrong,
                unless(entry.get("verdict") == "Halt", f"the verdict is {entry.get('verdict')}"),
                unless(counted == launched, f"the report counts {counted}"),
            )
            halt = entry.get("halt") or {}
            proven = unless(halt.get("contained") is True, f"the report says {json.dumps(halt)}")
            claims.claim(
                f"{account.name} was contained {_seconds(halt)} after the trip, proven by two clean passes", proven
            )
        elif account.limit is not None and account.limit == sum(account.launches.values()):
            verdict = entry.get("verdict")
            claims.claim(
                f"{account.name}, exactly at its limit of {account.limit}, is warned and not halted",
                unless(verdict == "Warn", f"the verdict is {verdict}"),
            )


def _seconds(halt: Halt) -> str:
    seconds = halt.get("seconds")
    return f"{seconds:.1f} s" if isinstance(seconds, (int, float)) else "some time"


def stopped(claims: Claims, runaways: list[Account], now: dict[str, Snapshot]) -> None:
    for account in runaways:
        running = [
            f"{identity} in {region} is {state}"
            for (region, identity), state in now[account.id].instances.items()
            if state in ("pending", "running")
        ]
        number, regions = len(now[account.id].instances), len({region for region, _ in now[account.id].instances})
        where = f"{regions} {'regions' if regions > 1 else 'region'}"
        those = f"all {number} in {where} are" if number > 1 else "its one instance is"
        claims.claim(
            f"no instance runs in {account.name}: {those} stopped, none is terminated",
            *running[:5],
            *_terminated(now[account.id]),
        )


def _terminated(seen: Snapshot) -> list[str]:
    return [
        f"{identity} in {region} is {state}"
        for (region, identity), state in seen.instances.items()
        if state in ("terminated", "shutting-down")
    ]


def bystanders(claims: Claims, accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]) -> None:
    for account in accounts:
        if not account.runaway:
            count = len(old[account.id].instances)
            running = {0: "no instance runs, as before", 1: "the same instance runs"}
            claims.claim(
                f"{account.name} is untouched: {running.get(count, f'the same {count} instances run')}, its users have"
                " what they had",
                *untouched([account], old, new),
            )


def exempt(
    claims: Claims, cloud: Cloud, runaways: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]
) -> None:
    for account in runaways:
        for name in [person.name for person in account.people if person.name in EXEMPT]:
            had, has = old[account.id].people[name], new[account.id].people.get(name)
            refusals = [f"a key is refused: {code}" for key in account.keys[name] if (code := look.refused(cloud, key))]
            claims.claim(
                f"{name} in {account.name} is exempt: the key works, the login is there",
                unless(had == has, f"was {had}, is {has}"),
                *refusals,
            )


def locked_out(claims: Claims, cloud: Cloud, runaways: list[Account], now: dict[str, Snapshot]) -> None:
    for account in runaways:
        people = [person.name for person in account.people if person.name not in EXEMPT]
        keys = [(name, key) for name in people for key in account.keys[name]]
        answers = {key[0]: look.refused(cloud, key) for _, key in keys}
        codes = sorted({code for code in answers.values() if code})
        claims.claim(
            f"{' and '.join(people)} in {account.name} {'are' if len(people) > 1 else 'is'} locked out: {len(keys)}"
            f" key{'s' if len(keys) > 1 else ''} refused by the emulator ({', '.join(codes) or 'none'})",
            *[f"{name}'s key {key[0]} still works" for name, key in keys if not answers[key[0]]],
            *[
                f"{name}'s key {key[0]} fails for another reason: {code}"
                for name, key in keys
                if (code := answers[key[0]]) and code not in REFUSALS
            ],
        )
        seen = now[account.id].people
        logins = [f"{name} can still log in" for name in people if name in seen and seen[name].login]
        claims.claim(f"no console login is left to them in {account.name}", *logins)
        _way(claims, account, people, seen)


def _way(claims: Claims, account: Account, people: list[str], seen: dict[str, look.Person]) -> None:
    """`deactivate` can be undone, `delete-credentials` cannot; both leave the users themselves."""
    lost = [f"the user {name} is gone" for name in people if name not in seen]
    there = [name for name in people if name in seen]
    if account.users == "delete-credentials":
        left = [f"{name} still has {len(seen[name].keys)} keys" for name in there if seen[name].keys]
        claims.claim(f"{account.name} has delete-credentials: the keys are deleted, the users remain", *lost, *left)
    else:
        wrong = [
            f"{name} has {seen[name].keys}"
            for name in there
            if {status for _, status in seen[name].keys} != {"Inactive"}
            or len(seen[name].keys) != len(account.keys[name])
        ]
        denies = [
            f"{name} has no inline deny, only {seen[name].inline}" for name in there if len(seen[name].inline) < 2
        ]
        claims.claim(
            f"{account.name} has deactivate: the keys are there but inactive, each user has an inline deny",
            *lost,
            *wrong,
            *denies,
        )


def unseen(claims: Claims, answer: Answer, accounts: list[Account]) -> None:
    coverage = answer.report.get("coverage") or {}
    for account in accounts:
        if account.enrolled:
            continue
        entry = answer.account(account.id)
        reasons = [str(gap.get("reason")) for gap in entry.get("gaps", []) if gap.get("reason")]
        claims.claim(
            f"{account.name} is reported Unseen, with the reason: {reasons[0] if reasons else '?'}",
            unless(entry.get("unseen") is True, f"unseen is {entry.get('unseen')}"),
            unless(bool(reasons), "no reason is given"),
        )
    seen, expected = coverage.get("seen"), coverage.get("expected")
    holds = isinstance(seen, int) and isinstance(expected, int) and 0 < seen < expected
    claims.claim(
        f"the coverage admits it: {seen} of {expected} places seen", unless(holds, "it should be less than whole")
    )


def one_mail_each(claims: Claims, when: str, mails: list[Mail], runaways: list[Account]) -> None:
    for account in runaways:
        kinds = [one.kind for one in mails if one.about(account)]
        claims.claim(
            f"{when}, exactly one halt mail and one outcome mail about {account.name} were sent",
            unless(
                sorted(kinds) == ["halt", "outcome"],
                f"there were {len(kinds)}: {'; '.join(one.subject for one in mails if one.about(account)) or 'none'}",
            ),
        )
    wrong = [f"“{one.subject}”" for one in mails if len(one.subject) >= 100 or "\n" in one.subject or not one.subject]
    claims.claim(f"{when}, every subject is one line under 100 characters", *wrong)


def no_mail_about(claims: Claims, fresh: list[Mail], runaways: list[Account]) -> None:
    again = [f"it said “{one.subject}”" for one in fresh for account in runaways if one.about(account)]
    claims.claim("the second sweep sent no mail about the accounts that were halted already", *again)


def relapse(claims: Claims, answer: Answer, account: Account, started: list[str], now: Snapshot) -> None:
    states = {identity: state for (_, identity), state in now.instances.items() if identity in started}
    claims.claim(
        f"what was started in the halted {account.name} is stopped: {', '.join(started)}",
        *[f"{identity} is {states.get(identity)}" for identity in started if states.get(identity) != "stopped"],
    )
    entry = answer.account(account.id)
    text = json.dumps(entry)
    claims.claim(
        f"the sweep's report says so: {account.name} is still Halted, and what was stopped is named",
        unless(entry.get("state") == "Halted", f"it is {entry.get('state')}"),
        *[f"{identity} is not named" for identity in started if identity not in text],
    )


def heartbeats(claims: Claims, cloud: Cloud, sentence: str, wanted: float) -> None:
    seen = look.heartbeats(cloud)
    claims.claim(sentence, unless(seen == wanted, f"the metric RunawayTrain/Heartbeat counts {seen:g}, not {wanted:g}"))


def journal(claims: Claims, items: list[dict[str, Any]], runaways: list[Account], seen: dict[str, Snapshot]) -> None:
    for account in runaways:
        own = [item for item in items if item["pk"]["S"].startswith(f"{look.JOURNAL}{account.id}#")]
        bare = [item["sk"]["S"] for item in own if "intent" not in item]
        open_ = [item["sk"]["S"] for item in own if "outcome" not in item]
        text = json.dumps(own)
        missing = [identity for _, identity in seen[account.id].instances if identity not in text]
        claims.claim(
            f"the journal holds {len(own)} API calls on {account.name}, each with its intent and its outcome, every"
            " stopped instance named",
            unless(bool(own), "there is no item"),
            unless(not bare, f"{len(bare)} without an intent, such as {bare[:1]}"),
            unless(not open_, f"{len(open_)} without an outcome, such as {open_[:1]}"),
            unless(not missing, f"it lacks {', '.join(missing[:5])}"),
        )
