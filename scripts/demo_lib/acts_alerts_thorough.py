"""With --thorough: alarms that ask for nothing, and a launch that cannot be judged at once."""

import time
from datetime import UTC, datetime, timedelta

from . import alert_faults, checks, damage, faults, feeds, invocations, lambdas, look, show, stage
from .acts import Story
from .cast import EVENTS_A_LAUNCH, LAUNCH_REGION

COMES_BACK = 8  # seconds


def alarms_that_ask_for_nothing(story: Story) -> None:
    show.heading("The alarm that rang, sent again")
    topic = feeds.topic()
    seen, remembered = story.look(), look.table(story.cloud)
    old = (datetime.now(UTC) - timedelta(minutes=61)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    for claim, change in (
        (alert_faults.replay_refused, {"StateChangeTime": old}),
        (alert_faults.ok_asks_for_nothing, {"NewStateValue": "OK"}),
    ):
        claim(
            story.claims,
            lambdas.invoke(story.cloud, feeds.notification(story.alarm | change, topic), story.log),
            story.alarm["AlarmName"],
        )
    checks.nothing_changed(story.claims, "that", story.accounts, seen, story.look())
    faults.nothing_remembered(story.claims, "that", remembered, look.table(story.cloud), story.read_mail())
    alert_faults.followed(
        story.claims,
        lambdas.invoke(story.cloud, feeds.notification(story.alarm, topic), story.log),
        story.alarm["AWSAccountId"],
    )


def launch_comes_back(story: Story) -> None:
    show.heading("A launch that cannot be judged at once comes back")
    account = story.named("robotics")
    with damage.impatient_queue(story.cloud, feeds.LAUNCHES, COMES_BACK):
        with damage.table_missing(story.cloud):
            start = time.time()
            started = stage.launch(story.cloud, account, {LAUNCH_REGION: 1})
            feeds.enqueue(story.cloud, "not JSON")
            with show.step(
                f"launch {started[0]} in the halted {account.name}, put what is no event beside it, and wait"
            ):
                seen = invocations.wait(story.cloud, start, EVENTS_A_LAUNCH + 1, "messages")
            alert_faults.launch_comes_back(story.claims, seen, EVENTS_A_LAUNCH, feeds.in_queue(story.cloud))
            faults.still_runs(story.claims, account, started, look.snapshot(story.cloud, account))
        with show.step(
            f"put the table back, and wait until the launch comes back (after {COMES_BACK} s here, 16 minutes on AWS)"
        ):
            seen = invocations.wait(story.cloud, time.time(), EVENTS_A_LAUNCH, "launch events")
        alert_faults.judged_after_all(
            story.claims, seen, account, started, look.snapshot(story.cloud, account), feeds.in_queue(story.cloud)
        )


ACTS = (alarms_that_ask_for_nothing, launch_comes_back)
