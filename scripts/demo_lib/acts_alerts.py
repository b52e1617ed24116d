"""Between two sweeps, when nobody invokes the Lambda: alarms and launches do. An act an alert, and one for what only
looks like one."""

import time

from . import alerts, checks, deploy, feeds, invocations, lambdas, look, mail, show, stage
from .acts import Story
from .bridges import Refusals
from .cast import EVENTS_A_LAUNCH, LAUNCH_REGION, SPEND_MONTH, Account

DOLLARS = 6200.0
CALLS, EACH = 10, 20
STRANGER = Account("another university", "outside of the organization", {LAUNCH_REGION: 1}, [], id="999999999999")


def alarm_rings(story: Story) -> None:
    show.heading("A spend alarm, between two sweeps")
    account, thrifty = story.named("chemistry"), story.named("quiet-lab")
    started = stage.launch(story.cloud, account, dict(account.launches))
    show.say(
        f"  started {len(started)} instances in {account.name}, over its limit of {account.threshold}, in a region"
        " where no rule tells of it"
    )
    story.now, wire, heard = story.look(), feeds.Wiretap(story.cloud), len(story.mailbox.all)
    start = time.time()
    with show.step(
        f"bridge, only here: publish Billing's estimate of {DOLLARS:g} USD in {account.name} and {thrifty.name}, and"
        " wait"
    ) as done:
        for one in (account, thrifty):
            feeds.publish_estimate(story.cloud, one, DOLLARS)
        ringing = {one.name: feeds.alarms(story.cloud, one.id) for one in (account, thrifty)}
        number = sum(map(len, ringing.values()))
        seen = invocations.wait(story.cloud, start, number, "alarms")
        done.note = f"{number} alarms"
    story.alarm = wire.heard()
    alerts.rang(story.claims, ringing, SPEND_MONTH)
    alerts.only_by(story.claims, seen, "spend-alarm", {account.id, thrifty.id})
    new = halted_alone(story, account, start, heard)
    alerts.looked_at(story.claims, seen, thrifty, story.now[thrifty.id], new[thrifty.id])
    story.now = new


def burst_of_launches(story: Story) -> None:
    show.heading(f"{CALLS * EACH} launches within seconds, between two sweeps")
    account = story.named("robotics")
    name, key = "rosie", account.keys["rosie"][0]
    story.now, heard = story.look(), len(story.mailbox.all)
    start = time.time()
    with show.step(
        f"launch {CALLS} times {EACH} instances in {account.name} with a stolen key of {name}, and wait"
    ) as done:
        started = feeds.burst(story.cloud, key, LAUNCH_REGION, CALLS, EACH)
        took = time.time() - start
        seen = invocations.wait(story.cloud, start, len(started) * EVENTS_A_LAUNCH, "launch events")
        done.note = f"launched within {show.seconds(took)}"
    alerts.few(story.claims, seen, len(started), len(started) * EVENTS_A_LAUNCH, took)
    alerts.only_by(story.claims, seen, "launch", {account.id})
    story.now = halted_alone(story, account, start, heard)
    alerts.none_left(story.claims, started, story.now[account.id])


def halted_alone(story: Story, account: Account, start: float, heard: int) -> dict[str, look.Snapshot]:
    """What must be true of an account that an alert halted, and of all others."""
    new = story.look()
    answer = story.operator.status()
    mail.tell(story.read_mail())
    alerts.halted(story.claims, answer, account, start)
    checks.stopped(story.claims, [account], new)
    checks.locked_out(story.claims, story.cloud, [account], new)
    checks.one_mail_each(story.claims, "after it", story.mailbox.all[heard:], [account])
    alerts.only(story.claims, account, story.accounts, story.now, new)
    return new


def forgeries(story: Story) -> None:
    show.heading("What only looks like an alarm or a launch")
    member, victim = story.named("quiet-lab"), story.named("astronomy")
    seen, remembered, start = story.look(), look.journal(story.cloud), time.time()
    forged = story.alarm | {
        "AWSAccountId": victim.id,
        "AlarmArn": f"arn:aws:cloudwatch:us-east-1:{victim.id}:alarm:{story.alarm['AlarmName']}",
    }
    alerts.publish_refused(story.claims, member, feeds.refused_publish(story.cloud, member, forged))
    other = feeds.topic("runawaytrain")
    alerts.wrong_topic(story.claims, lambdas.invoke(story.cloud, feeds.notification(forged, other), story.log), other)
    refusals = Refusals(story.deployment.places.logs / "emulator.log")
    deploy.enroll(story.cloud, [STRANGER], stage.organization_id(story.cloud), story.deployment.places)
    feeds.publish_estimate(story.cloud, STRANGER, DOLLARS)
    stage.launch(story.cloud, STRANGER, STRANGER.launches)
    alerts.not_admitted(story.claims, STRANGER, refusals.fresh(), EVENTS_A_LAUNCH)
    feeds.stray_rule(story.cloud, member, "RunawayTrainForwarder")
    alerts.not_carried(story.claims, member, refusals.fresh(), feeds.in_queue(story.cloud))
    feeds.enqueue(
        story.cloud, feeds.launch_event(STRANGER.id), feeds.launch_event(member.id, {"account": victim.id}), "not JSON"
    )
    with show.step("put three forged launch events into the queue, past everything that guards it, and wait"):
        # The alarm from the wrong topic is on record as well.
        told = invocations.wait(story.cloud, start, 4, "forgeries")
    alerts.strangers_dropped(story.claims, told, STRANGER, feeds.in_queue(story.cloud))
    alerts.envelope_counts(story.claims, told, member, victim)
    story.now = story.look()
    alerts.nothing_touched(
        story.claims, story.accounts, seen, story.now, remembered, look.journal(story.cloud), story.read_mail()
    )


ACTS = (alarm_rings, burst_of_launches, forgeries)
