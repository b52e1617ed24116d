"""What a measurement is given."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The programs that are measured, and how often."""

    function: Path
    double: Path
    hello: Path
    runs: int | None
    seeds: Path | None
    custodian: Path | None
    accounts: list[int]

    def often(self, usual: int) -> int:
        return self.runs or usual
