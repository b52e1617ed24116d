"""`scripts/bench cur`: the reader against Polars, DuckDB and zcat; one core, one file, one run."""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lib import ending

from . import generate

FASTER_THAN_POLARS = 1.3
MOST_MEMORY_MIB = 48.0
ENGINES = ["polars", "duckdb"]
TIME = "/usr/bin/time"


@dataclass
class Run:
    """One process: CPU seconds, peak memory, output."""

    seconds: float
    mib: float
    output: str


def run(command: list[str | Path], output: Path, *, counts_itself: bool = False) -> Run:
    """CPU seconds of the whole process, unless it counts them itself, which leaves out imports."""
    environment = os.environ | {"POLARS_MAX_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    with output.open("wb") as out, tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as memory:
        # By way of `time`: a process starts with the peak memory of the one that forks it, and this one is a whole
        # Python.
        process = subprocess.Popen(
            [TIME, "-f", "%M", "-o", memory.name, *command], stdout=out, stderr=errors, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode()
        if process.returncode != 0:
            raise SystemExit(f"{command[0]} failed: {said}")
        peak = int(memory.read().split()[-1]) / 1024
    seconds = float(said.split()[-1]) if counts_itself else used.ru_utime + used.ru_stime
    return Run(seconds, peak, "" if output == Path(os.devnull) else output.read_text())


def same(reader: str, engine: str) -> bool:
    """Whether an engine's sums are the reader's, as far as floating point allows."""
    ours = {
        (account, hour[:13]): float(amount)
        for account, hour, amount in (line.split(",") for line in reader.splitlines())
    }
    theirs = {
        (account, hour): float(amount) for account, hour, amount in (line.split(",") for line in engine.splitlines())
    }
    return (
        len(ours) > 1000
        and ours.keys() == theirs.keys()
        and all(abs(ours[place] - theirs[place]) < 1e-6 for place in ours)
    )


def commands(reader: Path, file: Path) -> dict[str, list[str | Path]]:
    found: dict[str, list[str | Path]] = {"reader": [reader, file.with_suffix(".json"), "bench", "", file.parent]}
    found |= {engine: [sys.executable, "-m", "cur_lib.engine", engine, file] for engine in ENGINES}
    return found | {"zcat": ["zcat", file]}


def best(name: str, command: list[str | Path], work: Path, runs: int) -> Run:
    """The quickest of several: other programs only ever make one slower. The memory is the most of any."""
    output = Path(os.devnull) if name == "zcat" else work / "output"
    all_runs = [run(command, output, counts_itself=name in ENGINES) for _ in range(runs)]
    quickest = min(all_runs, key=lambda one: one.seconds)
    return Run(quickest.seconds, max(one.mib for one in all_runs), quickest.output)


def main() -> int:
    try:
        ending.listen()
        return bench()
    except ending.Interrupted as interrupted:  # 2 GB of reports go with the folder they are in
        return interrupted.code


def bench() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench cur", description=__doc__)
    parser.add_argument(
        "--megabytes", type=int, default=1100, help="size of the report, uncompressed (default: %(default)s)"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="of each program; the quickest counts (default: %(default)s)"
    )
    parser.add_argument("reader", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not Path(TIME).exists():
        parser.error(f"{TIME} is missing: install the package `time` (GNU)")
    with tempfile.TemporaryDirectory(prefix="runawaytrain-bench-") as folder:
        work = Path(folder)
        small, large = work / "small.csv.gz", work / "large.csv.gz"
        print(f"generating reports of {options.megabytes // 10} and {options.megabytes} MB", flush=True)
        generate.main(small, options.megabytes // 10)
        lines = generate.main(large, options.megabytes)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return measured(options.reader, small, large, lines, work, options.runs)


def measured(reader: Path, small: Path, large: Path, lines: int, work: Path, runs: int) -> int:
    large_runs = {name: best(name, command, work, runs) for name, command in commands(reader, large).items()}
    small_runs = {name: best(name, command, work, 1) for name, command in commands(reader, small).items()}
    ours = large_runs["reader"]
    size = int(subprocess.run(f"zcat {large} | wc -c", shell=True, check=True, capture_output=True, text=True).stdout)
    print(
        f"\n{size / 1e6:.0f} MB uncompressed, {large.stat().st_size / 1e6:.0f} MB of gzip, {lines} lines; one core,"
        f" best of {runs}\n"
    )
    print(f"{'':10}{'CPU s':>8}{'MB/s':>8}{'reader is':>12}{'peak MiB':>11}{'at a tenth':>12}")
    for name, one in large_runs.items():
        faster = "" if name == "reader" else f"{one.seconds / ours.seconds:.2f} x"
        speed = size / 1e6 / one.seconds
        print(f"{name:10}{one.seconds:8.2f}{speed:8.0f}{faster:>12}{one.mib:11.1f}{small_runs[name].mib:12.1f}")
    wrong = [engine for engine in ENGINES if not same(ours.output, large_runs[engine].output)]
    claims = {
        "the sums are those of Polars and DuckDB": not wrong,
        f"at least {FASTER_THAN_POLARS} times as fast as Polars": (
            large_runs["polars"].seconds >= FASTER_THAN_POLARS * ours.seconds
        ),
        f"at most {MOST_MEMORY_MIB:.0f} MiB": ours.mib < MOST_MEMORY_MIB,
        "no more memory for ten times the lines": ours.mib < 1.1 * small_runs["reader"].mib + 0.5,
    }
    print()
    for claim, holds in claims.items():
        print(f"{'yes' if holds else 'NO':>4}  {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
