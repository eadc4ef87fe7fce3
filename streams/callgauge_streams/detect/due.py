"""Finds what is due by a time without looking at what is not.

Detect is told once a second how far event time has come. What follows from that (windows to judge, windows to forget,
alerts to end) must cost as much as there is due, not as much as is known: with 40,000 quiet series a walk over all of
them took half a second of every second.

    due at      10        20        30            take(25) gives a, c and b; take(25) again gives nothing
    keys        a c       b         d e
"""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

__all__ = ["Due"]

K = TypeVar("K", bound=Hashable)


class Due(Generic[K]):
    """Keys by the time, epoch ms, at which each is due.

    >>> due: Due[str] = Due()
    >>> for key, at_ms in [("a", 10), ("b", 20), ("c", 10), ("d", 30)]:
    ...     due.put(key, at_ms)
    >>> due.put("d", 15)
    >>> sorted(due.take(20))
    ['a', 'b', 'c', 'd']
    >>> due.take(1_000)
    []
    """

    def __init__(self) -> None:
        self._keys: dict[int, dict[K, None]] = {}
        self._times: list[int] = []
        """A heap of the times in `_keys`."""
        self._at: dict[K, int] = {}

    def __len__(self) -> int:
        return len(self._at)

    def put(self, key: K, at_ms: int) -> None:
        """Note when a key is due. If it is noted already, the earlier time counts."""
        known = self._at.get(key)
        if known is not None:
            if known <= at_ms:
                return
            del self._keys[known][key]
        if at_ms not in self._keys:
            self._keys[at_ms] = {}
            heappush(self._times, at_ms)
        self._keys[at_ms][key] = None
        self._at[key] = at_ms

    def drop(self, key: K) -> None:
        """Forget a key, noted or not."""
        at_ms = self._at.pop(key, None)
        if at_ms is not None:
            del self._keys[at_ms][key]

    def at(self, key: K) -> int | None:
        """When a key is due; None if it is not noted."""
        return self._at.get(key)

    def take(self, to_ms: int) -> list[K]:
        """Remove the keys that are due at or before `to_ms`, and return them, earliest first."""
        found: list[K] = []
        while self._times and self._times[0] <= to_ms:
            found += self._keys.pop(heappop(self._times))
        for key in found:
            del self._at[key]
        return found
