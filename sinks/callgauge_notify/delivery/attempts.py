"""When a delivery that failed is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from callgauge_intake.backoff import backoff_s
from callgauge_notify.receivers.receiver import NotDelivered

__all__ = ["Attempts"]


class Attempts:
    """The attempts at one notice: waits that double, at random between half and all, never shorter than asked for.

    Args:
        since: epoch seconds when the notice was made.
        retry_for_s: it is given up when the next attempt would be later than so long after `since`. There is always one
            attempt, however old the notice is.
    """

    def __init__(
        self, since: float, retry_for_s: float, waits: Callable[[], Iterable[float]] = lambda: backoff_s(1.0, 60.0)
    ) -> None:
        self._until = since + retry_for_s
        self._waits: Iterator[float] = iter(waits())

    def wait_s(self, error: NotDelivered, now: float) -> float | None:
        """Seconds to the next attempt; None: give up."""
        wait_s = max(next(self._waits), error.retry_after_s)
        return wait_s if now + wait_s <= self._until else None
