"""What is known about a local stack at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callgauge_intake.lag import Lag

__all__ = ["Lag", "ProcessFact", "ServiceFact", "StackFacts", "State"]

#: `starting`: it runs and has not said that it is ready. `ended`: it does not run; the stack starts it again.
State = Literal["running", "starting", "ended"]


@dataclass(frozen=True)
class ProcessFact:
    """One process of the stack."""

    name: str
    pid: int | None
    state: State
    since_s: float | None = None
    """Epoch seconds of its start; None if not known."""
    last_error: str | None = None
    """The last line of its log that tells of an error, as it was written."""


@dataclass(frozen=True)
class ServiceFact:
    """A service that emits calls, by the heartbeats of its processes in the last week."""

    name: str
    alive: int
    """Processes that are alive."""
    silent: int
    """Processes that stopped telling so within the last hour, without a word."""
    emitted: int
    """Calls and judgements of all its processes, those that have ended too; as all counts."""
    dropped: int
    """Not taken, since a queue was full."""
    failed: int
    """Taken, and lost on the way."""
    on_disk: int
    """Waiting on the disks of those that are alive."""


@dataclass(frozen=True)
class StackFacts:
    """A local stack, or the folder where none runs."""

    folder: str
    held: bool = False
    """Whether a stack runs on the folder."""
    bus: str = ""
    store: str = ""
    api: str = ""
    gateway: str = ""
    """"" where it was left out."""
    log: str = ""
    processes: tuple[ProcessFact, ...] = ()
    """Empty also while a stack that has just been started is not ready."""
    lags: tuple[Lag, ...] = ()
    services: tuple[ServiceFact, ...] = ()
    """Those that were heard of in the last week."""
    problems: tuple[str, ...] = ()
    """What could not be found out, and why."""

    @property
    def all_run(self) -> bool:
        """Whether every process runs and is ready, and nothing is unknown."""
        states = {process.state for process in self.processes}
        return self.held and states == {"running"} and not self.problems
