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

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import prefetch

__all__ = ["NEW", "OTHER_CONTENT", "SAME_CONTENT", "SeenIds"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

#: What a record is: the first with its id, or a duplicate with the content of the record before, or with another.
NEW, SAME_CONTENT, OTHER_CONTENT = 0, 1, 2

_FULL, _FRESH = 0.75, 0.6
_AHEAD = 16
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
        duplicates = np.zeros(len(ids), dtype=np.int8)
        if self._within_offsets and len(ids):
            self._make_room(len(ids), int(offsets[0]), int(timestamps_ms.min()))
            within = (self._within_offsets, self._within_ms)
            self._used += _mark(self._slots, offsets, timestamps_ms, ids, contents, *within, duplicates)
        return duplicates

    def _make_room(self, n: int, next_offset: int, next_ms: int) -> None:
        """When the table is nearly full, forget the ids that lie behind the horizon."""
        if self._used + n <= _FULL * len(self._slots):
            return
        slots, size = self._slots, 1 << 12
        first, since = next_offset - self._within_offsets, (next_ms - 2 * self._within_ms) << _CONTENT_BITS
        needed = _near(slots, first, since) + n
        while needed > _FRESH * size:
            size *= 2
        self._allocate(size)
        self._used = _move(self._slots, slots, first, since)


@inlined
def _place(slots: Any, key: int) -> Any:
    """The place of an id in the table, or the free place where it would go."""
    mask = len(slots) - 1
    at = key & mask
    while slots[np.uintp(at), 0] != 0 and slots[np.uintp(at), 0] != key:
        at = (at + 1) & mask
    return np.uintp(at)


@uncounted
def _mark(
    slots: Any, offsets: Any, timestamps_ms: Any, ids: Any, contents: Any, within_offsets: int, within_ms: int,
    duplicates: Any,
) -> int:  # fmt: skip
    """Enter records in the table, in order, and mark the duplicates. Returns how many new entries it needed."""
    taken, mask, last = 0, len(slots) - 1, len(ids) - 1
    for i in range(len(ids)):
        # The table is larger than most caches: what is looked at soon comes while this is looked at.
        prefetch(slots, 3 * (ids[min(i + _AHEAD, last)] & mask))
        key, offset = ids[i], offsets[i]
        if key == 0:
            key = 1  # 0 marks a free slot
        stamp = timestamps_ms[i] << _CONTENT_BITS | contents[i] & _CONTENT
        at = _place(slots, key)
        if slots[at, 0] == 0:
            taken += 1
        elif (
            offset - slots[at, 1] <= within_offsets
            and (stamp >> _CONTENT_BITS) - (slots[at, 2] >> _CONTENT_BITS) <= within_ms
        ):
            duplicates[i] = SAME_CONTENT if (slots[at, 2] ^ stamp) & _CONTENT == 0 else OTHER_CONTENT
        slots[at, 0], slots[at, 1], slots[at, 2] = key, offset, stamp
    return taken


@inlined
def _is_near(slots: Any, at: int, first: int, since: int) -> bool:
    """Whether a slot holds an id that is still needed."""
    return bool((slots[at, 0] != 0) & (slots[at, 1] >= first) & (slots[at, 2] >= since))


@uncounted
def _near(slots: Any, first: int, since: int) -> int:
    """How many ids have an offset from `first` on and a stamp from `since` on."""
    count = 0
    for at in range(len(slots)):
        count += _is_near(slots, at, first, since)
    return count


@uncounted
def _move(slots: Any, old: Any, first: int, since: int) -> int:
    """Enter these ids in another table, which is empty; returns how many there are."""
    count = 0
    for i in range(len(old)):
        if _is_near(old, i, first, since):
            at = _place(slots, old[i, 0])
            slots[at, 0], slots[at, 1], slots[at, 2] = old[i, 0], old[i, 1], old[i, 2]
            count += 1
    return count
