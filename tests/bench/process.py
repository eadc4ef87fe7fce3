"""A process that is measured: on one core, and its peak memory. Linux only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["cores", "on_core", "peak_mb"]

_PIN = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


def cores() -> list[int]:
    """The cores this process may use."""
    return sorted(os.sched_getaffinity(0))


def on_core(core: int, argv: Sequence[str]) -> list[str]:
    """The command `argv` (its program is a path), with all its threads and children on one core from the start."""
    return [sys.executable, "-c", _PIN, str(core), *argv]


def peak_mb(pid: int) -> float:
    """Largest resident size so far of a process, and of each child that it has now, added up; in MB (10^6 bytes)."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return sum(map(_high_water_mark, pids)) / 1e6


def _high_water_mark(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0  # it has ended
