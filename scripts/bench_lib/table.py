"""What was measured, as a table for people and for programs."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure, measured several times."""

    scenario: str
    what: str
    unit: str
    values: list[float]
    # What it may be at the most; None where it is only shown.
    most: float | None = None
    # Where `most` comes from, in words.
    target: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool | None:
        return None if self.most is None else self.median <= self.most

    @property
    def spread(self) -> str:
        if len(self.values) == 1:
            return "one run"
        return f"{number(min(self.values))} to {number(max(self.values))}"


@dataclass
class Table:
    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    # What was left out, and why.
    remarks: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        mark = {None: "   ", True: "yes", False: " NO"}[row.holds]
        target = f"   at most {number(row.most)} {row.unit} ({row.target})" if row.most is not None else ""
        print(
            f"{mark}  {row.scenario:34}{row.what:50}{number(row.median):>9} {row.unit:8} {row.spread}{target}",
            flush=True,
        )

    def remark(self, text: str) -> None:
        self.remarks.append(text)
        print(f"     {text}", flush=True)

    @property
    def holds(self) -> bool:
        return all(row.holds is not False for row in self.rows)

    def markdown(self) -> str:
        lines = ["| scenario | figure | median | spread | at most | holds |", "|---|---|---|---|---|---|"]
        for row in self.rows:
            most = "" if row.most is None else f"{number(row.most)} {row.unit}: {row.target}"
            holds = {None: "", True: "yes", False: "**no**"}[row.holds]
            median = f"{number(row.median)} {row.unit}"
            lines.append(f"| {row.scenario} | {row.what} | {median} | {row.spread} | {most} | {holds} |")
        machine = [f"- {name}: {value}" for name, value in self.machine.items()]
        remarks = [f"- {remark}" for remark in self.remarks]
        return "\n".join([*machine, "", *lines, "", *remarks]).rstrip() + "\n"

    def json(self) -> str:
        rows: list[dict[str, Any]] = [asdict(row) | {"median": row.median, "holds": row.holds} for row in self.rows]
        return json.dumps({"machine": self.machine, "rows": rows, "remarks": self.remarks}, indent=2) + "\n"


def number(value: float) -> str:
    """Three figures that tell something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.2g}"
