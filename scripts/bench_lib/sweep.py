"""A sweep of an organization in which nothing runs: CPU a call, memory, and whether both are linear."""

import statistics
from dataclasses import dataclass

from . import function
from .double import Double
from .double import running as double_running
from .halt import check
from .options import Options
from .table import Row, Table

CPU_A_CALL, PEAK = 0.2, 96.0  # milliseconds, MiB
AT_ONCE = 256  # the collector's bound on calls
# Ten times the accounts may take so much more CPU an account.
LINEAR = 1.1


@dataclass(frozen=True)
class Sweep:
    seconds: float
    cpu: float  # seconds
    peak: float  # MiB
    calls: int
    # What all calls took one after the other, divided by how many may be under way at once.
    least: float
    throttled: int
    # Percent of the time in which the double was busy.
    double: float

    @property
    def cpu_a_call(self) -> float:
        return 1000 * self.cpu / self.calls


def one(tested: function.Function, double: Double) -> Sweep:
    double.clear()
    tested.forget_peak()
    before, busy = tested.usage(), double.cpu()
    reply = tested.invoke({"action": "proceed"})
    after, busy = tested.usage(), double.cpu() - busy
    if reply.failed or reply.answer["statusCode"] != 200:
        raise SystemExit(f"the sweep failed: {str(reply.answer)[:500]}")
    calls = double.calls()
    check(calls)
    least = sum(call.answered - call.arrived for call in calls) / AT_ONCE
    throttled = sum(call.throttled for call in calls)
    cpu, share = after.cpu - before.cpu, 100 * busy / reply.seconds
    return Sweep(reply.seconds, cpu, after.peak, len(calls), least, throttled, share)


def _two(options: Options, accounts: int) -> list[Sweep]:
    """A cold sweep, which also asks the policy simulator about every account, and a warm one."""
    settings = {"accounts": accounts - 1, "roles": 3, "network": {"delays": True}, "quotas": True}
    with (
        double_running(options.double, settings) as double,
        function.running(options.function, double.endpoint) as tested,
    ):
        return [one(tested, double) for _ in range(2)]


def measure(options: Options, table: Table) -> None:
    runs = options.often(3)
    warm_cpu: dict[int, float] = {}
    for accounts in options.accounts:
        pairs = [_two(options, accounts) for _ in range(runs)]
        for which, name in ((0, "cold"), (1, "warm")):
            sweeps = [pair[which] for pair in pairs]
            scenario = f"sweep: {accounts} × 17, {name}"
            is_largest = accounts == max(options.accounts)
            table.add(
                Row(
                    scenario,
                    "CPU a call, plain HTTP",
                    "ms",
                    [one.cpu_a_call for one in sweeps],
                    CPU_A_CALL if is_largest else None,
                    "the budget",
                )
            )
            table.add(
                Row(
                    scenario,
                    "peak memory",
                    "MiB",
                    [one.peak for one in sweeps],
                    PEAK if is_largest else None,
                    "the budget",
                )
            )
            table.add(Row(scenario, "wall time", "s", [one.seconds for one in sweeps]))
            table.add(Row(scenario, f"calls' own time ÷ {AT_ONCE}", "s", [one.least for one in sweeps]))
            table.add(Row(scenario, "calls", "", [float(one.calls) for one in sweeps]))
            table.add(Row(scenario, "throttled", "", [float(one.throttled) for one in sweeps]))
            table.add(Row(scenario, "the double was busy", "%", [one.double for one in sweeps]))
            if which:
                warm_cpu[accounts] = statistics.median(one.cpu for one in sweeps) / accounts
    few, many = min(warm_cpu), max(warm_cpu)
    if few < many:
        growth = warm_cpu[many] / warm_cpu[few]
        what = f"CPU an account at {many}, of that at {few}"
        table.add(Row("sweep: linear", what, "×", [growth], LINEAR, "linear"))
