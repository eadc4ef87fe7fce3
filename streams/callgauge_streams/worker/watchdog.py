"""The watchdog: it ends a worker that has records to read and makes no progress, or whose takeover of a partition gets
no further, so that the worker is started again."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from callgauge_streams.bus.position import Reading

__all__ = ["Watchdog", "start_watchdog"]

_INTERVAL_S = 1.0
_NONE: Mapping[str, tuple[int, str]] = MappingProxyType({})


class Watchdog:
    """Adds up for how long each partition has had lag without progress, and for how long each takeover has been at the
    same step.

    A sample counts for at most one interval: time for which the process was stopped, or the machine asleep, does not
    count.

    Args:
        stall_s: so long without progress is a stall.
        interval_s: time between samples.
    """

    def __init__(self, stall_s: float, interval_s: float) -> None:
        self._stall_s = stall_s
        self._interval_s = interval_s
        self._sampled_s = 0.0
        self._seen: dict[str, tuple[Reading, float]] = {}
        self._steps: dict[str, tuple[int, float]] = {}

    def sample(
        self, now_s: float, readings: Mapping[str, Reading], steps: Mapping[str, tuple[int, str]] = _NONE
    ) -> str | None:
        """Take in where each partition is now. Returns the reason if one has stalled.

        Args:
            now_s: of a clock that never goes back.
            steps: of the takeovers under way (`Steps.now`).
        """
        passed_s, self._sampled_s = min(now_s - self._sampled_s, self._interval_s), now_s
        self._seen = {
            name: (reading, self._stuck_s(name, reading) + passed_s if self._is_stuck(name, reading) else 0.0)
            for name, reading in readings.items()
        }
        self._steps = {
            name: (number, self._steps[name][1] + passed_s if self._steps.get(name, (-1,))[0] == number else 0.0)
            for name, (number, _) in steps.items()
        }
        for name, (_, stuck_s) in self._steps.items():
            if stuck_s >= self._stall_s:
                return f"the takeover of {name} has got no further for {self._stall_s:g} s: {steps[name][1]}"
        for name, (reading, stuck_s) in self._seen.items():
            if stuck_s >= self._stall_s:
                return f"no progress for {self._stall_s:g} s at offset {reading.at} of {name}, {reading.lag} behind"
        return None

    def _is_stuck(self, name: str, reading: Reading) -> bool:
        before = self._seen.get(name)
        same = before is not None and (before[0].seek, before[0].at) == (reading.seek, reading.at)
        return same and reading.readable_to > reading.at

    def _stuck_s(self, name: str, reading: Reading) -> float:
        return self._seen[name][1]


def start_watchdog(
    role: str,
    stall_s: float,
    read: Callable[[], Mapping[str, Reading]],
    steps: Callable[[], Mapping[str, tuple[int, str]]],
) -> None:
    """Watch from a thread of its own, which works while the event loop hangs; a stall ends the process with code 1."""
    interval_s = min(_INTERVAL_S, stall_s / 4)

    def watch() -> None:
        watchdog = Watchdog(stall_s, interval_s)
        while not (reason := watchdog.sample(time.monotonic(), read(), steps())):
            time.sleep(interval_s)
        print(f"callgauge: {role}: {reason}; ended with code 1, to be started again", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
