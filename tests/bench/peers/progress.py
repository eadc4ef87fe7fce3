"""What every reader under test is told, and what it tells: a line of JSON several times a second.

Standard library only: it is imported in the environments of the peers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

__all__ = ["Job", "Progress", "job_from_command_line", "own_cpu_s"]

EVERY_S = 0.25
CLOCK_EVERY = 128  # events between two looks at the clock


@dataclass(frozen=True)
class Job:
    """What to read: `count` events of `topic` from its beginning, as a consumer group nobody else uses."""

    bootstrap: str
    topic: str
    count: int
    group: str
    labels: str = "service,model"
    """What a series is: names of fields of a call, with commas between them."""
    rows: str = ""
    """For the test of the sums: file for each finished window as a line of JSON, by readers that can write it."""

    @property
    def by(self) -> tuple[str, ...]:
        """The labels, one by one."""
        return tuple(self.labels.split(","))


def job_from_command_line() -> Job:
    """`<bootstrap> <topic> <count> <group> <labels> <rows>`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap", help="host:port")
    parser.add_argument("topic")
    parser.add_argument("count", type=int, help="events after which the last line is written")
    parser.add_argument("group")
    parser.add_argument("labels")
    parser.add_argument("rows", nargs="?", default="")
    return Job(**vars(parser.parse_args()))


def own_cpu_s() -> float:
    """CPU seconds, user and system, of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Progress:
    """Counts the events that are in an aggregate, and tells how far it is.

    A line: {"at_s": monotonic seconds, "events": so far, "cpu_s": CPU seconds so far}. The first
    one comes with the first events, the last one when `count` is reached; the reader is then ended from outside.
    """

    def __init__(
        self,
        count: int,
        out: TextIO = sys.stdout,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
        cpu_s: Callable[[], float] = own_cpu_s,
    ) -> None:
        """`every_s`: seconds between lines; `cpu_s`: CPU seconds used so far, where others work for this process."""
        self.events = 0
        self._count = count
        self._out = out
        self._clock = clock
        self._every_s = every_s
        self._cpu_s = cpu_s
        self._told_s = float("-inf")
        self._look_at = 1

    def add(self, events: int = 1) -> None:
        """`events` more are in an aggregate."""
        self.events += events
        if self.events >= self._look_at:
            self._look()

    def _look(self) -> None:
        now = self._clock()
        done = self.events >= self._count
        if done or now - self._told_s >= self._every_s:
            self._told_s = now
            line = {"at_s": now, "events": self.events, "cpu_s": self._cpu_s()}
            print(json.dumps(line), file=self._out, flush=True)
        # exactly at `count`, and never again after it
        following = self.events + CLOCK_EVERY
        self._look_at = sys.maxsize if done else max(self.events + 1, min(following, self._count))
