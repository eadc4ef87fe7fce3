"""What a fault is given of a run: its processes, their progress, and ways to wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from callgauge_deploy.process import tail
from tests.brokers import Broker
from tests.chaos.crew import Crew, Restart
from tests.chaos.pipeline import Role
from tests.chaos.progress import ProgressLog, recovery_s
from tests.chaos.sender import Sender

__all__ = ["Done", "NotInflicted", "Scene"]

_WITHIN_S = 120.0


class NotInflicted(RuntimeError):
    """A fault could not be done as the scenario says: then the run proves nothing."""


@dataclass(frozen=True)
class Done:
    """A fault that happened."""

    fault: str
    victim: str
    at: float
    """When the fault was over, epoch seconds. The time until consuming goes on is counted from here."""


@dataclass
class Scene:
    """One run in progress."""

    broker: Broker
    crew: Crew
    progress: ProgressLog
    sender: Sender
    rng: random.Random
    partitions: Collection[int]
    """Those that get records."""
    stored_calls: Callable[[], int]
    """Distinct calls in the store; waits while the sinks are away."""
    done: list[Done] = field(default_factory=list)

    def note(self, fault: str, victim: str) -> Done:
        """It has just happened."""
        self.done.append(Done(fault, victim, time.time()))
        return self.done[-1]

    def wait(self, what: str, condition: Callable[[], bool], within_s: float = _WITHIN_S) -> None:
        """Poll, while the supervisor does its work.

        Raises:
            NotInflicted: it did not come to that in time.
        """
        deadline = time.monotonic() + within_s
        while True:
            self.crew.tend()
            self.progress.read()
            if condition():
                return
            if time.monotonic() > deadline:
                raise NotInflicted(f"waited {within_s:g} s for {what}")
            time.sleep(0.1)

    def pass_time(self, seconds: float) -> None:
        """Wait for so long while the run goes on."""
        until = time.monotonic() + seconds
        self.wait("time to pass", lambda: time.monotonic() >= until, seconds + _WITHIN_S)

    def wait_at_work(self, role: Role) -> None:
        """Wait until the process that runs now has counted, or stored, something itself."""
        if role.name.startswith("rollup"):
            self.wait(f"{role.name} to count calls", lambda: self.progress.worked(role.process.pid, self.partitions))
        else:
            before = self.stored_calls()
            self.wait(f"{role.name} to store calls", lambda: self.stored_calls() > before)

    def recovery_s(self, done: Done) -> float | None:
        """Seconds until all partitions were consumed again; None when they were not."""
        return recovery_s(self.progress.entries, done.at, self.partitions)

    def wait_recovered(self) -> None:
        """Wait until consuming has gone on after the last fault."""
        last = self.done[-1]
        self.wait(f"consuming again after {last.fault}", lambda: self.recovery_s(last) is not None)

    def leave(self, name: str) -> None:
        """SIGTERM, as at a deployment; whoever does not end in order, or had ended before, is counted."""
        log, alive = self.crew[name].log, self.crew[name].alive
        if (code := self.crew.leave(name)) != 0:
            self.crew.restarts.append(Restart(name, code, "ended so on SIGTERM" if alive else tail(log, 1)))
