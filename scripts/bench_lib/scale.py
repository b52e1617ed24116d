"""Organizations that are larger than this machine, by what a sweep of a small one takes: how long a sweep lasts, which
limit it meets first, and what a month of it costs.

A quiet sweep of `N` accounts is measured at two sizes; each of its figures is then a line through both. A sweep lasts
as long as the longest of what goes on side by side:

    network(N) = what all calls take, one after the other ÷ 256 under way at once
    cpu(N)     = CPU of all calls ÷ the share of a processor that Lambda gives: memory ÷ 1,769 MB, at most one, for the
                 function has one thread
    list(N)    = N ÷ 20 accounts a page ÷ 8 calls a second, where the list of accounts is not known any more
    read(N)    = N records ÷ 3,000 units a second that a partition key of DynamoDB reads ÷ 10 such keys
    write(N)   = 6 N units ÷ 1,000 a second that it writes ÷ 10, at the turn of an hour, when every record is written
    assume(N)  = N ÷ 600 AssumeRole a second; after the first sweep only those whose session ends

and the function's memory is what it has at rest and so much an account."""

import math
from dataclasses import dataclass

from . import function, sweep
from .double import running as double_running
from .options import Options
from .table import Row, Table

MEASURED = (200, 800)  # accounts: more than are under way at once
SIZES = (1_000, 10_000, 50_000)
TICKS = (1, 5)  # minutes
MEMORY = (512, 1_769, 3_008)  # MB that a function may be given

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_A_PROCESSOR = 1_769
LONGEST = 900.0  # seconds of an invocation
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
ACCOUNTS_A_PAGE, PAGES_A_SECOND = 20, 8.0
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ASSUMED_A_SECOND = 600.0
SESSION_SECONDS = 40 * 60  # on average: an hour, less 5 to 35 minutes
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
READ_A_SECOND, WRITTEN_A_SECOND, UNITS_A_RECORD = 3_000.0, 1_000.0, 6.0
KEYS = 10  # that share the records: lambda/core/src/contract/partitions.rs

# List prices in us-east-1; docs/costs.md says where they come from.
GB_SECOND, REQUEST = 0.0000166667, 0.20 / 1_000_000
READ_UNIT, WRITE_UNIT = 0.125 / 1_000_000, 0.625 / 1_000_000
METRIC_ASKED = 0.01 / 1_000
FIXED = 10 * 0.30 + 4 * 0.10 + 3.00 + 0.05  # metrics, alarms, dashboard, the guard's own log
MINUTES_A_MONTH, HOURS_A_MONTH = 43_200, 720


@dataclass(frozen=True)
class Line:
    """A figure of a sweep, by its accounts."""

    fixed: float
    each: float

    @classmethod
    def through(cls, few: tuple[int, float], many: tuple[int, float]) -> "Line":
        each = (many[1] - few[1]) / (many[0] - few[0])
        return cls(max(0.0, few[1] - each * few[0]), each)

    def at(self, accounts: int) -> float:
        return self.fixed + self.each * accounts


@dataclass(frozen=True)
class Quiet:
    """A warm sweep in which nothing runs."""

    network: Line  # seconds, as above
    cpu: Line  # seconds of a whole processor
    memory: Line  # MiB
    calls: Line


@dataclass(frozen=True)
class Sweep:
    """What a sweep of one size takes, with one memory."""

    seconds: float
    binding: str
    memory: float

    @property
    def fits(self) -> bool:
        return self.seconds <= LONGEST


def predict(quiet: Quiet, accounts: int, memory: int, tick: int, is_hour: bool = True) -> Sweep:
    """A warm sweep; at the turn of an hour every record is written."""
    taken = accounts * min(1.0, tick * 60 / SESSION_SECONDS)
    side_by_side = {
        "calls at once": quiet.network.at(accounts),
        "CPU": quiet.cpu.at(accounts) / min(1.0, memory / MB_A_PROCESSOR),
        "ListAccounts": math.ceil(accounts / ACCOUNTS_A_PAGE) / PAGES_A_SECOND,
        "AssumeRole": taken / ASSUMED_A_SECOND,
        "reads of the partition keys": accounts / KEYS / READ_A_SECOND,
        "writes of the partition keys": accounts / KEYS * UNITS_A_RECORD / WRITTEN_A_SECOND if is_hour else 0.0,
    }
    binding = max(side_by_side, key=lambda name: side_by_side[name])
    return Sweep(side_by_side[binding], binding, quiet.memory.at(accounts))


