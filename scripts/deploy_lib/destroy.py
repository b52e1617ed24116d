"""Removes what was deployed, the last first. By CloudFormation's own calls: nothing has to be built to remove something."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from demo_lib import show

from .checks.scps import TYPE
from .cloud import Cloud
from .contract import COST_STACK, PARTITION_KEY, RELEASE_STACK, SORT_KEY, STACKS, names
from .refusal import Refusal

# The states in which an account is contained, and only the guard's journal knows how to undo that. `lambda/core/src/state.rs`.
CONTAINED = ("Halting", "Frozen", "Halted")
# Every account's record is in this partition, its state beside it. `lambda/aws/src/ledger/record.rs`.
RECORDS = "ACCOUNT"
STACK_SETS = (names.memberRegionStackSet, names.memberStackSet)  # the second holds the roles that the first's rules name
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
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
    contained: dict[str, str]  # account → state
    table: bool
    log: bool
    release: bool = False  # the pipeline's way in, which an administrator made by hand

    @property
    def anything(self) -> bool:
        return bool(self.stacks or self.sets)


def look(cloud: Cloud) -> Found:
    return Found(
        tuple(stack for stack in reversed(STACKS) if stack_status(cloud, stack) is not None),
        tuple(one for one in STACK_SETS if _described(cloud, one) is not None),
        _contained(cloud),
        _there(cloud, "dynamodb", "DescribeTable", "ResourceNotFoundException", TableName=names.table),
        any(group["logGroupName"] == names.logGroup for group in cloud.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=names.logGroup)),
        stack_status(cloud, RELEASE_STACK) is not None,
    )


def remove(cloud: Cloud, found: Found) -> Iterator[str]:
    """Yields a sentence for each thing that is gone."""
    for name in found.sets:
        yield from _empty_set(cloud, name)
    for stack in found.stacks:
        if stack == STACKS[0]:  # a policy that hangs somewhere cannot be deleted, and while the guard lived it would have come back
            yield from _detach(cloud)
        with show.step(f"remove the stack {stack}"):
            _delete_stack(cloud, stack)
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


def _contained(cloud: Cloud) -> dict[str, str]:
    """Accounts in a state of containment; none where there is no table."""
    condition = {"KeyConditionExpression": "#pk = :pk", "ExpressionAttributeNames": {"#pk": PARTITION_KEY}, "ExpressionAttributeValues": {":pk": {"S": RECORDS}}}
    try:
        items = list(cloud.pages("dynamodb", "Query", "Items", TableName=names.table, ConsistentRead=True, **condition))
    except Refusal as refusal:
        if refusal.code == "ResourceNotFoundException":
            return {}
        raise
    states = {item[SORT_KEY]["S"]: item.get("state", {}).get("S", "") for item in items}
    return {account: state for account, state in sorted(states.items()) if state in CONTAINED}


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
    """What DeleteStackInstances is asked for: with the whole targets, so that auto-deployment brings nothing back. Suspended accounts
    cannot be reached and must not keep the others.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html"""
    units = described.get("OrganizationalUnitIds") or sorted({one["OrganizationalUnitId"] for one in instances if one.get("OrganizationalUnitId")})
    whose = {"DeploymentTargets": {"OrganizationalUnitIds": units}} if units else {"Accounts": sorted({one["Account"] for one in instances})}
    everywhere = {"RegionConcurrencyType": "PARALLEL", "MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100}
    return whose | {"Regions": sorted({one["Region"] for one in instances}), "RetainStacks": False, "OperationPreferences": everywhere}


def _empty_set(cloud: Cloud, name: str) -> Iterator[str]:
    described = _described(cloud, name)
    instances = list(cloud.pages("cloudformation", "ListStackInstances", "Summaries", StackSetName=name))
    if described is None or not instances:
        return
    accounts = len({one["Account"] for one in instances})
    with show.step(f"remove what {name} has in {accounts} account{'' if accounts == 1 else 's'}"):
        operation = cloud.ask("cloudformation", "DeleteStackInstances", StackSetName=name, **deletion(described, instances))["OperationId"]
        status = _wait(lambda: _operation(cloud, name, operation), ENDED)
    if status != "SUCCEEDED":
        why = "; ".join(f"{one['Account']} {one['Region']}: {one.get('StatusReason', one['Status'])}" for one in _failures(cloud, name, operation)[:3])
        raise NotRemoved(
            f"{name} is still in some accounts, the operation {status.lower()}: {why or 'CloudFormation gives no reason'}",
            "mend that, then run scripts/deploy --destroy again; it goes on where it stopped.",
        )
    yield f"{len(instances)} stack{'' if len(instances) == 1 else 's'} of {name}"


def _drop_sets(cloud: Cloud, names_of_sets: tuple[str, ...]) -> Iterator[str]:
    """They go with their stack; one that a removal cut short has left goes here."""
    for name in names_of_sets:
        if _described(cloud, name) is not None:
            cloud.ask("cloudformation", "DeleteStackSet", StackSetName=name)
            yield f"stack set {name}"


def _operation(cloud: Cloud, name: str, operation: str) -> str:
    return cloud.ask("cloudformation", "DescribeStackSetOperation", StackSetName=name, OperationId=operation)["StackSetOperation"]["Status"]


def _failures(cloud: Cloud, name: str, operation: str) -> list[dict]:
    found = cloud.pages("cloudformation", "ListStackSetOperationResults", "Summaries", StackSetName=name, OperationId=operation)
    return [one for one in found if one["Status"] == "FAILED"]


def _detach(cloud: Cloud) -> Iterator[str]:
    ours = [one for one in cloud.pages("organizations", "ListPolicies", "Policies", Filter=TYPE) if one["Name"] in (names.quarantinePolicy, names.protectPolicy)]
    for policy in ours:
        targets = list(cloud.pages("organizations", "ListTargetsForPolicy", "Targets", PolicyId=policy["Id"]))
        for target in targets:
            cloud.ask("organizations", "DetachPolicy", PolicyId=policy["Id"], TargetId=target["TargetId"])
        if targets:
            yield f"{policy['Name']} on {', '.join(target['TargetId'] for target in targets)}"


def _delete_stack(cloud: Cloud, stack: str) -> None:
    cloud.ask("cloudformation", "DeleteStack", StackName=stack)
    status = _wait(lambda: stack_status(cloud, stack) or STACK_GONE[0], (*STACK_GONE, "DELETE_FAILED"))
    if status not in STACK_GONE:
        events = cloud.ask("cloudformation", "DescribeStackEvents", StackName=stack)["StackEvents"]
        why = "; ".join(f"{one['LogicalResourceId']}: {one['ResourceStatusReason']}" for one in events if one["ResourceStatus"] == "DELETE_FAILED" and one.get("ResourceStatusReason"))
        raise NotRemoved(f"the stack {stack} could not be removed: {why or status}", "mend that, then run scripts/deploy --destroy again; it goes on where it stopped.")


def _wait(status, ends: tuple[str, ...]) -> str:
    until = time.monotonic() + MOST_SECONDS
    while (now := status()) not in ends:
        if time.monotonic() > until:
            raise NotRemoved(f"CloudFormation still says {now} after {show.seconds(MOST_SECONDS)}", "look at it in the CloudFormation console.")
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
        show.say(f"  the table {names.table}: state and journal, the only way to undo a halt; a new deployment takes it over. To delete it:")
        _command(f"aws dynamodb update-table {region} --table-name {names.table} --no-deletion-protection-enabled")
        _command(f"aws dynamodb delete-table {region} --table-name {names.table}")
    if found.log:
        show.say(f"  the log group {names.logGroup}: what the guard saw and did. To delete it:")
        _command(f"aws logs delete-log-group {region} --log-group-name {names.logGroup}")
    if COST_STACK in found.stacks:
        show.say(f"  the bucket {names.reportBucketPrefix}… with the cost and usage reports. To delete it, empty it first:")
        _command(f"aws s3 rb --force s3://{names.reportBucketPrefix}ACCOUNT")
    if found.release:
        show.say(f"  the stack {RELEASE_STACK}, the release pipeline's way in, which was made by hand. To delete it:")
        _command(f"aws cloudformation delete-stack {region} --stack-name {RELEASE_STACK}")
    show.say("  the CDK's own stack CDKToolkit, which others may use, and what was switched on in the organization: SCPs, StackSets access, billing alerts.")


def _command(text: str) -> None:
    show.console.print(Text(f"    {text}", style="dim"), soft_wrap=True)
