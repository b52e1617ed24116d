"""The same halt by others, in the same run."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import seeds
from .double import MEMBER, PAYER, Double
from .double import running as double_running
from .halt import NAME, Clocks, check, clocks, settings, stands
from .options import Options
from .table import Row, Table

SECONDS = 300.0
SCRIPTS = Path(__file__).parent.parent
POLICY = Path(__file__).parent / "custodian.yml"


def _environment(double: Double, account: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
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


def _clocked(options: Options, account: str, command: list[str | Path], text: str, locks: bool) -> Clocks:
    with double_running(options.double, settings("own")) as double:
        started = time.time()
        done = subprocess.run(
            command,
            input=text,
            env=_environment(double, account),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} failed: {done.stderr[-1000:]}")
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
    pool: list[str | Path] = [sys.executable, "-m", "bench_lib.boto3_pool", MEMBER]
    _rows(table, "boto3, a thread a region", runs, lambda: _clocked(options, PAYER, pool, "", True))
    _custodian(options, table, runs)
    _seeds(options, table, runs)


def _custodian(options: Options, table: Table, runs: int) -> None:
    command = options.custodian
    if command is None:
        table.remark("Cloud Custodian was not measured: --custodian names no command.")
        return

    def once() -> Clocks:
        with tempfile.TemporaryDirectory() as folder:
            words: list[str | Path] = [command, "run", "--region", "all", "--cache-period", "0", "-s", folder, POLICY]
            return _clocked(options, MEMBER, words, "", False)

    _rows(table, "Cloud Custodian", runs, once)


def _seeds(options: Options, table: Table, runs: int) -> None:
    if options.seeds is None or not options.seeds.is_dir():
        table.remark("The seeds' handler was not measured: --seeds names no folder with its listing.")
        return
    handler: list[str | Path] = [sys.executable, "-m", "bench_lib.seeds"]
    for name, source in seeds.listings(options.seeds).items():

        def once(source: str = source) -> Clocks:
            return _clocked(options, MEMBER, handler, source, False)

        _rows(table, f"the seeds' handler {name[:3]}", runs, once)
