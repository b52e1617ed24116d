"""What a process uses, by what Linux tells of it."""

import time
from pathlib import Path

# Which of a process's clocks: that of the scheduler.
# https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
SCHEDULER = 2


def cpu(pid: int) -> float:
    """Seconds of CPU that all of its threads have used so far, those that ended included, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | SCHEDULER)


def memory(pid: int) -> tuple[float, float]:
    """Resident now, and at the most since its start or since the peak was forgotten; in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    resident, peak = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return resident, peak


def forget_peak(pid: int) -> None:
    """The peak of memory is from here on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
