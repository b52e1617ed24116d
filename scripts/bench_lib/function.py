"""The function under test: the built binary as a process, with its policy, against a double."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import ending

from . import runtime
from .double import LOCKDOWN, MODELS, ORGANIZATION, PAYER, QUARANTINE
from .runtime import Reply, Runtime

LIMIT = 4  # instances, as in the scenario that the project began with


def policy(limit: int = LIMIT) -> dict[str, Any]:
    """What CDK packs with the function: everything as by default."""
    return {
        "payer": PAYER,
        "organization": {"id": ORGANIZATION, "root": "r-bench"},
        "defaults": {"limits": {"instances": limit}, "notify": ["bench@example.edu"]},
    }


@dataclass(frozen=True)
class Usage:
    """What a process has used so far."""

    cpu: float  # seconds
    resident: float  # MiB
    peak: float  # MiB


@dataclass
class Function:
    """A function that is running."""

    process: subprocess.Popen[bytes]
    runtime: Runtime
    started: float
    polled: float
    log: Path

    def invoke(self, event: object) -> Reply:
        reply = self.runtime.invoke(event)
        # It polls again once it is done with everything that it does for an event.
        self.runtime.first_poll()
        return reply

    def usage(self) -> Usage:
        folder = Path(f"/proc/{self.process.pid}")
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: what follows the name in parentheses is from the
        # third field on.
        fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        status = dict(line.split(":", 1) for line in folder.joinpath("status").read_text().splitlines())
        resident, peak = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), resident, peak)

    def forget_peak(self) -> None:
        """The peak of memory is from here on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextmanager
def running(binary: Path, endpoint: str, limit: int = LIMIT) -> Iterator[Function]:
    with tempfile.TemporaryDirectory(prefix="runawaytrain-bench-") as folder, runtime.running() as api:
        package = Path(folder)
        (package / "runawaytrain.json").write_text(json.dumps(policy(limit)))
        environment = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": runtime.FUNCTION,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": folder,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": f"ASIA{PAYER}0000",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_ENDPOINT_URL": endpoint,
            "snstopic": "runawaytrain",
            "accountnumber": PAYER,
            "snsregion": "us-east-1",
            "statetable": "runawaytrain",
            "policyfile": "runawaytrain.json",
            "quarantinepolicy": QUARANTINE,
            "modelspolicy": MODELS,
            "lockdownpolicy": LOCKDOWN,
        }
        log = package / "log"
        with log.open("wb") as out:
            started = time.time()
            process = subprocess.Popen(
                [binary], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            try:
                polled = api.first_poll()
            except Exception:
                raise SystemExit(f"{binary} did not ask for an event: {log.read_text()[-2000:]}") from None
            yield Function(process, api, started, polled, log)
        finally:
            ending.end(process)
