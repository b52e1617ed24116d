"""Start-up: from exec to the first request for an event, against the least that a function in Rust can be."""

import io
import json
import time
import zipfile
from pathlib import Path

from . import function
from .options import Options
from .table import Row, Table

# Of a function that waits for its first event, in seconds.
REST = 0.3


def _start(binary: Path) -> tuple[float, float]:
    """Milliseconds until it asks for an event, and MiB while it waits for one."""
    # It asks nobody for anything before it has an event: no double is needed.
    with function.running(binary, "http://127.0.0.1:9") as tested:
        time.sleep(REST)
        return 1000 * (tested.polled - tested.started), tested.usage().resident


def zipped(binary: Path) -> float:
    """Megabytes of the package as Lambda takes it."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
        archive.writestr("runawaytrain.json", json.dumps(function.policy()))
    return len(package.getvalue()) / 1e6


def measure(options: Options, table: Table) -> None:
    programs = {"start: the function": options.function, "start: a bare lambda_runtime": options.hello}
    for binary in programs.values():
        _start(binary)  # from here on it is in the page cache
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(options.often(20)):
        for name, binary in programs.items():
            found[name].append(_start(binary))
    for name, binary in programs.items():
        table.add(Row(name, "from exec to the first poll", "ms", [one[0] for one in found[name]]))
        table.add(Row(name, "memory at rest", "MiB", [one[1] for one in found[name]]))
        table.add(Row(name, "package, zipped", "MB", [zipped(binary)]))
