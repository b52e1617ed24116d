"""Accounts that no count of instances would halt: money does. By the price list, by an estimate, by cost reports, by a
billing alarm."""

import time
from decimal import Decimal

from . import alerts, checks, cost_report, feeds, invocations, mail, money, show, stage
from .acts import Story
from .acts_alerts import halted_alone
from .cast import PAYER

REGION = "us-east-1"
# One a row: who starts it, and what.
EXPENSIVE = {"deep-learning": "p5.48xlarge", "computer-vision": "p5e.48xlarge"}
HOURS = 26  # of which the last 24 count
COSTS = Decimal("15.00")  # an hour, in training jobs
# Above the one account's own limit, below the payer's. The emulator's alarms overlook whose metric it is: each number
# here reaches each of the payer's alarms, and may ring that one only. What the Lambda then reads is the account's own
# metric.
CHARGED, THRIFTY = 812.34, 12.5


def reports_are_read(story: Story) -> None:
    show.heading('Cost and Usage Reports: {"action": "reports"} reads what Billing wrote')
    spender, thrifty = story.named("linguistics"), story.named("quiet-lab")
    story.now = story.look()
    hours = cost_report.last_hours(HOURS)
    lines = [cost_report.Line(spender.id, hour, COSTS) for hour in hours] + [
        cost_report.Line(thrifty.id, hour, Decimal("0.02"), product="AmazonEC2") for hour in hours
    ]
    # Neither is usage: a credit must not hide what runs, nor a tax add to it.
    lines += [
        cost_report.Line(spender.id, hours[-1], Decimal(-300), "Credit"),
        cost_report.Line(spender.id, hours[-1], Decimal(99), "Tax"),
    ]
    with show.step("write a report into the payer's bucket, in Billing's place and layout") as done:
        done.note = ", ".join(cost_report.write(story.cloud, lines))
    answer = story.ask("invoke with reports", {"action": "reports"})
    money.read(story.claims, answer, lines)
    answer = story.ask("invoke with reports again", {"action": "reports"})
    money.unchanged(story.claims, answer)


def money_runs(story: Story) -> None:
    show.heading("One expensive instance each, under every limit of a count, and a sweep")
    show.say("  for prices the Lambda asks the double price_list, which stands in for the AWS Price List here")
    for name, kind in EXPENSIVE.items():
        started = stage.launch(story.cloud, story.named(name), {REGION: 1}, kind)
        show.say(f"  started one {kind} in {name}: {started[0]}")
    heard = len(story.mailbox.all)
    before, story.now = story.now, story.look()
    answer = story.ask("invoke with proceed", {"action": "proceed"})
    new = story.look()
    story.operator.show("check")
    story.read_mail()
    fresh = story.mailbox.all[heard:]
    mail.tell(fresh)
    deep, vision, linguistics = (story.named(name) for name in (*EXPENSIVE, "linguistics"))
    money.by_list_price(story.claims, answer, fresh, deep, EXPENSIVE[deep.name], REGION)
    money.by_estimate(story.claims, answer, fresh, vision, REGION)
    money.by_reports(story.claims, answer, fresh, linguistics, 24 * COSTS)
    money.prices_kept(story.claims, story.cloud, EXPENSIVE.values(), REGION)
    halted = [deep, vision, linguistics]
    checks.stopped(story.claims, halted, new)
    checks.locked_out(story.claims, story.cloud, halted, new)
    checks.one_mail_each(story.claims, "after it", fresh, halted)
    # Since before the report was read: reading it touched nobody.
    money.only(story.claims, halted, story.accounts, before, new)
    story.now = new


def billing_alarm_rings(story: Story) -> None:
    show.heading("An alarm of the payer's own, on the charges of one account")
    account, thrifty = story.named("economics"), story.named("quiet-lab")
    heard, start = len(story.mailbox.all), time.time()
    with show.step(
        f"publish what Billing would in the payer: {CHARGED:g} USD this month in {account.name}, {THRIFTY:g} USD in"
        f" {thrifty.name}; and wait"
    ):
        feeds.publish_charges(story.cloud, {account.id: CHARGED, thrifty.id: THRIFTY})
        seen = invocations.wait(story.cloud, start, 1, "alarms")
    money.payers_alarm_rang(story.claims, feeds.alarms(story.cloud, PAYER), account)
    alerts.only_by(story.claims, seen, "spend-alarm", {account.id})
    new = halted_alone(story, account, start, heard)
    answer = story.operator.status()
    money.by_charges(story.claims, answer, story.mailbox.all[heard:], account, CHARGED)
    money.remembered(story.claims, answer, thrifty, story.named("linguistics"), account, CHARGED)
    story.now = new


ACTS = (reports_are_read, money_runs, billing_alarm_rings)
