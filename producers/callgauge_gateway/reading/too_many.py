"""How many events a request may hold."""

from __future__ import annotations

from callgauge.errors import CallgaugeError

__all__ = ["TooMany", "check_count"]


class TooMany(CallgaugeError):
    """A request holds more events than it may."""


def check_count(count: int, most: int) -> None:
    """Called before anything is made of them.

    Raises:
        TooMany: there are more.
    """
    if count > most:
        raise TooMany(f"more than {most:,} events: send fewer in a request (CALLGAUGE_GATEWAY_EVENTS)")
