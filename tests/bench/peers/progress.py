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

__all__ = ["Job", "Progress", "job_from_command_line"]

EVERY_S = 0.25
CLOCK_EVERY = 128  # events between two looks at the clock


@dataclass(frozen=True)
class Job:
    """What to read: `count` events of `topic` from its beginning, as a consumer group nobody else uses."""

    bootstrap: str
    topic: str
    count: int
    group: str


def job_from_command_line() -> Job:
    """`<bootstrap> <topic> <count> <group>`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap", help="host:port")
    parser.add_argument("topic")
    parser.add_argument("count", type=int, help="events after which the last line is written")
    parser.add_argument("group")
    return Job(**vars(parser.parse_args()))


class Progress:
    """Counts the events that are in an aggregate, and tells how far it is.

    A line: {"at_s": monotonic seconds, "events": so far, "cpu_s": of this process and its ended children}. The first
    one comes with the first events, the last one when `count` is reached; the reader is then ended from outside.
    """

    def __init__(
        self,
        count: int,
        out: TextIO = sys.stdout,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
    ) -> None:
        """`every_s`: seconds between lines."""
        self.events = 0
        self._count = count
        self._out = out
        self._clock = clock
        self._every_s = every_s
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
            times = os.times()
            cpu_s = times.user + times.system + times.children_user + times.children_system
            self._told_s = now
            print(json.dumps({"at_s": now, "events": self.events, "cpu_s": cpu_s}), file=self._out, flush=True)
        # exactly at `count`, and never again after it
        following = self.events + CLOCK_EVERY
        self._look_at = sys.maxsize if done else max(self.events + 1, min(following, self._count))
