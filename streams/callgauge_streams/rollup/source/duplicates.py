"""Duplicates: an event whose id was seen shortly before in the same partition is not counted again.

An event is a duplicate if the latest earlier record with its id lies within `within_offsets` offsets and `within_ms`
of append time. That depends on the log alone, so whoever reads the block again finds the same duplicates, provided it
has read the horizon before the block first (`horizon.py`).

An event that is sent again has the content that it had before. An id that comes with other content is another event's,
and an emitter is at fault: it is no more counted than any duplicate, but it is told.

Memory is 24 bytes a slot, two to four slots for each id of the horizon. Ids are told apart by 64-bit hashes: with a
full horizon of 131,072 ids an event is taken for a duplicate by mistake with a chance of 7e-15. Of contents 21 bits are
kept: of two million ids that come with other content one is not told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import uncounted

__all__ = ["NEW", "OTHER_CONTENT", "SAME_CONTENT", "SeenIds"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

#: What a record is: the first with its id, or a duplicate with the content of the record before, or with another.
NEW, SAME_CONTENT, OTHER_CONTENT = 0, 1, 2

_FULL, _FRESH = 0.75, 0.6
_CONTENT_BITS = 21
_CONTENT = (1 << _CONTENT_BITS) - 1


class SeenIds:
    """The ids of the horizon: an open-addressing hash table with linear probing.

    Args:
        within_offsets: 0 switches deduplication off.
        within_ms: append timestamps that go back by more than this could make the outcome depend on where reading
            began; brokers that stamp records never do that.
    """

    def __init__(self, within_offsets: int, within_ms: int) -> None:
        self._within_offsets = within_offsets
        self._within_ms = within_ms
        self._allocate(1 << 12)

    def _allocate(self, size: int) -> None:
        # Id, offset, and timestamp with content in one number, of the latest record with an id: one cache miss.
        self._slots = np.zeros((size, 3), dtype=np.int64)
        self._used = 0

    def mark(self, offsets: Int64s, timestamps_ms: Int64s, ids: Int64s, contents: Int64s) -> Int8s:
        """Tell of each of these records, given in log order, whether it is NEW or a duplicate, and of which content;
        and remember the ids of all.

        Args:
            offsets, timestamps_ms: shape (n,).
            ids, contents: 64-bit hashes of their ids and of their bytes, shape (n,).
        """
        n = len(ids)
        duplicates = np.zeros(n, dtype=np.int8)
        if self._within_offsets and n:
            self._make_room(n, int(offsets[0]), int(timestamps_ms.min()))
            # An id of 0 marks a free slot.
            stamps = timestamps_ms << _CONTENT_BITS | contents & _CONTENT
            records = np.column_stack([np.where(ids == 0, 1, ids), offsets, stamps])
            self._used += _mark(self._slots, records, self._within_offsets, self._within_ms, duplicates)
        return duplicates

    def _make_room(self, n: int, next_offset: int, next_ms: int) -> None:
        """When the table is nearly full, forget the ids that lie behind the horizon."""
        if self._used + n <= _FULL * len(self._slots):
            return
        keys, offsets, stamps = self._slots.T
        since = (next_ms - 2 * self._within_ms) << _CONTENT_BITS
        near = (offsets >= next_offset - self._within_offsets) & (stamps >= since)
        kept = self._slots[(keys != 0) & near]
        size = 1 << 12
        while len(kept) + n > _FRESH * size:
            size *= 2
        self._allocate(size)
        self._used = _mark(self._slots, kept, 0, 0, np.empty(len(kept), dtype=np.int8))


@uncounted
def _mark(slots: Any, records: Any, within_offsets: int, within_ms: int, duplicates: Any) -> int:
    """Enter records in the table, in order, and mark the duplicates. Returns how many new entries it needed."""
    mask = len(slots) - 1
    taken = 0
    for i in range(len(records)):
        key, offset, stamp = records[i]
        at = key & mask
        while slots[at, 0] != 0 and slots[at, 0] != key:
            at = (at + 1) & mask
        if slots[at, 0] == 0:
            taken += 1
            duplicates[i] = NEW
        elif (
            offset - slots[at, 1] <= within_offsets
            and (stamp >> _CONTENT_BITS) - (slots[at, 2] >> _CONTENT_BITS) <= within_ms
        ):
            duplicates[i] = SAME_CONTENT if (slots[at, 2] ^ stamp) & _CONTENT == 0 else OTHER_CONTENT
        else:
            duplicates[i] = NEW
        slots[at, 0], slots[at, 1], slots[at, 2] = key, offset, stamp
    return taken
