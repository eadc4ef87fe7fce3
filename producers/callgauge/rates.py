"""How much a second each one may send: a token bucket each (https://en.wikipedia.org/wiki/Token_bucket). The gateway
counts events of services, the console requests of keys.

A request is taken whole as long as the bucket is not empty, and may leave it in debt: else one that holds more events
than the bucket would never be taken. Over time the rate holds all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

__all__ = ["Rates"]

# A bucket holds what comes in this many seconds.
_BURST_S = 2.0
_MOST_SERVICES = 10_000


class Rates:
    """The buckets.

    Args:
        per_s: events a second for each service; 0: no limit.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._full = per_s * _BURST_S
        #: Service -> what was left in its bucket, and when.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, events: Mapping[str, int], now: float) -> float:
        """Take so many events of each service out of the buckets, or take nothing.

        Args:
            now: seconds of a clock that never goes back.

        Returns:
            0 if they were taken, else the seconds until they may be.
        """
        if not self._per_s:
            return 0.0
        found = {service: self._now_left(service, now) for service in events}
        if (least := min(found.values(), default=1.0)) <= 0:
            return max(0.1, -least / self._per_s)
        for service, count in events.items():
            self._left[service] = (found[service] - count, now)
            self._left.move_to_end(service)
        while len(self._left) > _MOST_SERVICES:
            self._left.popitem(last=False)
        return 0.0

    def _now_left(self, service: str, now: float) -> float:
        left, at = self._left.get(service, (self._full, now))
        return min(self._full, left + (now - at) * self._per_s)
