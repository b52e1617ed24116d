"""Very large fleets: how near a halt comes to what EC2's token buckets allow."""

from dataclasses import dataclass

from . import floor, function
from .double import MEMBER
from .double import running as double_running
from .halt import check, clocks, stands
from .model import Model
from .options import Options
from .table import Row, Table

OF_FLOOR, THROTTLED, MEMORY = 1.1, 5.0, 512.0  # times, percent, MiB


@dataclass(frozen=True)
class Fleet:
    name: str
    instances: dict[str, int]
    protected: float = 0.0
    tags: int = 0


def fleets(regions: list[str]) -> list[Fleet]:
    share, rest = divmod(10_000, len(regions))
    spread = {region: share + (number < rest) for number, region in enumerate(regions)}
    one = {"us-east-1": 5000}
    return [
        Fleet("fleet: 10,000 over 17 regions", spread),
        Fleet("fleet: the same, 50 tags each", spread, tags=50),
        Fleet("fleet: 5,000 in one region", one),
        Fleet("fleet: the same, 2 % protected", one, protected=0.02),
        Fleet("fleet: the same, 50 tags each", one, tags=50),
    ]


def measure(options: Options, table: Table) -> None:
    with double_running(options.double, {"network": {"delays": True}}) as double:
        regions = list(double.model()["roundTrips"])
    for fleet in fleets(regions):
        _one(options, table, fleet)


def _one(options: Options, table: Table, fleet: Fleet) -> None:
    holdings = {
        "account": MEMBER,
        "instances": fleet.instances,
        "protected": fleet.protected,
        "tags": fleet.tags,
        "users": 1,
    }
    settings = {"accounts": 1, "holdings": [holdings], "network": {"delays": True}, "quotas": True}
    stops, peaks, cpu, throttled, least = [], [], [], [], 0.0
    for _ in range(options.often(1)):
        with double_running(options.double, settings) as double:
            least = floor.of(Model.of(double.model()), fleet.instances, function.LIMIT, fleet.protected).last_stop
            with function.running(options.function, double.endpoint) as tested:
                tested.invoke({"action": "proceed"})
                calls, used = double.calls(), tested.usage()
            check(calls)
            stands(double)
            stops.append(clocks(calls, tested.started).last_stop)
            peaks.append(used.peak)
            cpu.append(used.cpu)
            throttled.append(100 * sum(call.throttled for call in calls) / len(calls))
    target = f"{OF_FLOOR} times the floor of {least:.2f} s"
    table.add(Row(fleet.name, "from exec to the last instance stopped", "s", stops, OF_FLOOR * least, target))
    table.add(Row(fleet.name, "throttled calls", "%", throttled, THROTTLED, "few"))
    table.add(Row(fleet.name, "peak memory", "MiB", peaks, MEMORY, "what the function is given"))
    table.add(Row(fleet.name, "CPU in all", "s", cpu))
