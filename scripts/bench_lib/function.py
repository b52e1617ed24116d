"""The function under test: the built binary as a process, with its policy, against a double."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import ending

from . import process, runtime
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

    child: subprocess.Popen[bytes]
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
        return Usage(process.cpu(self.child.pid), *process.memory(self.child.pid))

    def forget_peak(self) -> None:
        process.forget_peak(self.child.pid)


@contextmanager
def running(binary: Path, endpoint: str, limit: int = LIMIT) -> Iterator[Function]:
    # What it writes must not wait for a disk.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="runawaytrain-bench-", dir=memory) as folder, runtime.running() as api:
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
            child = subprocess.Popen(
                [binary], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            try:
                polled = api.first_poll()
            except Exception:
                raise SystemExit(f"{binary} did not ask for an event: {log.read_text()[-2000:]}") from None
            yield Function(child, api, started, polled, log)
        finally:
            ending.end(child)
