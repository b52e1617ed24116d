"""Removes what was deployed, the last first, by CloudFormation's own calls: nothing has to be built for that."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from demo_lib import show

from .checks import organization
from .checks.scps import TYPE
from .cloud import Cloud
from .contract import ACCOUNT_STACK, CONTRACT, COST_STACK, GUARD_STACK, RELEASE_STACK, STACKS, names
from .refusal import Refusal

# Every account's record is in this partition, its state beside it. `lambda/aws/src/ledger/record.rs`.
RECORDS = "ACCOUNT"
# The last holds the roles that the rules name.
STACK_SETS = (names.memberAlarmsStackSet, names.memberRegionStackSet, names.memberStackSet)
# Of an account whose state is lost with the table.
QUARANTINED = "quarantined"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
AGAIN = "mend that, then run scripts/deploy --destroy again; it goes on where it stopped."
POLL_SECONDS = 5
# A set of some hundreds of accounts times regions takes its time; past this something hangs.
MOST_SECONDS = 3 * 3600
STACK_GONE = ("DELETE_COMPLETE",)


class NotRemoved(Exception):
    """Something stays: what, why, and what to do."""

    def __init__(self, what: str, todo: str):
        super().__init__(what)
        self.todo = todo


@dataclass(frozen=True)
class Found:
    stacks: tuple[str, ...]
    sets: tuple[str, ...]
    contained: dict[str, str]  # account → state; only the guard's journal knows how to undo what was done there
    table: bool
    log: bool
    release: bool = False  # the pipeline's way in, which an administrator made by hand

    @property
    def anything(self) -> bool:
        return bool(self.stacks or self.sets)


def look(cloud: Cloud) -> Found:
    return Found(
        tuple(_stacks(cloud)),
        tuple(one for one in STACK_SETS if _described(cloud, one) is not None),
        _contained(cloud),
        _there(cloud, "dynamodb", "DescribeTable", "ResourceNotFoundException", TableName=names.table),
        _has_log(cloud),
        stack_status(cloud, RELEASE_STACK) is not None,
    )


def _stacks(cloud: Cloud) -> Iterator[str]:
    """From the first that is removed to the last."""
    for stack in reversed(STACKS):
        if stack == GUARD_STACK:
            yield from reversed(account_stacks(cloud))
        if stack_status(cloud, stack) is not None:
            yield stack


def account_stacks(cloud: Cloud) -> list[str]:
    found = cloud.pages("cloudformation", "DescribeStacks", "Stacks")
    return sorted(one["StackName"] for one in found if ACCOUNT_STACK.fullmatch(one["StackName"]))


def remove(cloud: Cloud, found: Found) -> Iterator[str]:
    """Yields a sentence for each thing that is gone."""
    for name in found.sets:
        yield from _empty_set(cloud, name)
    for stack in found.stacks:
        # A policy that is attached somewhere cannot be deleted, and a guard that lives would attach it again.
        if stack == STACKS[0]:
            yield from _detach(cloud)
        remove_stack(cloud, stack)
        yield f"stack {stack}"
        if stack == STACKS[-1]:
            yield from _drop_sets(cloud, found.sets)
    if STACKS[-1] not in found.stacks:
        yield from _drop_sets(cloud, found.sets)


def _there(cloud: Cloud, service: str, operation: str, absent: str, **parameters) -> bool:
    try:
        cloud.ask(service, operation, **parameters)
    except Refusal as refusal:
        if refusal.code == absent:
            return False
        raise
    return True


def _has_log(cloud: Cloud) -> bool:
    groups = cloud.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=names.logGroup)
    return any(group["logGroupName"] == names.logGroup for group in groups)


def _contained(cloud: Cloud) -> dict[str, str]:
    """The accounts that are contained. A state that the contract does not know counts as contained: the guard that wrote it
    may be newer than this checkout. Where the table is gone, whoever is quarantined is contained: nothing else tells."""
    query = {
        "TableName": names.table,
        "ConsistentRead": True,
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": CONTRACT.partition_key},
        "ExpressionAttributeValues": {":pk": {"S": RECORDS}},
    }
    try:
        items = list(cloud.pages("dynamodb", "Query", "Items", **query))
    except Refusal as refusal:
        if refusal.code == "ResourceNotFoundException":
            return _quarantined(cloud)
        raise
    states = {item[CONTRACT.sort_key]["S"]: item.get("state", {}).get("S", "") for item in items}
    free = CONTRACT.states - CONTRACT.contained
    return {account: state for account, state in sorted(states.items()) if state not in free}


def stack_status(cloud: Cloud, stack: str) -> str | None:
    try:
        return cloud.ask("cloudformation", "DescribeStacks", StackName=stack)["Stacks"][0]["StackStatus"]
    except Refusal as refusal:
        if refusal.code == "ValidationError":  # CloudFormation's code for a stack that is not there
            return None
        raise


def _described(cloud: Cloud, name: str) -> dict | None:
    try:
        return cloud.ask("cloudformation", "DescribeStackSet", StackSetName=name)["StackSet"]
    except Refusal as refusal:
        if refusal.code == "StackSetNotFoundException":
            return None
        raise


def deletion(described: dict, instances: list[dict]) -> dict:
    """What DeleteStackInstances is asked for. It names whole targets, so that auto-deployment brings nothing back, and
    goes on after any failure: a suspended account cannot be reached, and must not keep the others.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html"""
    found = {one["OrganizationalUnitId"] for one in instances if one.get("OrganizationalUnitId")}
    units = described.get("OrganizationalUnitIds") or sorted(found)
    whose = {"DeploymentTargets": {"OrganizationalUnitIds": units}}
    if not units:
        whose = {"Accounts": sorted({one["Account"] for one in instances})}
    return whose | {
        "Regions": sorted({one["Region"] for one in instances}),
        "RetainStacks": False,
        "OperationPreferences": {
            "RegionConcurrencyType": "PARALLEL",
            "MaxConcurrentPercentage": 100,
            "FailureTolerancePercentage": 100,
        },
    }


def _empty_set(cloud: Cloud, name: str) -> Iterator[str]:
    described = _described(cloud, name)
    instances = list(cloud.pages("cloudformation", "ListStackInstances", "Summaries", StackSetName=name))
    if described is None or not instances:
        return
    accounts = len({one["Account"] for one in instances})
    with show.step(f"remove what {name} has in {accounts} account{'' if accounts == 1 else 's'}"):
        asked = deletion(described, instances)
        operation = cloud.ask("cloudformation", "DeleteStackInstances", StackSetName=name, **asked)["OperationId"]
        status = _wait(lambda: _operation(cloud, name, operation), ENDED)
    if status != "SUCCEEDED":
        failures = _failures(cloud, name, operation)[:3]
        whys = [f"{one['Account']} {one['Region']}: {one.get('StatusReason', one['Status'])}" for one in failures]
        why = "; ".join(whys) or "CloudFormation gives no reason"
        raise NotRemoved(f"{name} is still in some accounts, the operation {status.lower()}: {why}", AGAIN)
    yield f"{len(instances)} stack{'' if len(instances) == 1 else 's'} of {name}"


def _drop_sets(cloud: Cloud, names_of_sets: tuple[str, ...]) -> Iterator[str]:
    """They go with their stack; one that a removal cut short has left goes here."""
    for name in names_of_sets:
        if _described(cloud, name) is not None:
            cloud.ask("cloudformation", "DeleteStackSet", StackSetName=name)
            yield f"stack set {name}"


def _operation(cloud: Cloud, name: str, operation: str) -> str:
    answer = cloud.ask("cloudformation", "DescribeStackSetOperation", StackSetName=name, OperationId=operation)
    return answer["StackSetOperation"]["Status"]


def _failures(cloud: Cloud, name: str, operation: str) -> list[dict]:
    which = {"StackSetName": name, "OperationId": operation}
    found = cloud.pages("cloudformation", "ListStackSetOperationResults", "Summaries", **which)
    return [one for one in found if one["Status"] == "FAILED"]


def _detach(cloud: Cloud) -> Iterator[str]:
    for policy in _policies(cloud, *_of_a_halt(), names.protectPolicy):
        targets = _targets(cloud, policy)
        for target in targets:
            cloud.ask("organizations", "DetachPolicy", PolicyId=policy["Id"], TargetId=target)
        if targets:
            yield f"{policy['Name']} on {', '.join(targets)}"


def _quarantined(cloud: Cloud) -> dict[str, str]:
    try:
        return {target: QUARANTINED for policy in _policies(cloud, *_of_a_halt()) for target in _targets(cloud, policy)}
    except Refusal as refusal:
        if refusal.code == organization.NONE:
            return {}
        raise


def _of_a_halt() -> list[str]:
    return [names.quarantinePolicy, names.modelsPolicy, names.lockdownPolicy]


def _policies(cloud: Cloud, *wanted: str) -> list[dict]:
    found = list(cloud.pages("organizations", "ListPolicies", "Policies", Filter=TYPE))
    return [one for one in found if one["Name"] in wanted]


def _targets(cloud: Cloud, policy: dict) -> list[str]:
    found = cloud.pages("organizations", "ListTargetsForPolicy", "Targets", PolicyId=policy["Id"])
    return [target["TargetId"] for target in found]


def remove_stack(cloud: Cloud, stack: str, todo: str = AGAIN) -> None:
    """`todo` is what to do where it cannot be removed."""
    with show.step(f"remove the stack {stack}"):
        _delete_stack(cloud, stack, todo)


def _delete_stack(cloud: Cloud, stack: str, todo: str) -> None:
    cloud.ask("cloudformation", "DeleteStack", StackName=stack)
    status = _wait(lambda: stack_status(cloud, stack) or STACK_GONE[0], (*STACK_GONE, "DELETE_FAILED"))
    if status not in STACK_GONE:
        events = cloud.ask("cloudformation", "DescribeStackEvents", StackName=stack)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"] == "DELETE_FAILED" and one.get("ResourceStatusReason")]
        why = "; ".join(f"{one['LogicalResourceId']}: {one['ResourceStatusReason']}" for one in failed)
        raise NotRemoved(f"the stack {stack} could not be removed: {why or status}", todo)


def _wait(status, ends: tuple[str, ...]) -> str:
    until = time.monotonic() + MOST_SECONDS
    while (now := status()) not in ends:
        if time.monotonic() > until:
            said = f"CloudFormation still says {now} after {show.seconds(MOST_SECONDS)}"
            raise NotRemoved(said, "look at it in the CloudFormation console.")
        time.sleep(POLL_SECONDS)
    return now


def tell(found: Found) -> None:
    """What would go."""
    made = show.table("What is removed, in this order", "what", "")
    for name in found.sets:
        made.add_row(f"stack set {name}", "its stacks in every account, then the set with its stack")
    for stack in found.stacks:
        made.add_row(f"stack {stack}", "the SCPs are detached first" if stack == STACKS[0] else "")
    show.console.print(made)


def tell_kept(found: Found) -> None:
    """What stays, and how to remove that by hand."""
    region = f"--region {names.homeRegion}"
    show.say("\n[bold]Kept[/]")
    if found.table:
        show.say(
            f"  the table {names.table}: state and journal, the only way to undo a halt; a new deployment takes it "
            "over. To delete it:"
        )
        _command(f"aws dynamodb update-table {region} --table-name {names.table} --no-deletion-protection-enabled")
        _command(f"aws dynamodb delete-table {region} --table-name {names.table}")
    if found.log:
        show.say(f"  the log group {names.logGroup}: what the guard saw and did. To delete it:")
        _command(f"aws logs delete-log-group {region} --log-group-name {names.logGroup}")
    if COST_STACK in found.stacks:
        bucket = names.reportBucketPrefix
        show.say(f"  the bucket {bucket}… with the cost and usage reports. To delete it, empty it first:")
        _command(f"aws s3 rb --force s3://{bucket}ACCOUNT")
    if found.release:
        show.say(f"  the stack {RELEASE_STACK}, the release pipeline's way in, which was made by hand. To delete it:")
        _command(f"aws cloudformation delete-stack {region} --stack-name {RELEASE_STACK}")
    show.say(
        "  the CDK's own stack CDKToolkit, which others may use, and what was switched on in the organization: SCPs, "
        "StackSets access, billing alerts."
    )


def _command(text: str) -> None:
    show.console.print(Text(f"    {text}", style="dim"), soft_wrap=True)
