"""Where and with what was measured."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from lib import ending


def _said(*command: str) -> str:
    try:
        return ending.run(command, 30, stdout=subprocess.PIPE, text=True).stdout.strip()
    except OSError:
        return "unknown"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def about(function: Path) -> dict[str, str]:
    import boto3

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} processors, {memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "revision": _said("git", "describe", "--always", "--dirty"),
        "function": f"{function.name}, {function.stat().st_size / 1e6:.1f} MB",
        "Rust": _said("rustc", "--version"),
        "Python and boto3": f"{platform.python_version()}, {boto3.__version__}",
    }
