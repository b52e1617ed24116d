"""A halt, cold: 21 instances in 8 of 17 regions and 4 users, as in the scenario that the project began with."""

from dataclasses import dataclass
from typing import Any

from . import floor, function
from .double import MEMBER, QUARANTINE, Call, Double, Settings
from .double import running as double_running
from .model import Model
from .options import Options
from .table import Row, Table

NAME = "halt: 21 in 8 of 17 regions"
INSTANCES = {
    "us-east-1": 4,
    "us-east-2": 3,
    "us-west-2": 3,
    "eu-west-1": 3,
    "eu-central-1": 2,
    "ap-northeast-1": 2,
    "ap-southeast-2": 2,
    "sa-east-1": 2,
}
USERS, ROLES = 4, 3
# Of the floor.
LAST_STOP, EVERYTHING = 1.25, 1.5
# What changes an account, besides the records of it.
CHANGES = ("Attach", "Delete", "Modify", "Put", "Stop", "Suspend", "Terminate", "Update")


def settings(connections: str) -> Settings:
    holdings = {"account": MEMBER, "instances": INSTANCES, "users": USERS}
    network = {"delays": True, "connections": connections}
    return {"accounts": 1, "roles": ROLES, "holdings": [holdings], "network": network, "quotas": True}


@dataclass(frozen=True)
class Clocks:
    """When what was done; in seconds from a start on."""

    last_stop: float
    everything: float


def clocks(calls: list[Call], start: float) -> Clocks:
    """When the last instance was stopped, and when the last thing was changed: what proves the halt, and the mails and
    records about it, come later or beside it."""
    done = [call for call in calls if call.succeeded and call.service in ("ec2", "iam", "organizations", "autoscaling")]
    changes = [call.answered for call in done if call.operation.startswith(CHANGES)]
    stops = [call.answered for call in done if call.operation in ("StopInstances", "TerminateInstances")]
    if not stops:
        raise SystemExit("nothing was stopped: " + ", ".join(sorted({call.operation for call in calls})))
    return Clocks(max(stops) - start, max(changes) - start)


def check(calls: list[Call]) -> None:
    """A call that the double does not know makes a run void."""
    if unknown := sorted({f"{call.service}:{call.operation}" for call in calls if call.unknown}):
        raise SystemExit(f"the double does not know {', '.join(unknown)}: lambda/bench/src/service")


def stands(double: Double, users: bool = True) -> dict[str, Any]:
    """What is left of the account, which must be nothing."""
    state: dict[str, Any] = double.state()["accounts"][MEMBER]
    if state["running"]:
        raise SystemExit(f"{state['running']} instances still run")
    if users and (state["activeKeys"] or state["usersDenied"] < state["users"]):
        raise SystemExit(f"not everybody is locked out: {state}")
    return state


@dataclass(frozen=True)
class Halt:
    clocks: Clocks
    least: floor.Floor
    proven: float  # seconds
    calls: int
    cpu: float  # seconds


def once(options: Options) -> Halt:
    with double_running(options.double, settings("pooled")) as double:
        least = floor.of(Model.of(double.model()), INSTANCES, function.LIMIT)
        with function.running(options.function, double.endpoint) as tested:
            reply = tested.invoke({"action": "proceed"})
            calls = double.calls()
            check(calls)
            state = stands(double)
            if QUARANTINE not in state["policies"] or state["rolesDenied"] < state["roles"]:
                raise SystemExit(f"the halt is not whole: {state}\n{reply.answer}")
            cpu = tested.usage().cpu
            return Halt(clocks(calls, tested.started), least, reply.seconds, len(calls), cpu)


def measure(options: Options, table: Table) -> None:
    runs = [once(options) for _ in range(options.often(5))]
    least = runs[0].least
    last_stop = [run.clocks.last_stop for run in runs]
    everything = [run.clocks.everything for run in runs]
    of_floor = "{} times the floor of {:.2f} s"
    table.add(
        Row(
            NAME,
            "from exec to the last instance stopped",
            "s",
            last_stop,
            LAST_STOP * least.last_stop,
            of_floor.format(LAST_STOP, least.last_stop),
        )
    )
    table.add(
        Row(
            NAME,
            "from exec to all but the clean looks",
            "s",
            everything,
            EVERYTHING * least.everything,
            of_floor.format(EVERYTHING, least.everything),
        )
    )
    table.add(Row(NAME, "until the halt is proven and told", "s", [run.proven for run in runs]))
    table.add(Row(NAME, "calls", "", [float(run.calls) for run in runs]))
    table.add(Row(NAME, "CPU in all", "s", [run.cpu for run in runs]))
