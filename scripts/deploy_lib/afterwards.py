"""What is looked at once the stacks stand: who has not confirmed, how far enrollment is, and what the guard would do."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from demo_lib import show

from .cloud import Cloud
from .contract import account_topic, names
from .policy import Policy
from .refusal import Kind, Refusal

# What SNS says instead of the ARN of a subscription: one whose link nobody has followed yet, and one that is over.
PENDING, DELETED = "PendingConfirmation", "Deleted"
PLAN_SHOWN = 60  # characters of what an account's line says


@dataclass(frozen=True)
class Unheard:
    """Addresses of the policy that get no mail, each with its topics."""

    pending: dict[str, list[str]]  # nobody has followed the link yet
    gone: dict[str, list[str]]  # somebody ended it by the link in a mail, or it was not confirmed in time


def unheard(cloud: Cloud, policy: Policy) -> Unheard:
    found = Unheard({}, {})
    for topic, addresses in [(names.topic, policy.addresses), *((account_topic(account), own) for account, own in policy.own_lists)]:
        known = {one["Endpoint"]: one["SubscriptionArn"] for one in cloud.pages("sns", "ListSubscriptionsByTopic", "Subscriptions", TopicArn=arn_of(policy, topic))}
        for address in addresses:
            state = known.get(address, DELETED)
            if state in (PENDING, DELETED):
                (found.pending if state == PENDING else found.gone).setdefault(address, []).append(topic)
    return found


def arn_of(policy: Policy, topic: str) -> str:
    return f"arn:aws:sns:{names.homeRegion}:{policy.payer}:{topic}"


def tell_unheard(found: Unheard, policy: Policy) -> None:
    if not found.pending and not found.gone:
        show.say("[green]✓[/] every address on the notify lists has confirmed")
    if found.pending:
        show.say("[bold yellow]! Not confirmed yet.[/] AWS sent each of these a mail with a link; until it is followed they are told nothing:")
        _addresses(found.pending)
    if found.gone:
        show.say("[bold yellow]! Not subscribed.[/] Somebody ended these from a mail, or the link was never followed in time. They are told nothing, and a deployment does not bring them back:")
        _addresses(found.gone)
        for address, topics in sorted(found.gone.items()):
            for topic in topics:
                command = f"aws sns subscribe --region {names.homeRegion} --topic-arn {arn_of(policy, topic)} --protocol email --notification-endpoint {address}"
                show.console.print(Text(f"    {command}", style="dim"), soft_wrap=True)


def _addresses(found: dict[str, list[str]]) -> None:
    made = show.table("", "address", "topics")
    for address, topics in sorted(found.items()):
        made.add_row(Text(address), ", ".join(topics))
    show.console.print(made)


@dataclass(frozen=True)
class Enrollment:
    set: str
    status: str  # of the last operation; empty where the set does not exist
    operation: str = ""
    failed: int = 0  # stacks that it failed for: it tolerates that, and still succeeds
    behind: tuple[tuple[str, str, str], ...] = ()  # account, region and why, of each stack that does not stand as it should, whichever operation left it so


# By stack set: what an account is without its stack, and what that means for the guard.
LACKS = {
    names.memberStackSet: ("Not enrolled", "The guard may not look into these accounts"),
    names.memberRegionStackSet: ("Launches not told at once", "The guard looks at these accounts all the same, by its schedule"),
    names.memberAlarmsStackSet: ("No alarm on their charges", "The guard looks at these accounts all the same, by its schedule"),
}
# In AWS's words, where a service control policy denies a call: one that denies regions, where it is about enrolling.
BY_POLICY = "service control policy"
EXEMPT = tuple(f"arn:aws:iam::*:role/{role}" for role in ("stacksets-exec-*", names.responderRole, names.forwarderRole))
# A suspended account runs nothing, and StackSets take it up again by themselves.
STANDING = ("SUCCEEDED", "SKIPPED_SUSPENDED_ACCOUNT")
BEHIND_SHOWN = 10


def sets(policy: Policy) -> tuple[str, ...]:
    """The stack sets that a deployment of this policy makes."""
    return (names.memberStackSet, names.memberRegionStackSet, *([names.memberAlarmsStackSet] if policy.has_spend_alarm else []))


def enrollment(cloud: Cloud, name: str) -> Enrollment:
    try:
        found = list(cloud.pages("cloudformation", "ListStackSetOperations", "Summaries", StackSetName=name))
    except Refusal as refusal:
        if refusal.code == "StackSetNotFoundException":
            return Enrollment(name, "")
        raise
    if not found:
        return Enrollment(name, "no operation yet")
    last = max(found, key=lambda one: one["CreationTimestamp"])
    failed = last.get("StatusDetails", {}).get("FailedStackInstancesCount", 0)
    return Enrollment(name, last["Status"], last["OperationId"], failed, tuple(_behind(cloud, name)))


def _behind(cloud: Cloud, name: str) -> Iterator[tuple[str, str, str]]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html"""
    for one in cloud.pages("cloudformation", "ListStackInstances", "Summaries", StackSetName=name):
        # While an operation is under way it tells of its own.
        status = one.get("StackInstanceStatus", {}).get("DetailedStatus") or one.get("Status", "")
        if status not in (*STANDING, "PENDING", "RUNNING", "CURRENT"):
            yield one["Account"], one["Region"], one.get("StatusReason") or status.lower()


