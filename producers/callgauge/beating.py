"""Sends the heartbeats of a Gauge over its transport, and never lets one of them disturb the calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from callgauge.errors import BrokerError
from callgauge.heartbeats import Heart
from callgauge.log_once import LogOnce
from callgauge.spill.spilling import came_back
from callgauge.transport import Transport

__all__ = ["Beating"]

#: How long the end of a Gauge waits for its last heartbeat, and how long in one poll.
LAST_BEAT_S, POLL_S = 0.5, 0.02

Counts = Callable[[], Mapping[str, int]]


class Beating:
    """For the delivery thread.

    Args:
        heart: makes heartbeats; None: there are none.
        counts: what became of the calls until now.
    """

    def __init__(self, heart: Heart | None, transport: Transport, counts: Counts, log: LogOnce) -> None:
        self._heart, self._transport, self._counts, self._log = heart, transport, counts, log

    @property
    def due_in_s(self) -> float:
        """Seconds until the next is due."""
        return math.inf if self._heart is None else self._heart.due_in_s

    def reset(self) -> None:
        """Begin anew: in a forked child."""
        if self._heart is not None:
            self._heart.reset()

    def settled(self, reason: str | None) -> None:
        """What became of the one under way."""
        if self._heart is not None:
            self._heart.settled(reason)
        if reason is not None and not came_back(reason):
            self._log.warn(f"heartbeat {reason}", "a heartbeat was not delivered: %s", reason)

    def beat_if_due(self) -> None:
        """Send one if it is time for it. Raises BrokerError."""
        if self._heart is None or self._heart.due_in_s > 0:
            return
        try:
            self._heart.beat_if_due(self._transport.send, self._counts())
        except BrokerError:
            raise
        except Exception as error:  # calls go on without it
            self._not_sent("a heartbeat", error)

    def beat_last(self, *, has_answered: bool) -> None:
        """Tell that the Gauge is closed; only where the broker has answered before, so that nobody waits in vain.

        One that is still under way, as in a process that lives for a moment, is waited for: else the process would be
        taken for silent.

        Args:
            has_answered: whether the broker has confirmed a call.
        """
        heart = self._heart
        if heart is None or not (heart.was_delivered or has_answered):
            return
        until = time.monotonic() + LAST_BEAT_S
        try:
            if self._has_left(heart, until):
                heart.beat(self._transport.send, self._counts(), closed=True)
                self._has_left(heart, until)
        except Exception as error:  # the end goes on
            self._not_sent("the last heartbeat", error)

    def _has_left(self, heart: Heart, until: float) -> bool:
        """Whether none is under way any more; waits for that, at most `until` on the monotonic clock."""
        while heart.is_under_way and time.monotonic() < until:
            self._transport.poll(POLL_S)
        return not heart.is_under_way

    def _not_sent(self, what: str, error: Exception) -> None:
        name = type(error).__name__
        self._log.warn(f"heartbeat {name}", "%s was not sent: %s: %s", what, name, error)
