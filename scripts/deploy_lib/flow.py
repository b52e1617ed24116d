"""The whole way on one screen: look, mend, compare, ask, deploy, look again. Or: look, ask, remove."""

import argparse

from rich.text import Text

from demo_lib import process, show
from lib import ending

from . import afterwards, destroy, mend, preflight, words
from .cdk import Cdk
from .checks import account
from .checks.function import read as read_function
from .cloud import Cloud
from .contract import CONTRACT, GUARD_STACK, names
from .finding import Finding, Remedy, Verdict
from .ground import Ground
from .policy import Policy, PolicyProblem, may_contain, read
from .refusal import Refusal

DONE, NOT_DONE = 0, 1
MODES = {
    "pass": "The guard does nothing, and its heartbeat alarm will ring.",
    "drill": "The guard judges and reports, and touches nothing.",
    "proceed": "The guard contains every account that passes its limits.",
}


class Progress:
    """What an interruption has to say: whether AWS may be at work already."""

    begun = ""


def run(options: argparse.Namespace) -> int:
    progress = Progress()
    try:
        cloud, policy = Cloud(options.profile), read(options.policy)
        if options.destroy:
            return _destroy(cloud, policy, options, progress)
        return _deploy(cloud, policy, options, progress)
    except ending.Interrupted as interrupted:
        ending.listen_no_more()
        show.console.print(f"\n[yellow]interrupted; {progress.begun or 'nothing was changed'}[/]", soft_wrap=True)
        return interrupted.code
    except PolicyProblem as problem:
        _stop(str(problem))
    except Refusal as refusal:
        _stop(f"AWS: {refusal}", refusal.mend)
    except destroy.NotRemoved as left:
        _stop(str(left), left.todo)
    except process.StepFailed as failure:
        process.tell(failure)
    except OSError as error:
        _stop(f"this machine: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    finally:
        process.end_all()
    return NOT_DONE


def _stop(what: str, todo: str = "") -> None:
    show.console.print(Text(f"✗ {what}", style="bold red"), soft_wrap=True)
    if todo:
        show.console.print(Text(f"  What to do: {todo}"), soft_wrap=True)


def _deploy(cloud: Cloud, policy: Policy, options: argparse.Namespace, progress: Progress) -> int:
    findings = _look(cloud, policy, options)
    if options.check:
        return DONE if words.ready(findings) else NOT_DONE
    runner = Cdk(cloud, options)
    remedies = mend.wanted(findings, options)
    if Remedy.BOOTSTRAP in remedies:  # the CDK synthesizes the stacks for that too, with the function in them
        _build(runner, options)
    if remedies:
        progress.begun = "what was switched on until then stays on; run scripts/deploy again"
        for remedy in remedies:
            mend.apply(remedy, Ground(cloud, policy, options, account.who(cloud)), runner)
            policy = read(options.policy)
        findings = _look(cloud, policy, options)
    if not words.ready(findings) and not (options.force and words.only_unknown(findings)):
        show.say("Nothing was deployed.")
        return NOT_DONE

    first = destroy.stack_status(cloud, GUARD_STACK) is None
    _build(runner, options)
    show.console.print(Text.from_ansi(runner.diff().rstrip()), soft_wrap=True)
    emptied = sorted(set(destroy.account_stacks(cloud)) - runner.stacks())
    if emptied:
        show.say(f"No account has anything of its own in {', '.join(emptied)} any more: removed after the deployment.")
    _say_mode(policy, first)
    if not _agreed(options, f"Deploy this to account {policy.payer}?"):
        show.say("Nothing was deployed.")
        return NOT_DONE
    progress.begun = "CloudFormation goes on with what it began; run scripts/deploy again to see where it is"
    runner.deploy()
    for stack in emptied:
        destroy.remove_stack(cloud, stack, "mend that, then run scripts/deploy again; all else is deployed.")
    progress.begun = "the deployment is done; only the looking afterwards was cut short"
    return _afterwards(cloud, policy)


def _look(cloud: Cloud, policy: Policy, options: argparse.Namespace) -> list[Finding]:
    with show.step("look at the account and its organization"):
        findings = preflight.look(cloud, policy, options)
    words.show(findings)
    return findings


def _build(runner: Cdk, options: argparse.Namespace) -> None:
    """Where the function is not named, and not built from the sources as they are."""
    built = read_function(options.arch, options.function)
    if not built.given and (not built.built or built.newer):
        runner.build()


def _say_mode(policy: Policy, first: bool) -> None:
    meaning = f". {MODES[policy.mode]}" if policy.mode in MODES else ""
    show.say(f"\n[bold]mode: {show.escape(policy.mode)}{meaning}[/]")
    if first and may_contain(policy.mode):
        show.say(
            "[bold yellow]! This is the first deployment. A limit that is written wrong would stop people's work "
            f"tonight: write mode: drill first, read a few days of it, then {show.escape(policy.mode)}.[/]"
        )


def _agreed(options: argparse.Namespace, question: str) -> bool:
    if options.yes:
        return True
    if not words.somebody_is_there():
        show.say("Not asked, since this is no terminal, or runs in the background; --yes answers.")
        return False
    return words.ask(question)


def _afterwards(cloud: Cloud, policy: Policy) -> int:
    """Each look says by itself when it cannot; none of them undoes a deployment."""
    show.heading("Deployed")
    _say_mode(policy, first=False)
    _try(lambda: afterwards.tell_unheard(afterwards.unheard(cloud, policy), policy))
    for name in afterwards.sets(policy):
        _try(lambda name=name: afterwards.tell_enrollment(afterwards.enrollment(cloud, name), policy))
    with show.step("ask the guard for a drill; it looks at every account and touches nothing"):
        answer = _try(lambda: afterwards.drill(cloud))
    if answer is None:
        return NOT_DONE
    afterwards.tell_drill(answer)
    return DONE if answer.get("statusCode") == 200 else NOT_DONE


def _try(look):
    try:
        return look()
    except Refusal as refusal:
        mend = f"; {refusal.mend}" if refusal.mend else ""
        show.console.print(Text(f"! cannot tell: {refusal}{mend}", style="yellow"), soft_wrap=True)
        return None


def _destroy(cloud: Cloud, policy: Policy, options: argparse.Namespace, progress: Progress) -> int:
    with show.step("look at what is deployed"):
        whose = account.account(account.who(cloud), policy)
        found = destroy.look(cloud) if whose.verdict is Verdict.OK else None
    if found is None:
        _stop(whose.said, whose.mend)
        return NOT_DONE
    if not found.anything:
        show.say("Nothing of runawaytrain is deployed here.")
        destroy.tell_kept(found)
        return DONE
    destroy.tell(found)
    if found.contained and not _may_leave_contained(found, options):
        return NOT_DONE
    if not _agreed(options, f"Remove all this from account {policy.payer} and its organization?"):
        show.say("Nothing was removed.")
        return NOT_DONE
    progress.begun = "part of it may be removed; scripts/deploy --destroy goes on where it stopped"
    for gone in destroy.remove(cloud, found):
        show.say(f"  [green]removed[/] {show.escape(gone)}")
    destroy.tell_kept(found)
    return DONE


def _may_leave_contained(found: destroy.Found, options: argparse.Namespace) -> bool:
    listed = ", ".join(f"{account} ({_state(state)})" for account, state in found.contained.items())
    if options.force:
        warning = f"! Still contained: {listed}. They lose their quarantine, so they can grow again; users and roles stay locked out"
        warning += f", and the journal in the table {names.table} says of what." if found.table else "."
        show.console.print(Text(warning, style="bold yellow"), soft_wrap=True)
        return True
    if not found.table:
        _stop(f"these accounts are contained: {listed}.", "look at each of them, then add --force to take their quarantine off.")
        show.say("Nothing was removed.")
        return False
    first = next(iter(found.contained))
    payload = f'{{"action":"release","account":"{first}"}}'
    _stop(
        f"these accounts are contained: {listed}. Without the guard nobody keeps them so, and nothing undoes it.",
        f"release each one first, aws lambda invoke --region {names.homeRegion} --function-name {names.function} "
        f"--cli-read-timeout 0 --cli-binary-format raw-in-base64-out --payload '{payload}' /dev/stdout; "
        "or add --force to leave them as they are.",
    )
    show.say("Nothing was removed.")
    return False


def _state(state: str) -> str:
    if state == destroy.QUARANTINED:
        return f"quarantined, and the table {names.table} is gone that knew what else was done"
    if state in CONTRACT.states:
        return state
    return f"{show.clean(state) or 'no state'}, which this checkout does not know and so takes for contained"
