"""Processor time and memory of a process, from /proc (proc(5))."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far; user and system time of all its threads."""

    processor_s: float
    rss_mb: float
    peak_rss_mb: float


def usage_of(pid: int) -> Usage:
    """Raises OSError where the process is gone."""
    process = Path(f"/proc/{pid}")
    return read_usage((process / "stat").read_text(), (process / "status").read_text())


def read_usage(stat: str, status: str) -> Usage:
    fields = stat.rpartition(")")[2].split()  # the name before may hold blanks
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS_PER_S, _kb(status, "VmRSS") / 1024, _kb(status, "VmHWM") / 1024)


def _kb(status: str, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(match[1]) if match else 0
