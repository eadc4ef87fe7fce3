"""What the takeovers of partitions that are under way do now, for the watchdog, which watches from another thread.

A takeover asks the broker several things, some of them in other threads. If one of them never answers, the partition
has no position yet, so its lag does not show that it stands still.

    steps = Steps()
    with steps.takeover("llm.calls-2"):
        note_step("reading the committed offset")      # also in what it awaits, and in its threads
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import count

__all__ = ["Steps", "note_step"]

_tell: ContextVar[Callable[[str], None] | None] = ContextVar("callgauge_takeover", default=None)


def note_step(step: str) -> None:
    """Note what the takeover does from now on. To be called again while something long goes on and gets ahead. Does
    nothing outside of a takeover."""
    if tell := _tell.get():
        tell(step)


class Steps:
    """The takeovers under way, and the step of each."""

    def __init__(self) -> None:
        self._numbers = count()
        self._now: dict[str, tuple[int, str]] = {}

    def now(self) -> dict[str, tuple[int, str]]:
        """Partition -> number and name of the step that its takeover does; each step noted has another number."""
        return dict(self._now)

    @contextmanager
    def takeover(self, partition: str) -> Iterator[None]:
        """A takeover is under way for as long as this lasts."""

        def tell(step: str) -> None:
            self._now[partition] = next(self._numbers), step

        before = _tell.set(tell)
        tell("it begins")
        try:
            yield
        finally:
            self._now.pop(partition, None)
            # A coroutine that was abandoned is closed in another context, in which there is nothing to set back.
            with suppress(ValueError):
                _tell.reset(before)
