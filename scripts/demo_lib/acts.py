"""The story, an act a function: what happens, then what is claimed about it."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import back_door, checks, giving_back, lambdas, look, mail, show, stage
from .cast import Account
from .claims import Claims
from .cloud import Cloud
from .command import Operator
from .deploy import Deployment
from .lambdas import Answer
from .look import Snapshot
from .mail import Mail, Mailbox


@dataclass
class Story:
    """What the acts hand on."""

    cloud: Cloud
    accounts: list[Account]
    claims: Claims
    mailbox: Mailbox
    deployment: Deployment
    operator: Operator
    log: Path
    verbose: bool
    first: dict[str, Snapshot] = field(default_factory=dict)
    now: dict[str, Snapshot] = field(default_factory=dict)
    alarm: dict[str, Any] = field(default_factory=dict)  # the message of an alarm that rang, as the topic handed it on
    began: float = field(default_factory=time.time)  # in seconds of the epoch
    awaited: int = 0  # how many mails had come when the missing topic began to hold some up

    @property
    def runaways(self) -> list[Account]:
        return [account for account in self.accounts if account.runaway]

    def named(self, name: str) -> Account:
        return next(account for account in self.accounts if account.name == name)

    def ask(self, text: str, event: object) -> Answer:
        with show.step(text):
            answer = lambdas.invoke(self.cloud, event, self.log)
        show.say(f"  the Lambda: {answer.raw.get('statusCode')}, “{answer.raw.get('body')}”")
        if self.verbose and answer.log:
            show.say(answer.log.rstrip(), "dim")
        return answer

    def look(self) -> dict[str, Snapshot]:
        with show.step("look at every account and region with the administrators' own keys"):
            return look.everywhere(self.cloud, self.accounts)

    def read_mail(self) -> list[Mail]:
        with show.step("wait for mail"):
            return self.mailbox.collect()


def before(story: Story) -> None:
    show.heading("Before")
    story.first = story.now = story.look()
    story.operator.show("check")
    checks.keys_work(story.claims, story.cloud, story.accounts)
    checks.responder_trusts_nobody_else(story.claims, story.cloud, story.accounts)
    back_door.open_up(story.cloud, story.runaways[0])
    back_door.works(story.claims, story.cloud, story.runaways[0])


def passes(story: Story) -> None:
    show.heading('pass: {"action": "pass"} switches it off')
    # The original's test event, with the extra keys that its console test brought along.
    answer = story.ask("invoke with pass", {"action": "pass", "key2": "value2", "key3": "value3"})
    checks.passed(story.claims, answer)
    _nothing_happened(story, "pass")


def drills(story: Story) -> None:
    show.heading('drill: {"action": "drill"} says what it would do')
    answer = story.ask("invoke with drill", {"action": "drill"})
    for account in story.runaways:
        story.operator.show("drill", account.name)
    checks.drilled(story.claims, answer, story.accounts, story.first)
    _nothing_happened(story, "drill")


def _nothing_happened(story: Story, action: str) -> None:
    story.now = story.look()
    checks.nothing_changed(story.claims, action, story.accounts, story.first, story.now)
    checks.no_traces(story.claims, action, story.read_mail(), look.journal(story.cloud))
    checks.heartbeats(
        story.claims,
        story.cloud,
        f"{action} is no sweep and gives no heartbeat, so that its alarm says when the guard is off",
        0,
    )


def proceeds(story: Story) -> None:
    show.heading('proceed: {"action": "proceed"} stops the train')
    answer = story.ask("invoke with proceed, and wait for two clean passes of verification", {"action": "proceed"})
    story.now = story.look()
    fresh = story.read_mail()
    story.operator.show("status")
    story.operator.show("history", story.runaways[0].name)
    for one in fresh:
        mail.tell([one], whole=one.about(story.runaways[0]))
    checks.judged(story.claims, answer, story.accounts)
    _contained(story)
    checks.unseen(story.claims, answer, story.accounts)
    checks.one_mail_each(story.claims, "after one sweep", story.mailbox.all, story.runaways)
    back_door.is_shut(story.claims, story.cloud, story.runaways[0], story.mailbox.all)
    checks.journal(story.claims, look.journal(story.cloud), story.runaways, story.first)
    checks.heartbeats(story.claims, story.cloud, "the complete sweep gave one heartbeat", 1)


def proceeds_again(story: Story) -> None:
    show.heading("A thief who still has a way in, and the next sweep")
    account = story.runaways[0]
    regions = list(account.launches)[:2]
    started = stage.launch(story.cloud, account, dict.fromkeys(regions, 1))
    show.say(f"  started 2 instances in the halted {account.name}: {', '.join(started)}")
    answer = story.ask("invoke with proceed again", {"action": "proceed"})
    story.now = story.look()
    fresh = story.read_mail()
    story.operator.show("check", account.name)
    mail.tell(fresh)
    checks.relapse(story.claims, answer, account, started, story.now[account.id])
    with story.claims.again("all that was true of every account after the first sweep still is"):
        _contained(story)
    checks.no_mail_about(story.claims, fresh, story.runaways)
    checks.one_mail_each(story.claims, "after two sweeps", story.mailbox.all, story.runaways)


def gives_back(story: Story) -> None:
    show.heading("What an operator types next: status, release")
    story.operator.show("status")
    answer = story.operator.status()
    giving_back.status(story.claims, answer, story.accounts)
    account, user = story.named("genomics"), "pipeline"
    key, _ = account.keys[user][0]
    story.now = story.look()
    answer = story.operator.order("release", account.name, "--user", user, "--key", key)
    story.operator.show("history", account.name)
    released, fresh = story.look(), story.read_mail()
    mail.tell(fresh)
    giving_back.released(story.claims, answer, account)
    giving_back.still_locked(story.claims, answer, account, user, key, story.now[account.id], released[account.id])
    giving_back.one_release_mail(story.claims, fresh, account)
    answer = story.ask("invoke with proceed once more", {"action": "proceed"})
    again = story.look()
    giving_back.not_halted_again(
        story.claims, answer, account, story.read_mail(), released[account.id], again[account.id]
    )
    story.now = again


def _contained(story: Story) -> None:
    """What must be true after every sweep that contains."""
    checks.stopped(story.claims, story.runaways, story.now)
    checks.bystanders(story.claims, story.accounts, story.first, story.now)
    checks.exempt(story.claims, story.cloud, story.runaways, story.first, story.now)
    checks.locked_out(story.claims, story.cloud, story.runaways, story.now)


ACTS = (before, passes, drills, proceeds, proceeds_again, gives_back)
