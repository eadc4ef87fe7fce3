"""Duplicates: an event whose id was seen shortly before in the same partition is not counted again.

An event is a duplicate if the latest earlier record with its id lies within `within_offsets` offsets and `within_ms`
of append time. That depends on the log alone, so whoever reads the block again finds the same duplicates, provided it
has read the horizon before the block first (`horizon.py`).

Memory is 24 bytes a slot, two to four slots for each id of the horizon. Ids are told apart by 64-bit hashes: with a
full horizon of 131,072 ids an event is taken for a duplicate by mistake with a chance of 7e-15.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SeenIds"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_id_of = attrgetter("event_id")
_FULL, _FRESH = 0.75, 0.6
_NEVER = np.iinfo(np.int64).min // 2


class SeenIds:
    """The ids of the horizon: an open-addressing hash table with linear probing, a whole batch at a time.

    Args:
        within_offsets: 0 switches deduplication off.
        within_ms: append timestamps that go back by more than this could make the outcome depend on where reading
            began; brokers that stamp records never do that.
    """

    def __init__(self, within_offsets: int, within_ms: int) -> None:
        self._within_offsets = within_offsets
        self._within_ms = within_ms
        self._used = 0
        self._allocate(1 << 12)

    def _allocate(self, size: int) -> None:
        self._keys = np.zeros(size, dtype=np.int64)
        self._offsets = np.full(size, _NEVER, dtype=np.int64)
        self._timestamps_ms = np.full(size, _NEVER, dtype=np.int64)

    def mark(self, offsets: Int64s, timestamps_ms: Int64s, events: Sequence[Any]) -> Bools:
        """Which of these records, in log order, are duplicates; all of them are remembered.

        Args:
            offsets, timestamps_ms: shape (n,).
            events: decoded, with their `event_id`.
        """
        n = len(events)
        if not self._within_offsets or not n:
            return np.zeros(n, dtype=np.bool_)
        self._make_room(n, int(offsets[0]), int(timestamps_ms.min()))
        hashes = np.fromiter(map(hash, map(_id_of, events)), dtype=np.int64, count=n)
        hashes[hashes == 0] = 1  # 0 marks a free slot
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        first = np.r_[True, ordered[1:] != ordered[:-1]]
        slots = self._find(ordered[first])
        # The record before: the one of the same id in this batch, or the last one remembered.
        earlier_offset, earlier_ms = np.roll(offsets[order], 1), np.roll(timestamps_ms[order], 1)
        earlier_offset[first], earlier_ms[first] = self._offsets[slots], self._timestamps_ms[slots]
        last = order[np.r_[first[1:], True]]
        self._offsets[slots], self._timestamps_ms[slots] = offsets[last], timestamps_ms[last]
        duplicates = np.empty(n, dtype=np.bool_)
        duplicates[order] = (offsets[order] - earlier_offset <= self._within_offsets) & (
            timestamps_ms[order] - earlier_ms <= self._within_ms
        )
        return duplicates

    def _find(self, hashes: Int64s) -> Int64s:
        """The slot of each of these different hashes, taken for it if it had none."""
        mask = len(self._keys) - 1
        slots = hashes & mask
        todo = np.arange(len(hashes))
        while len(todo):
            at, wanted = slots[todo], hashes[todo]
            free = self._keys[at] == 0
            self._keys[at[free]] = wanted[free]  # of several that want one slot, one gets it
            settled = self._keys[at] == wanted
            self._used += int(np.count_nonzero(free & settled))
            todo = todo[~settled]
            slots[todo] = (slots[todo] + 1) & mask
        return slots

    def _make_room(self, n: int, next_offset: int, next_ms: int) -> None:
        """Forget what lies behind the horizon when the table is nearly full."""
        if self._used + n <= _FULL * len(self._keys):
            return
        keep = (
            (self._keys != 0)
            & (self._offsets >= next_offset - self._within_offsets)
            & (self._timestamps_ms >= next_ms - 2 * self._within_ms)
        )
        kept = self._keys[keep], self._offsets[keep], self._timestamps_ms[keep]
        size = 1 << 12
        while len(kept[0]) + n > _FRESH * size:
            size *= 2
        self._used = 0
        self._allocate(size)
        slots = self._find(kept[0])
        self._offsets[slots], self._timestamps_ms[slots] = kept[1:]
