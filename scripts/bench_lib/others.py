"""The same halt by others, in the same run."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lib import ending

from . import seeds
from .double import MEMBER, PAYER, Double
from .double import running as double_running
from .halt import NAME, Clocks, check, clocks, settings, stands
from .options import Options
from .table import Row, Table

SECONDS = 300.0
SCRIPTS = Path(__file__).parent.parent


def _environment(double: Double, account: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SCRIPTS),
        "AWS_ENDPOINT_URL": double.endpoint,
        "AWS_ACCESS_KEY_ID": f"AKIA{account}0000",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Of the seeds.
        "snstopic": "runawaytrain",
        "snsregion": "us-east-1",
        "accountnumber": account,
        "ec2limit": "4",
        "envaction": "proceed",
        "recoveryp": "bench",
    }


def _clocked(options: Options, account: str, command: list[str], text: str, locks: bool) -> Clocks:
    with double_running(options.double, settings("own")) as double:
        started = time.time()
        done = subprocess.run(
            [sys.executable, *command],
            input=text,
            env=_environment(double, account),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise ending.TookTooLong(f"{' '.join(command)} failed: {done.stderr[-1000:]}")
        calls = double.calls()
        check(calls)
        stands(double, users=locks)
        return clocks(calls, started)


def _rows(table: Table, name: str, runs: int, once: Callable[[], Clocks]) -> None:
    found = [once() for _ in range(runs)]
    table.add(Row(NAME, f"{name}: last instance stopped", "s", [one.last_stop for one in found]))
    table.add(Row(NAME, f"{name}: everything", "s", [one.everything for one in found]))


def measure(options: Options, table: Table) -> None:
    runs = options.often(3)
    pool = ["-m", "bench_lib.boto3_pool", MEMBER]
    _rows(table, "boto3, a thread a region", runs, lambda: _clocked(options, PAYER, pool, "", True))
    if options.seeds is None or not options.seeds.is_dir():
        table.remark("The seeds' handler was not measured: --seeds names no folder with its listing.")
        return
    handler = ["-m", "bench_lib.seeds"]
    for name, source in seeds.listings(options.seeds).items():

        def once(source: str = source) -> Clocks:
            return _clocked(options, MEMBER, handler, source, False)

        _rows(table, f"the seeds' handler {name[:3]}", runs, once)
