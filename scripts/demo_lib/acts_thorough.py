"""With --thorough: what can go wrong, an act a fault. Each leaves the stage as it found it."""

import json
import time
from typing import Any

from . import checks, damage, faults, invocations, lambdas, look, mail, runtime, show, stage
from .acts import Story
from .cast import Account
from .claims import unless
from .deploy import ACCOUNT_STACKS, STACK


def bad_input(story: Story) -> None:
    show.heading("Bad input: answered with a sentence, nothing touched")
    nowhere, quiet = "999999999999", story.named("quiet-lab")
    seen, remembered = story.look(), look.table(story.cloud)
    for event, named in (
        ({"action": "explode"}, "explode"),
        ({"action": "halt", "account": "12345"}, "12345"),
        ({"action": "proceed", "accounts": [quiet.id, "quiet-lab"]}, "quiet-lab"),
        ({"action": "proceed", "accounts": [nowhere]}, nowhere),
        ('{"action": "proceed"}', "a string"),
    ):
        faults.refused(story.claims, event, lambdas.invoke(story.cloud, event, story.log), named)
    broken = b'{"action": "proceed"'
    faults.malformed(story.claims, broken, _deliver(story, broken))
    checks.nothing_changed(story.claims, "bad input", story.accounts, seen, story.look())
    faults.nothing_remembered(story.claims, "bad input", remembered, look.table(story.cloud), story.read_mail())
    answer = story.ask(
        "invoke with proceed for a good account beside an unknown one",
        {"action": "proceed", "accounts": [quiet.id, nowhere]},
    )
    faults.good_one_served(story.claims, answer, quiet, nowhere)


def _deliver(story: Story, payload: bytes) -> lambdas.Reply:
    """Past the API: Lambda's own refuses what is no JSON, and the emulator's takes it for an empty event."""
    deployment = story.deployment
    package, log = deployment.output / "function", deployment.places.logs / "runtime.log"
    with show.step("hand the Lambda bytes that are no JSON, as its runtime would"):
        return runtime.deliver(story.cloud, deployment.binary, package, payload, log)


def malformed_variable(story: Story) -> None:
    show.heading("A malformed variable: ec2limit=four")
    with damage.variable(story.cloud, "ec2limit", "four"), show.step("invoke with status"):
        reply = lambdas.send(story.cloud, json.dumps({"action": "status"}).encode(), story.log)
    faults.variable_named(story.claims, reply, "ec2limit", "four")
    answer = story.ask("set it back, and invoke with status", {"action": "status"})
    story.claims.claim(
        "with the variable set back it answers again", unless(answer.status == 200, f"it is {answer.status}")
    )


def region_refuses(story: Story) -> None:
    show.heading("A region that refuses")
    account = story.named("quiet-lab")
    region = next(iter(account.launches))
    whole = story.ask("invoke with proceed while all regions answer", {"action": "proceed"})
    with damage.refusing_region(story.cloud, account, region):
        answer = story.ask(
            f"invoke with proceed while {account.name} denies DescribeInstances in {region}", {"action": "proceed"}
        )
    faults.region_unseen(story.claims, answer, whole, account, region)
    answer = story.ask("invoke with proceed when it answers again", {"action": "proceed"})
    faults.seen_again(story.claims, answer, account)
    fresh = [one for one in story.read_mail() if one.about(account)]
    faults.no_mail(story.claims, "one sweep that missed a region is a hiccup, and nobody is mailed about it", fresh)


def topic_is_missing(story: Story) -> None:
    show.heading("A notify list's topic is gone while there is something to tell")
    account = story.named("physics-lab")
    topic = damage.delete_topic(story.cloud, account)
    story.awaited = len(story.mailbox.all)
    answer = story.operator.order("release", account.name)
    faults.mail_waits(story.claims, "the release", answer, topic)
    answer = story.operator.order("halt", account.name, "--reason", "a key on a public page")
    faults.mail_waits(story.claims, "the halt", answer, topic)
    faults.halted_by_order(story.claims, answer, account)
    answer = story.ask("invoke with proceed", {"action": "proceed"})
    faults.others_served(story.claims, answer, story.accounts)
    fresh = [one for one in story.read_mail() if one.about(account)]
    faults.no_mail(story.claims, f"no mail about {account.name} came, and none was sent to another list", fresh)
    with show.step("make the topic anew, with the same name and a subscription"):
        damage.make_topic(story.cloud, topic, story.mailbox)


def removed_and_deployed_again(story: Story) -> None:
    show.heading("The stacks are removed and deployed again: the memory outlives them")
    before = story.operator.status()
    remembered = look.table(story.cloud)
    story.deployment.down()
    faults.removed(story.claims, story.cloud, remembered)
    story.deployment.up(STACK)
    start = time.time()
    # Made anew, the alarm that rang rings again. A sweep now would send the mails that wait, and nobody hears the new
    # topics yet.
    with damage.variable(story.cloud, "envaction", "pass"):
        story.deployment.up(ACCOUNT_STACKS)
        with show.step(f"wait until the new alarm on {story.named('economics').name} has rung, and was told pass"):
            invocations.wait(story.cloud, start, 1, "alarms")
    story.mailbox.subscribe()
    faults.adopted(story.claims, remembered, look.table(story.cloud))
    answer = story.ask("invoke with proceed", {"action": "proceed"})
    faults.states_are(story.claims, before, answer, story.accounts)


def nothing_was_lost(story: Story) -> None:
    show.heading("The mails that waited for their topic")
    account = story.named("physics-lab")
    with show.step("wait until the failed mails may be tried again, a minute after they failed"):
        time.sleep(max(0.0, damage.claimed_until(story.cloud) - time.time()))
    story.ask("invoke with proceed", {"action": "proceed"})
    mail.tell(story.read_mail())
    faults.delivered(story.claims, story.mailbox.all[story.awaited :], account, look.table(story.cloud))


def table_is_missing(story: Story) -> None:
    show.heading("The state table is gone: nothing is touched that could not be written down first")
    account = story.named("physics-lab")
    started = stage.launch(story.cloud, account, {next(iter(account.launches)): 1})
    show.say(f"  started {started[0]} in the halted {account.name}")
    seen, beats = story.look(), look.heartbeats(story.cloud)
    with damage.table_missing(story.cloud):
        answer = story.ask("invoke with proceed", {"action": "proceed"})
        faults.failed(story.claims, answer)
        reply = lambdas.send(story.cloud, b"{}", story.log)
        faults.tick_failed(story.claims, reply)
        _untouched(story, account, started, seen, beats)
    answer = story.ask("put the table back as it was, and invoke with proceed", {"action": "proceed"})
    story.now = story.look()
    checks.relapse(story.claims, answer, account, started, story.now[account.id])
    checks.heartbeats(story.claims, story.cloud, "the heartbeat is back", beats + 1)


def _untouched(story: Story, account: Account, started: list[str], seen: dict[str, Any], beats: float) -> None:
    now = story.look()
    faults.still_runs(story.claims, account, started, now[account.id])
    checks.nothing_changed(story.claims, "a sweep without its table", story.accounts, seen, now)
    checks.heartbeats(story.claims, story.cloud, "it gave no heartbeat, so that the alarm calls people", beats)


ACTS = (
    bad_input,
    malformed_variable,
    region_refuses,
    topic_is_missing,
    removed_and_deployed_again,
    nothing_was_lost,
    table_is_missing,
)
