"""With --thorough: past one Lambda. The same function under a Distributed Map of Step Functions, in front of which only
the policy's key `scale` puts it."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import damage, look, mail, show, stage
from .acts import Story
from .cast import PAYER
from .claims import Claims, unless
from .deploy import STACK
from .process import StepFailed

BATCH, CONCURRENCY = 3, 4
SCALE = f"scale: {{accountsPerWorker: {BATCH}, maxConcurrency: {CONCURRENCY}}}\n"
PATIENCE = 180.0  # seconds; a halt with its two clean passes takes eleven


def many_workers(story: Story) -> None:
    show.heading("Past one Lambda: many workers under a Distributed Map")
    account = story.named("astronomy")
    with _scaled(story):
        machine = _target(story)
        # Where no rule tells of launches: only a sweep finds it.
        started = stage.launch(story.cloud, account, {"ap-south-1": 1})
        show.say(f"  started {started[0]} in {account.name}, which was exactly at its limit")
        beats, seen = look.heartbeats(story.cloud), story.look()
        report = _sweep(story, machine, "start the state machine as the schedule does")
        now, fresh = story.look(), story.read_mail()
        mail.tell(fresh)
        _swept(story.claims, report, len(story.accounts))
        state = _state(story, account.id)
        story.claims.claim(
            f"a worker found {account.name} past its limit and contained it: {state}",
            unless(state == "Halted", "it should be Halted"),
            unless(now[account.id].running == 0, f"{now[account.id].running} instances run in it"),
            unless(any(one.about(account) for one in fresh), "nobody was mailed"),
        )
        others = [one for one in story.accounts if one.id != account.id]
        story.claims.claim(
            "no worker touched what runs in any other account",
            *[one.name for one in others if now[one.id].running != seen[one.id].running],
        )
        _beats(story, "all workers together gave one heartbeat", beats + 1)
        with damage.failing_worker(story.cloud, machine, account):
            report = _sweep(story, machine, f"start it while the worker that gets {account.name} dies")
        _partly(story.claims, report, account.id, account.name)
        story.claims.claim(
            f"{account.name} is as it was: a worker that fails forgets nothing",
            unless(_state(story, account.id) == "Halted", f"it is {_state(story, account.id)}"),
        )
        _beats(
            story, "a sweep that lost a worker gave no heartbeat, so that the alarm calls people if it lasts", beats + 1
        )
        with damage.table_missing(story.cloud):
            status, told = _run(story, machine, "start it while the state table is gone")
        story.claims.claim(
            f"a sweep that cannot even list fails whole, for its alarm: {told.get('error')}",
            unless(status == "FAILED", f"it is {status}"),
        )
    order = story.operator.order("release", account.name)
    story.claims.claim(f"{account.name} is released like any other", unless(order.status == 200, order.body))
    story.read_mail()
    story.now = story.look()


@contextmanager
def _scaled(story: Story) -> Iterator[None]:
    """Deployed with the key, and at the end again without."""
    policy = story.deployment.policy
    text = policy.read_text()
    policy.write_text(SCALE + text)
    story.deployment.up(STACK)
    try:
        yield
    finally:
        policy.write_text(text)
    story.deployment.up(STACK)
    left = story.cloud.admin("stepfunctions", PAYER).list_state_machines()["stateMachines"]
    story.claims.claim(
        "without the key the next deployment takes the state machine away", *[one["name"] for one in left]
    )


def _target(story: Story) -> str:
    """What the schedule starts."""
    events = story.cloud.admin("events", PAYER)
    clocks = [rule for rule in events.list_rules()["Rules"] if rule.get("ScheduleExpression") == "rate(1 hour)"]
    targets = [target for rule in clocks for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
    machines = [target["Arn"] for target in targets if ":stateMachine:" in target["Arn"]]
    story.claims.claim(
        "the schedule starts the state machine instead of the Lambda",
        unless(len(machines) == 1, f"its targets are {[target['Arn'] for target in targets]}"),
    )
    if not machines:
        raise StepFailed("the schedule starts no state machine")
    return str(machines[0])


def _run(story: Story, machine: str, text: str) -> tuple[str, dict[str, Any]]:
    client = story.cloud.admin("stepfunctions", PAYER)
    with show.step(text) as done:
        execution = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        until = time.monotonic() + PATIENCE
        while (told := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() > until:
                raise StepFailed(f"the state machine did not end within {PATIENCE:g} s")
            time.sleep(0.25)
        done.note = told["status"]
    return str(told["status"]), told


def _sweep(story: Story, machine: str, text: str) -> dict[str, Any]:
    status, told = _run(story, machine, text)
    if status != "SUCCEEDED":
        raise StepFailed(f"the state machine ended as {status}: {told.get('error')}: {str(told.get('cause'))[:500]}")
    output = json.loads(told["output"])
    show.say(f"  the Lambda: {output.get('statusCode')}, “{output.get('body')}”")
    return dict(output.get("report") or {})


def _swept(claims: Claims, report: dict[str, Any], accounts: int) -> None:
    workers, totals = report.get("workers", {}), report.get("totals", {})
    wanted = math.ceil(accounts / BATCH)
    claims.claim(
        f"{workers.get('answered')} workers swept {totals.get('accounts')} accounts, {BATCH} each at the most",
        unless(workers == {"answered": wanted, "failed": 0}, f"there were {workers}, and it should be {wanted}"),
        unless(totals.get("accounts") == accounts, f"there are {accounts}"),
        unless(report.get("complete") is True, "the sweep says that it is not complete"),
    )


def _partly(claims: Claims, report: dict[str, Any], account: str, name: str) -> None:
    workers = report.get("workers", {})
    lost = [one["account"] for one in report.get("accounts", [])]
    claims.claim(
        f"one worker died, and the others' work counts: {len(lost)} accounts are not served, {name} among them",
        unless(workers.get("failed") == 1 and workers.get("answered", 0) > 1, f"the workers were {workers}"),
        unless(account in lost and len(lost) <= BATCH, f"they are {lost}"),
        unless(report.get("complete") is False, "the sweep says that it is complete"),
        unless(report.get("totals", {}).get("unserved") == len(lost), f"the totals are {report.get('totals')}"),
    )


def _beats(story: Story, sentence: str, wanted: float) -> None:
    found = look.heartbeats(story.cloud)
    story.claims.claim(sentence, unless(found == wanted, f"there were {found:g} in all, not {wanted:g}"))


def _state(story: Story, account: str) -> str:
    item = look.table(story.cloud).get((f"ACCOUNT#{account[-1]}", account), {})
    return str(item.get("state", {}).get("S"))


ACTS = (many_workers,)
