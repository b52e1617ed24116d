"""What is claimed about faults, and how it is checked."""

import json
import re
from typing import Any

from botocore.exceptions import ClientError

from . import look
from .cast import PAYER, Account
from .claims import Claims, differences, unless
from .cloud import Cloud, code_of
from .lambdas import FUNCTION, Answer, Reply
from .look import Snapshot
from .mail import Mail

Table = dict[tuple[str, str], dict[str, Any]]


def refused(claims: Claims, event: object, answer: Answer, named: str) -> None:
    claims.claim(
        f"{json.dumps(event)} is answered {answer.status}: “{answer.body}”",
        unless(answer.status == 400, "it should be 400"),
        unless(named in answer.body, f"it does not name {named}"),
    )


def malformed(claims: Claims, payload: bytes, reply: Reply) -> None:
    claims.claim(
        f"{payload.decode()} is no JSON, and the error says so: {_brief(reply.text)}",
        unless(reply.failed, "it is no error"),
        unless("json" in reply.text.lower() or "EOF" in reply.text, "it does not say so"),
    )


def _brief(text: str, most: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def nothing_remembered(claims: Claims, what: str, old: Table, new: Table, fresh: list[Mail]) -> None:
    claims.claim(
        f"{what} left the table as it was, and nothing was mailed",
        *differences("item", old, new),
        *[f"a mail said “{one.subject}”" for one in fresh],
    )


def no_mail(claims: Claims, sentence: str, fresh: list[Mail]) -> None:
    claims.claim(sentence, *[f"a mail on {one.topic} said “{one.subject}”" for one in fresh])


def good_one_served(claims: Claims, answer: Answer, good: Account, bad: str) -> None:
    verdict, error = answer.account(good.id).get("verdict"), str(answer.account(bad).get("error"))
    claims.claim(
        f"{good.name} is served all the same",
        unless(answer.status == 200, f"the answer is {answer.status}"),
        unless(verdict == "Ok", f"the verdict is {verdict}"),
    )
    claims.claim(f"the other is named: “{error}”", unless(bad in error, "it is not"))


def variable_named(claims: Claims, reply: Reply, name: str, value: str) -> None:
    sentence = re.search(rf"the environment variable {name} is [^}}]*", reply.text)
    found = _brief(sentence[0] if sentence else reply.text).replace("\\", "").rstrip('"')
    claims.claim(
        f"the function does not start, and the error names the variable: {found}",
        unless(reply.failed, "it is no error"),
        unless(name in reply.text and value in reply.text, f"neither does it name {name}, nor {value}"),
    )


def region_unseen(claims: Claims, answer: Answer, whole: Answer, account: Account, region: str) -> None:
    entry = answer.account(account.id)
    gaps = [f"{gap.get('at')}: {gap.get('reason')}" for gap in entry.get("gaps", [])]
    claims.claim(
        f"{account.name} is reported Unseen, and the gap named: {_brief(gaps[0]) if gaps else '?'}",
        unless(answer.status == 200, f"the answer is {answer.status}"),
        unless(entry.get("unseen") is True, f"unseen is {entry.get('unseen')}"),
        unless(len(gaps) == 1 and region in gaps[0], f"the gaps are {gaps}"),
    )
    elsewhere = sum(count for place, count in account.launches.items() if place != region)
    counted = (entry.get("instances") or {}).get("counted")
    # What was spent is known from elsewhere, whatever could not be seen now.
    readings = [reading for reading in entry.get("readings", []) if "asOf" not in reading]
    claims.claim(
        f"its other regions are counted all the same: {counted}, as a lower bound",
        unless(counted == elsewhere, f"it should be {elsewhere}"),
        unless(
            bool(readings) and all(reading.get("lowerBound") is True for reading in readings),
            f"the readings are {readings}",
        ),
    )
    seen, before = (one.report.get("coverage", {}).get("seen") for one in (answer, whole))
    claims.claim(
        f"the coverage admits it: {seen} places seen, {before} before",
        unless(isinstance(seen, int) and seen + 1 == before, "it should be one less"),
    )
    lost = [
        f"{one['account']}: {one.get('verdict')}, was {whole.account(one['account']).get('verdict')}"
        for one in answer.report.get("accounts", [])
        if one.get("verdict") != whole.account(one["account"]).get("verdict")
    ]
    claims.claim("all other accounts are judged as before", *lost)


def seen_again(claims: Claims, answer: Answer, account: Account) -> None:
    entry = answer.account(account.id)
    counted = (entry.get("instances") or {}).get("counted")
    claims.claim(
        f"once the region answers, {account.name} is seen whole again: {counted} instances",
        unless(
            entry.get("unseen") is False and counted == sum(account.launches.values()),
            f"unseen is {entry.get('unseen')}",
        ),
    )


def mail_waits(claims: Claims, what: str, answer: Answer, topic: str) -> None:
    errors = answer.notices.get("errors", [])
    claims.claim(
        f"{what} succeeds; its report says that the mail waits, and for what: {_brief(errors[0]) if errors else '?'}",
        unless(answer.status == 200, f"the answer is {answer.status}: {answer.body}"),
        unless(answer.notices.get("waiting", 0) > 0, f"the report says {answer.notices}"),
        unless(any(topic in error for error in errors), f"no error names {topic}"),
    )


def halted_by_order(claims: Claims, answer: Answer, account: Account) -> None:
    entry = answer.account(account.id)
    claims.claim(
        f"{account.name} is Halted by order, proven by two clean passes",
        unless(entry.get("state") == "Halted", f"it is {entry.get('state')}"),
        unless((entry.get("halt") or {}).get("contained") is True, f"the report says {entry.get('halt')}"),
    )


def others_served(claims: Claims, answer: Answer, accounts: list[Account]) -> None:
    missing = [
        account.name for account in accounts if account.enrolled and answer.account(account.id).get("verdict") is None
    ]
    waiting = answer.notices.get("waiting")
    claims.claim(
        f"the sweep answers 200, judges every account, and says that {waiting} mails wait",
        unless(answer.status == 200, f"the answer is {answer.status}"),
        *missing,
        unless(waiting == 3, "it should be 3: the release, the halt, its outcome"),
    )


def delivered(claims: Claims, mails: list[Mail], account: Account, table: Table) -> None:
    kinds = sorted(one.kind for one in mails if one.about(account))
    claims.claim(
        "nothing is lost and nothing sent twice: the release, the halt and its outcome have each come once",
        unless(kinds == ["halt", "outcome", "release"], f"there came {kinds}"),
    )
    left = [f"{sort} is still there" for partition, sort in table if partition.startswith(look.OUTBOX)]
    claims.claim("the outbox is empty", *left)


def removed(claims: Claims, cloud: Cloud, remembered: Table) -> None:
    try:
        cloud.admin("lambda", PAYER).get_function(FunctionName=FUNCTION)
        objection: str | None = "it is still there"
    except ClientError as error:
        objection = unless(code_of(error) == "ResourceNotFoundException", str(error))
    claims.claim(f"cdk destroy removed the function {FUNCTION}", objection)
    claims.claim(
        f"it left the table with its {len(remembered)} items", *differences("item", remembered, look.table(cloud))
    )
    groups = cloud.admin("logs", PAYER).describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{FUNCTION}")["logGroups"]
    claims.claim("it left the log, which is evidence", unless(bool(groups), "the log group is gone"))


def adopted(claims: Claims, old: Table, new: Table) -> None:
    halts = len({partition for partition, _ in old if partition.startswith(look.JOURNAL)})
    claims.claim(
        f"the new stack took the table over as it was: every account's state, the journals of {halts} halts, the"
        " waiting mails",
        *differences("item", old, new),
        unless(halts > 0, "there is no journal"),
    )


def states_are(claims: Claims, before: Answer, answer: Answer, accounts: list[Account]) -> None:
    wrong = [
        f"{account.name} was {was}, is {now}"
        for account in accounts
        if (was := before.account(account.id).get("state")) != (now := answer.account(account.id).get("state"))
    ]
    claims.claim(
        "a sweep works, with every account in the state in which it was",
        unless(answer.status == 200, f"the answer is {answer.status}: {answer.body}"),
        *wrong,
    )
    unseen = [
        account.name
        for account in accounts
        if account.enrolled and answer.account(account.id).get("unseen") is not False
    ]
    claims.claim(
        "the accounts' roles still trust the function's role, which was made anew",
        *[f"{name} is not seen" for name in unseen],
    )


def failed(claims: Claims, answer: Answer) -> None:
    claims.claim(
        f"it is answered {answer.status}: “{answer.body}”",
        unless(answer.status == 500, "it should be 500"),
        unless(f"table {look.TABLE}" in answer.body, f"it does not name the table {look.TABLE}"),
    )


def tick_failed(claims: Claims, reply: Reply) -> None:
    claims.claim(
        "the schedule's own event ends in an error, so that Lambda tries it again and keeps it in the failure queue",
        unless(reply.failed, f"it was answered {_brief(reply.text)}"),
    )


def still_runs(claims: Claims, account: Account, started: list[str], now: Snapshot) -> None:
    states = [state for (_, identity), state in now.instances.items() if identity in started]
    claims.claim(
        f"the instance started in the halted {account.name} still runs",
        unless(states == ["running"], f"it is {states}"),
    )