def tell_enrollment(found: Enrollment, policy: Policy) -> None:
    if not found.status:
        show.say(f"[yellow]![/] there is no stack set {found.set}: sub-accounts are not enrolled by it")
        return
    mark = "[green]✓[/]" if found.status == "SUCCEEDED" and not found.failed and not found.behind else "[yellow]![/]"
    but = f", but it failed for {found.failed} of the stacks" if found.failed else ""
    show.say(f"{mark} stack set {found.set}: {found.status.lower().replace('_', ' ')}{but}")
    if found.operation:
        more = f"aws cloudformation list-stack-set-operation-results --region {names.homeRegion} --stack-set-name {found.set} --operation-id {found.operation}"
        show.console.print(Text(f"    account by account: {more}", style="dim"), soft_wrap=True)
    if found.behind:
        _tell_behind(found, policy)


def _tell_behind(found: Enrollment, policy: Policy) -> None:
    """A deployment that changes nothing tries nothing again: the stack set is told to."""
    title, meaning = LACKS[found.set]
    made = show.table(f"{title}: {len(found.behind)}", "account", "region", "why")
    for account, region, why in found.behind[:BEHIND_SHOWN]:
        made.add_row(account, region, Text(show.clean(why)))
    show.console.print(made)
    if len(found.behind) > BEHIND_SHOWN:
        show.say(f"and {len(found.behind) - BEHIND_SHOWN} more")
    show.say(f"{meaning}.")
    if any(BY_POLICY in why for _, _, why in found.behind):
        _tell_exemption(found, policy)
    accounts, regions = (sorted({one[index] for one in found.behind}) for index in (0, 1))
    units = ",".join(policy.enrolled)
    again = (
        f"aws cloudformation update-stack-instances --region {names.homeRegion} --stack-set-name {found.set} --regions {' '.join(regions)} "
        f"--deployment-targets OrganizationalUnitIds={units},AccountFilterType=INTERSECTION,Accounts={','.join(accounts)} "
        "--operation-preferences FailureTolerancePercentage=100"
    )
    show.console.print(Text(f"    a deployment that changes nothing does not try again; this does: {again}", style="dim"), soft_wrap=True)


def _tell_exemption(found: Enrollment, policy: Policy) -> None:
    """README.md, "Where the organization denies regions". What the forwarder carries goes to the region of the guard."""
    where = ", ".join(sorted({names.homeRegion, *(region for _, region, _ in found.behind)}))
    show.say(
        f"[bold]A service control policy of the organization denies it.[/] Exempt from it the principals {', '.join(EXEMPT)}, by ArnNotLike on aws:PrincipalArn; "
        f"or the actions cloudformation:*, cloudwatch:* and events:* in {where}."
    )
    if found.set == names.memberStackSet:
        show.say(
            f"Or have the roles where it denies nothing, as long as no account has them in {policy.member_region}: organization.memberRegion in the policy file."
        )


def drill(cloud: Cloud) -> dict:
    """The guard's own answer. `Refusal` where it cannot be asked or failed."""
    answer = cloud.ask("lambda", "Invoke", patient=True, FunctionName=names.function, Payload=json.dumps({"action": "drill"}).encode(), LogType="Tail")
    text = answer["Payload"].read().decode("utf-8", "replace")
    if "FunctionError" in answer:
        log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace").strip().splitlines()
        raise Refusal("lambda:Invoke", answer["FunctionError"], Kind.OTHER, f"the guard failed: {show.clean(log[-1]) if log else text[:200]}")
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refusal("lambda:Invoke", "NoAnswer", Kind.OTHER, f"the guard said {text[:200]!r}")
    return said


@dataclass(frozen=True)
class Line:
    account: str
    name: str
    verdict: str
    running: int
    plan: str


def lines(answer: dict) -> list[Line]:
    """The accounts of a drill; those that would be touched first."""
    accounts = (answer.get("report") or {}).get("accounts") or []
    made = [_line(entry) for entry in accounts]
    return sorted(made, key=lambda line: (_ORDER.get(line.verdict, 1), -line.running, line.account))


_ORDER = {"Halt": 0, "not seen": 1, "Warn": 2, "Ok": 3}


def _line(entry: dict) -> Line:
    verdict = entry.get("verdict") or "not seen"
    actions = (entry.get("plan") or {}).get("actions") or []
    gaps = entry.get("gaps") or []
    if entry.get("error"):
        plan = str(entry["error"])
    elif verdict == "Halt" or actions:  # one that bought past its limit is frozen and not halted
        plan = f"{len(actions)} action{'' if len(actions) == 1 else 's'}" + (", and part of it was not seen" if entry.get("unseen") else "")
    elif entry.get("unseen"):
        plan = f"not seen whole: {gaps[0].get('at')}: {gaps[0].get('reason')}" if gaps else "not seen whole"
    else:
        plan = "nothing"
    return Line(str(entry.get("account")), str(entry.get("name")), str(verdict), int((entry.get("instances") or {}).get("counted") or 0), plan)


def tell_drill(answer: dict) -> None:
    show.say(f"[bold]The guard says: {answer.get('statusCode')}, “{show.escape(show.clean(str(answer.get('body'))))}”[/]")
    found = lines(answer)
    if not found:
        return
    styles = {"Halt": "bold red", "Warn": "yellow", "not seen": "yellow", "Ok": "green"}
    made = show.table("A drill: what it would do, and touched nothing", "account", "name", "verdict", ("running", "right"), "it would do")
    for line in found:
        plan = show.clean(line.plan)
        made.add_row(line.account, Text(show.clean(line.name)), Text(line.verdict, style=styles.get(line.verdict, "")), str(line.running), Text(plan[:PLAN_SHOWN] + ("…" if len(plan) > PLAN_SHOWN else "")))
    show.console.print(made)
