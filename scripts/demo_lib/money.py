"""What is claimed about money, and how it is checked: against the price list's double, the report that was written, and
the mails."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from . import checks, look
from .bridges.prices import PRICES
from .cast import Account
from .claims import Claims, unless
from .cloud import Cloud
from .cost_report import Line
from .lambdas import Answer
from .mail import Mail
from .report import Reading
from .stage import TYPE

PRICE = "PRICE"  # the table's partition of prices
A_CENT = 0.01


def read(claims: Claims, answer: Answer, lines: list[Line]) -> None:
    periods = answer.report.get("periods", [])
    got = [period["read"] for period in periods if period.get("result") == "read"]
    rows, gaps = sum(one["rows"] for one in got), [gap for one in got for gap in one.get("gaps", [])]
    claims.claim(
        f"it read {rows} lines, all there are, without a gap",
        unless(answer.status == 200, f"the answer is {answer.status}: {answer.body}"),
        unless(rows == len(lines), f"there are {len(lines)}; the answer says {periods}"),
        *gaps,
    )
    wanted, day = _day(lines), answer.report.get("day") or {}
    claims.claim(
        f"the organization's last 24 hours come to {day.get('amount')} USD, without the credit and the tax, until"
        f" {day.get('until')}",
        unless(_equal(day.get("amount"), wanted), f"they come to {wanted}"),
    )


def _day(lines: list[Line]) -> Decimal:
    hours = sorted({line.hour for line in lines})[-24:]
    return sum((line.cost for line in lines if line.kind == "Usage" and line.hour in hours), Decimal(0))


def _equal(number: float | None, wanted: Decimal | float) -> bool:
    return number is not None and abs(float(number) - float(wanted)) < A_CENT / 100


def unchanged(claims: Claims, answer: Answer) -> None:
    results = [period.get("result") for period in answer.report.get("periods", [])]
    claims.claim(
        "asked again, it finds nothing new, and reads nothing twice",
        unless("unchanged" in results and "read" not in results, f"the results are {results}"),
    )


def by_list_price(claims: Claims, answer: Answer, mails: list[Mail], account: Account, kind: str, region: str) -> None:
    wanted = float(PRICES[kind][region]) + float(PRICES[TYPE][region])
    reading = _alone(claims, answer, account, "burn")
    claims.claim(
        f"{account.name}: {reading.get('value')} USD/hour is the list price of its {kind} and its {TYPE}, nothing of it"
        " an estimate",
        unless(_equal(reading.get("value"), wanted), f"they cost {wanted}"),
        unless("estimated" not in reading, f"the reading is {reading}"),
    )
    _told(claims, mails, account, r"USD [0-9.,]+/hour \(limit 50\.00\)")


def by_estimate(claims: Claims, answer: Answer, mails: list[Mail], account: Account, region: str) -> None:
    reading = _alone(claims, answer, account, "burn")
    value, estimated = reading.get("value") or 0.0, reading.get("estimated") or 0.0
    claims.claim(
        f"{account.name}: the price list has no price for what it started, so {estimated:g} of the {value:g} USD/hour"
        " are an estimate by vCPUs, and marked so",
        unless(estimated > 0, f"the reading is {reading}"),
        unless(_equal(value - estimated, Decimal(PRICES[TYPE][region])), f"its {TYPE} is not at its list price"),
    )
    _told(claims, mails, account, r"USD [0-9.,]+/hour \(limit 20\.00; [0-9.,]+ of it estimated, [0-9.,]+ for certain\)")


def by_reports(claims: Claims, answer: Answer, mails: list[Mail], account: Account, wanted: Decimal) -> None:
    reading = _alone(claims, answer, account, "spend24h")
    claims.claim(
        f"{account.name}: {reading.get('value')} USD in 24 h, as the report has it",
        unless(_equal(reading.get("value"), wanted), f"it has {wanted}"),
    )
    _told(
        claims,
        mails,
        account,
        r"USD [0-9.,]+ in 24 h \(limit 100\.00; cost and usage reports until [0-9-]+ [0-9:]+ UTC\)",
    )


def by_charges(claims: Claims, answer: Answer, mails: list[Mail], account: Account, wanted: float) -> None:
    why = str(answer.account(account.id).get("why"))
    claims.claim(
        f"the table remembers why: {why}", unless(f"USD {wanted:.2f} this month" in why, f"it is not {wanted}")
    )
    _told(
        claims,
        mails,
        account,
        rf"USD {wanted:.2f} this month \(limit 500\.00; estimated charges until [0-9-]+ [0-9:]+ UTC\)",
    )


def remembered(
    claims: Claims, answer: Answer, burning: Account, spending: Account, charged: Account, dollars: float
) -> None:
    """What `status` shows of each of the three numbers, where one is known."""
    runs = sum(number * Decimal(PRICES[TYPE][region]) for region, number in burning.launches.items())
    burn = (answer.account(burning.id).get("last") or {}).get("burn") or {}
    day, month = (
        (answer.account(account.id).get("spend") or {}).get(what) or {}
        for account, what in ((spending, "day"), (charged, "month"))
    )
    claims.claim(
        f"status has the money of each account: {burning.name} {burn.get('listed')} USD/hour; {spending.name}"
        f" {day.get('amount')} USD in the day until {day.get('until')}, by {day.get('source')}; {charged.name}"
        f" {month.get('amount')} USD this month at {month.get('at')}",
        unless(_equal(burn.get("listed"), runs), f"the burn is {burn}, not {runs}"),
        unless(day.get("source") == "reports" and "until" in day, f"the day is {day}"),
        unless(_equal(month.get("amount"), dollars) and "at" in month, f"the month is {month}"),
    )


def _alone(claims: Claims, answer: Answer, account: Account, limit: str) -> Reading:
    """The one reading that tripped, while every other limit held."""
    entry = answer.account(account.id)
    readings = {reading["limit"]: reading for reading in entry.get("readings", [])}
    tripped = [name for name, reading in readings.items() if reading["judgement"] == "Halt"]
    instances, vcpus = (readings.get(name, {}) for name in ("instances", "vcpus"))
    claims.claim(
        f"{account.name} is Halted by its {limit} alone: {instances.get('value')} of {instances.get('threshold')}"
        f" instances, {vcpus.get('value')} of {vcpus.get('threshold')} vCPUs",
        unless(entry.get("state") == "Halted", f"it is {entry.get('state')}"),
        unless(tripped == [limit], f"tripped were {tripped}"),
        unless((entry.get("halt") or {}).get("contained") is True, f"the halt is {entry.get('halt')}"),
    )
    none: Reading = {}
    return readings.get(limit, none)


def _told(claims: Claims, mails: list[Mail], account: Account, pattern: str) -> None:
    text = next((one.text for one in mails if one.kind == "halt" and one.about(account)), "")
    # A long reason goes on below where it began.
    found = re.search(r"^Reason +(.+(?:\n {10}.+)*)", text, re.MULTILINE)
    reason = " ".join(found[1].split()) if found else "?"
    claims.claim(
        f"its halt mail says why: {reason}",
        unless(re.search(pattern, reason) is not None, f"it does not match {pattern}"),
    )


def prices_kept(claims: Claims, cloud: Cloud, kinds: Iterable[str], region: str) -> None:
    kept = {
        tuple(sort.split("#")[:2]): item for (partition, sort), item in look.table(cloud).items() if partition == PRICE
    }
    missing = [f"{kind} is not" for kind in kinds if (region, kind) not in kept]
    undated = [f"{place} is without its time" for place, item in kept.items() if "asked" not in item]
    wrong = [
        f"{place} is kept at {micros} millionths"
        for place, item in kept.items()
        if (micros := _micros(item)) != _listed(*place)
    ]
    none = [kind for (_, kind), item in kept.items() if _micros(item) is None]
    claims.claim(
        f"the table keeps what the price list said of {len(kept)} types and regions, and when; also that it has none of"
        f" {', '.join(none)}",
        *missing,
        *undated,
        *wrong,
    )


def _micros(item: dict[str, Any]) -> int | None:
    return int(item["perHourMicros"]["N"]) if "perHourMicros" in item else None


def _listed(region: str, kind: str) -> int | None:
    """In millionths of a US dollar."""
    usd = PRICES.get(kind, {}).get(region)
    return None if usd is None else int(Decimal(usd) * 1_000_000)


def payers_alarm_rang(claims: Claims, alarms: dict[str, str], account: Account) -> None:
    ringing = [name for name, state in alarms.items() if state == "ALARM"]
    claims.claim(
        f"of the payer's {len(alarms)} spend alarms the one on {account.name} rings: {', '.join(ringing)}",
        unless(ringing == [f"runawaytrain-spend-{account.id}"], f"their states are {alarms}"),
    )


def only(
    claims: Claims, halted: list[Account], accounts: list[Account], old: dict[str, Any], new: dict[str, Any]
) -> None:
    others = [other for other in accounts if other not in halted]
    names = ", ".join(account.name for account in halted)
    claims.claim(
        f"only {names}: in the other {len(others)} accounts no instance and no user changed, since before the report"
        " was read",
        *checks.untouched(others, old, new),
    )
