"""The double of AWS (lambda/bench) as a process, and what it tells of a run."""

import json
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib import ending

from . import process

PAYER = "999999999999"
ORGANIZATION = "o-benchbench"
# The first account that is not the payer.
MEMBER = "100000000001"
QUARANTINE, MODELS, LOCKDOWN = "p-quarantine", "p-models00", "p-lockdown"

Settings = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request that was answered; times in seconds since 1970."""

    arrived: float
    answered: float
    service: str
    operation: str
    account: str
    region: str
    status: int
    code: str | None
    opened: bool
    items: int

    @property
    def succeeded(self) -> bool:
        return self.status < 300

    @property
    def throttled(self) -> bool:
        return self.code in ("RequestLimitExceeded", "Throttling", "TooManyRequestsException") or (
            self.code or ""
        ).endswith("ProvisionedThroughputExceededException")

    @property
    def unknown(self) -> bool:
        """Whether the double lacks it, which makes a run void."""
        return self.code == "InvalidAction"


class Double:
    def __init__(self, endpoint: str, pid: int):
        self.endpoint, self._pid = endpoint, pid

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far. It has one thread: where it uses all of a second, it is what a run
        waits for."""
        return process.cpu(self._pid)

    def calls(self) -> list[Call]:
        entries = self._ask("log")
        for entry in entries:
            entry["arrived"] /= 1e6
            entry["answered"] /= 1e6
        return [Call(**entry) for entry in entries]

    def clear(self) -> None:
        self._ask("log", "DELETE")

    def state(self) -> dict[str, Any]:
        return self._ask("state")

    def model(self) -> dict[str, Any]:
        return self._ask("model")

    def _ask(self, what: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"{self.endpoint}/_double/{what}", method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def running(binary: Path, settings: Settings) -> Iterator[Double]:
    """A double of its own for each run: nothing is remembered from the one before."""
    whole = {"payer": PAYER, "organization": ORGANIZATION} | settings
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(whole, file)
        file.flush()
        with subprocess.Popen(
            [binary, file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False, start_new_session=True
        ) as child:
            try:
                line = child.stdout.readline().decode().strip() if child.stdout else ""
                if not line.startswith("http"):
                    raise SystemExit(f"{binary} did not start")
                yield Double(line, child.pid)
            finally:
                ending.end(child)
