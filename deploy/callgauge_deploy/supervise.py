"""Keeps one child process running: notices that it ended, waits (longer after each crash), and starts it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Backoff", "Child", "Process"]


class Process(Protocol):
    """The part of `subprocess.Popen` that supervision needs."""

    @property
    def pid(self) -> int:
        """Process id."""

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a restart, in seconds: first, first·2, first·4 … up to `limit_s`.

    A process that ran for `calm_s` counts as healthy: its next crash counts as the first one again.
    """

    first_s: float = 0.5
    limit_s: float = 15.0
    calm_s: float = 60.0

    def delay(self, crash: int) -> float:
        """Seconds to wait after the `crash`-th crash in a row, counted from 1."""
        return min(self.limit_s, self.first_s * 2.0 ** (crash - 1))


BACKOFF = Backoff()


class Child:
    """One supervised process. `tick` does all the work: the caller calls it again and again, with the present time."""

    def __init__(self, name: str, spawn: Callable[[], Process], ready_file: Path, backoff: Backoff = BACKOFF) -> None:
        """`spawn` starts the process; `ready_file` is made by the process when it is ready."""
        self.name = name
        self.crashes = 0
        self.process: Process | None = None
        self._spawn = spawn
        self._ready_file = ready_file
        self._backoff = backoff
        self._started_at = 0.0
        self._retry_at = 0.0

    @property
    def ready(self) -> bool:
        """Whether the process runs and has said that it is ready."""
        return self.process is not None and self._ready_file.exists()

    def tick(self, now_s: float) -> str | None:
        """Start the process if a start is due, or notice that it ended.

        Returns:
            What happened, in words for the user; None if nothing happened, or it was the first start.
        """
        if self.process is None:
            return self._start(now_s) if now_s >= self._retry_at else None
        code = self.process.poll()
        return None if code is None else self._crashed(code, now_s)

    def _start(self, now_s: float) -> str | None:
        # A ready file that the process before has left would make the new one look ready.
        self._ready_file.unlink(missing_ok=True)
        self.process = self._spawn()
        self._started_at = now_s
        return f"{self.name} started again" if self.crashes else None

    def _crashed(self, code: int, now_s: float) -> str:
        calm = now_s - self._started_at >= self._backoff.calm_s
        self.crashes = 1 if calm else self.crashes + 1
        self.process = None
        delay_s = self._backoff.delay(self.crashes)
        self._retry_at = now_s + delay_s
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{self.name} {how}; starting it again in {delay_s:g} s"
