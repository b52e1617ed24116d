"""The whole demo on one screen: set the stage, play the acts, clear the stage."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from lib import ending

from . import (
    acts,
    acts_alerts,
    acts_alerts_thorough,
    acts_dashboard,
    acts_live,
    acts_money,
    acts_scale,
    acts_thorough,
    cast,
    cloud,
    deploy,
    emulator,
    look,
    poke,
    process,
    show,
    stage,
)
from .claims import Claims
from .command import Operator
from .mail import Mailbox
from .paths import OPERATOR, Places, short


def run(keep: bool, verbose: bool, thorough: bool, bootstrap: Path | None) -> int:
    ending.listen()
    cloud.forget_this_machine()
    start, places, claims = time.monotonic(), Places.make(), Claims()
    kept, interrupted = False, None
    try:
        running, story = _play(places, claims, verbose, thorough, bootstrap)
        if keep:
            process.leave(running.child)
            kept = True
            poke.tell(running, places, story.runaways[0])
        _last_line(claims, start)
        return 1 if claims.false else 0
    except process.StepFailed as failure:
        process.tell(failure)
    except (ClientError, BotoCoreError) as error:
        what, hint = (
            f"the emulator refused what the demo asked: {error}",
            "run again with -v; this may be a fault of the demo itself.",
        )
        process.tell(process.StepFailed(what, places.logs / "emulator.log", hint))
    except ending.Interrupted as said:
        interrupted = said
    finally:
        if not kept:
            _clear(places)
    if interrupted:
        show.say(
            f"\ninterrupted; {'the emulator runs on' if kept else 'everything that was started is ended'}", "yellow"
        )
        return interrupted.code
    if claims.held or claims.false:
        show.say(f"  Until then: {claims.last_line()}")
    return 1


def _clear(places: Places) -> None:
    ending.listen_no_more()
    process.end_all()
    places.remove()


def _play(
    places: Places, claims: Claims, verbose: bool, thorough: bool, bootstrap: Path | None
) -> tuple[emulator.Emulator, acts.Story]:
    show.heading("The stage")
    show.say(f"logs: {short(places.logs)}", "dim")
    if not OPERATOR.is_file():
        raise process.StepFailed(f"there is no command {OPERATOR}", hint="scripts/demo builds it.")
    binary = _binary(bootstrap) if bootstrap else deploy.build(places, verbose)
    running = emulator.start(places)
    sky = cloud.Cloud(running.endpoint, running.certificate)
    accounts = cast.cast()
    with show.step("make the organization, its users and their instances") as done:
        organization, root = stage.organization(sky, accounts)
        stage.populate(sky, accounts)
        done.note = f"{organization}: a payer and {len(accounts) - 1} sub-accounts"
    policy = places.temp / "runawaytrain.yaml"
    policy.write_text(cast.policy_text(accounts, organization, root))
    if verbose:
        show.say(policy.read_text().rstrip(), "dim")
    deployment = deploy.Deployment(sky, places, policy, binary, verbose)
    # boto3 takes its time to make a client for each account and region; cdk does not need all of the machine.
    with ThreadPoolExecutor(1) as beside:
        looked = beside.submit(look.everywhere, sky, accounts)
        deployment.bootstrap()
        deployment.up()
        looked.result()
    deploy.enroll(
        sky, [account for account in accounts if account.enrolled and not account.is_payer], organization, places
    )
    mailbox = Mailbox(sky)
    with show.step("subscribe a mailbox to every notify list") as done:
        done.note = f"{mailbox.subscribe()} topics"
    story = acts.Story(
        sky, accounts, claims, mailbox, deployment, Operator(sky, policy), places.logs / "lambda.log", verbose
    )
    for act in (
        acts.ACTS
        + acts_alerts.ACTS
        + acts_money.ACTS
        + (acts_live.ACTS + acts_thorough.ACTS + acts_alerts_thorough.ACTS + acts_scale.ACTS if thorough else ())
        + acts_dashboard.ACTS
    ):
        act(story)
    return running, story


def _binary(path: Path) -> Path:
    if not path.is_file():
        raise process.StepFailed(
            f"there is no file {path}", hint="--bootstrap wants a built Lambda; leave it out to build one."
        )
    return path.resolve()


def _last_line(claims: Claims, start: float) -> None:
    show.say()
    for sentence in claims.false:
        show.say(f"FALSE: {sentence}", "red")
    took = show.paint(f"(whole demo: {show.seconds(time.monotonic() - start)})", "dim")
    show.say(f"{show.paint(claims.last_line(), 'alarm' if claims.false else 'fine')} {took}")