def dollars(quiet: Quiet, accounts: int, memory: int, tick: int) -> float:
    """A month's list price of the guard in the payer, without spend alarms in the accounts."""
    sweeps = MINUTES_A_MONTH / tick
    swept = predict(quiet, accounts, memory, tick, is_hour=False)
    function_costs = sweeps * (swept.seconds * memory / 1024 * GB_SECOND + REQUEST)
    table_costs = accounts * (HOURS_A_MONTH * 2 * 8 * WRITE_UNIT + sweeps * READ_UNIT)
    return FIXED + function_costs + table_costs + accounts * HOURS_A_MONTH * METRIC_ASKED


def smallest_memory(quiet: Quiet, accounts: int, tick: int) -> int | None:
    """The least that lets a sweep end within half its tick and its memory, so that no two overlap."""
    for memory in MEMORY:
        swept = predict(quiet, accounts, memory, tick)
        if swept.memory <= 0.8 * memory and swept.seconds <= min(LONGEST, tick * 30):
            return memory
    return None


def largest(quiet: Quiet, memory: int, tick: int) -> int:
    """The most accounts of which one function makes a sweep within half its tick."""
    few, many = 0, 1_000_000
    while many - few > 1:
        middle = (few + many) // 2
        swept = predict(quiet, middle, memory, tick)
        fits = swept.memory <= 0.8 * memory and swept.seconds <= min(LONGEST, tick * 30)
        few, many = (middle, many) if fits else (few, middle)
    return few


def measure_quiet(options: Options) -> Quiet:
    found = []
    for accounts in MEASURED:
        settings = {"accounts": accounts - 1, "roles": 3, "network": {"delays": True}, "quotas": True}
        with (
            double_running(options.double, settings) as double,
            function.running(options.function, double.endpoint) as tested,
        ):
            found.append([sweep.one(tested, double) for _ in range(3)][-1])
    few, many = found
    by = [(accounts, swept) for accounts, swept in zip(MEASURED, (few, many), strict=True)]

    def line(figures: list[float]) -> Line:
        return Line.through(*[(accounts, figure) for (accounts, _), figure in zip(by, figures, strict=True)])

    return Quiet(
        line([few.least, many.least]),
        line([few.cpu, many.cpu]),
        line([few.peak, many.peak]),
        line([float(few.calls), float(many.calls)]),
    )


def measure(options: Options, table: Table) -> None:
    quiet = measure_quiet(options)
    name = "scale: a warm sweep, by account"
    table.add(Row(name, "calls", "", [quiet.calls.each]))
    table.add(Row(name, "CPU", "ms", [1000 * quiet.cpu.each]))
    table.add(Row(name, "memory", "KiB", [1024 * quiet.memory.each]))
    table.add(Row(name, "calls' own time ÷ 256", "ms", [1000 * quiet.network.each]))
    for accounts in SIZES:
        for tick in TICKS:
            scenario = f"scale: {accounts:,} every {tick} min"
            memory = smallest_memory(quiet, accounts, tick)
            if memory is None:
                swept = predict(quiet, accounts, MEMORY[-1], tick)
                table.add(Row(scenario, f"one function does not: {swept.binding}", "s", [swept.seconds]))
                continue
            swept = predict(quiet, accounts, memory, tick)
            table.add(Row(scenario, f"sweep with {memory:,} MB, by {swept.binding}", "s", [swept.seconds]))
            table.add(Row(scenario, "memory", "MiB", [swept.memory]))
            table.add(Row(scenario, "a month", "USD", [dollars(quiet, accounts, memory, tick)]))
    for tick in TICKS:
        for memory in MEMORY:
            what = f"the most accounts with {memory:,} MB"
            table.add(Row(f"scale: one function every {tick} min", what, "", [float(largest(quiet, memory, tick))]))
