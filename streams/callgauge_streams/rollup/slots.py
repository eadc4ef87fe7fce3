"""The finest grain of the open block: one slot for each (code of label values, finest window)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.compiled import compiled
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.interned import Interned

__all__ = ["Extremes", "Slots", "Union", "add_rows"]

Int64s = npt.NDArray[np.int64]

#: The encoded ids of some events of a batch.
IdsOf = Callable[[Int64s], list[bytes]]

# Windows are at least a second wide, a call ends within 32 years of the year 2100: their numbers are below 2^33.
_WINDOW_BITS = 42


class Slots:
    """Numbers slots from 0 in order of appearance.

    Args:
        window_ms: the finest window, which all grouping sets' windows are multiples of.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._slots = Interned()
        self.series_of: list[int] = []
        """Code of each slot's label values."""
        self.starts_ms: list[int] = []
        """Start of each slot's window."""

    @property
    def size(self) -> int:
        """Number of slots."""
        return len(self.series_of)

    def slots_of(self, codes: Int64s, event_ms: Int64s) -> Int64s:
        """The slot of each event, shape (n,).

        Args:
            codes: of each event's label values, shape (n,).
            event_ms: event times, shape (n,).
        """
        keys = (codes << _WINDOW_BITS | event_ms // self._window_ms).astype(np.uint64)
        slots = self._slots.codes_of(keys)
        if (new := slots < 0).any():
            for key in dict.fromkeys(keys[new].tolist()):
                self._slots.put(key, self.size)
                self.series_of.append(key >> _WINDOW_BITS)
                self.starts_ms.append((key & (1 << _WINDOW_BITS) - 1) * self._window_ms)
            slots = self._slots.codes_of(keys)
        return slots


@compiled
def add_rows(totals: Any, slots: Any, values: Any) -> None:
    """Add each event's row of values to its slot's."""
    for event in range(len(slots)):
        for column in range(values.shape[1]):
            totals[slots[event], column] += values[event, column]


@dataclass(frozen=True, slots=True)
class Union:
    """Which slots make which row: `slots` ordered by row, each row's beginning at `starts`."""

    row_of_slot: Int64s
    """Row of every slot, -1 for none."""
    slots: Int64s
    rows: Int64s
    """Row of each of `slots`."""
    starts: Int64s

    @classmethod
    def of(cls, row_of_slot: Int64s) -> Union:
        """From the row of every slot; no row is empty."""
        slots = np.flatnonzero(row_of_slot >= 0)
        slots = slots[np.argsort(row_of_slot[slots], kind="stable")]
        rows = row_of_slot[slots]
        return cls(row_of_slot, slots, rows, np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]))


class Extremes:
    """Maxima of every slot, and which event had them. All values are positive: 0 means "nothing yet".

    Args:
        width: columns of which a maximum is taken.
        named: of so many of them, the first, the event is remembered: of several the one with the lowest offset.
    """

    def __init__(self, width: int, named: int) -> None:
        self._named = named
        self._highs = Grown(width)
        self._at = Grown(named)
        self._winners = Grown(named)  # one more than the event of this batch; 0: of an earlier one
        # The ids one after the other, and where each begins and ends: a block may have a hundred thousand of them.
        self._ids = bytearray()  # UTF-8
        self._id_at = Grown(2 * named)

    def add(self, size: int, slots: Int64s, values: Int64s, offsets: Int64s, ids_of: IdsOf) -> None:
        """Take in a micro-batch.

        Args:
            size: number of slots, the batch's included.
            slots: of each event, shape (n,).
            values: shape (n, width).
            offsets: ascending, shape (n,).
            ids_of: the ids of events, by their places in the batch.
        """
        at, winners, id_at = self._at.to(size), self._winners.to(size), self._id_at.to(size)
        raised = np.empty((len(slots) * self._named, 2), dtype=np.int64)
        raised = raised[: _raise(self._highs.to(size), winners, raised, slots, values)]
        slot, column = raised.T
        events = winners[slot, column] - 1
        winners[slot, column] = 0
        at[slot, column] = offsets[events]
        ids = ids_of(events)
        ends = len(self._ids) + np.cumsum([len(event_id) for event_id in ids], dtype=np.int64)
        id_at[slot, 2 * column] = np.r_[len(self._ids), ends[:-1]][: len(ids)]
        id_at[slot, 2 * column + 1] = ends
        self._ids += b"".join(ids)

    def highs(self, union: Union) -> Int64s:
        """The maxima of each row, shape (rows, width)."""
        return np.asarray(np.maximum.reduceat(self._highs.filled[union.slots], union.starts, axis=0))

    def ids_of(self, union: Union, highs: Int64s, column: int) -> dict[int, str]:
        """Row -> the event that had its maximum; rows without one are left out.

        Args:
            highs: of each row, in this column.
        """
        own = self._highs.filled[union.slots, column]
        holds = (own == highs[union.rows]) & (own > 0)
        offsets = np.where(holds, self._at.filled[union.slots, column], np.iinfo(np.int64).max)
        lowest = np.minimum.reduceat(offsets, union.starts)
        chosen = np.flatnonzero(holds & (offsets == lowest[union.rows]))
        of = zip(union.rows[chosen].tolist(), union.slots[chosen].tolist(), strict=True)
        return {row: self._id(slot, column) for row, slot in of}

    def _id(self, slot: int, column: int) -> str:
        begin, end = self._id_at.filled[slot, 2 * column : 2 * column + 2].tolist()
        return self._ids[begin:end].decode()


@compiled
def _raise(highs: Any, winners: Any, raised: Any, slots: Any, values: Any) -> int:
    """Raise the maxima of slots to those of a batch; returns how many (slot, column) of `raised` have a winner."""
    named, count = winners.shape[1], 0
    for event in range(len(slots)):
        slot = slots[event]
        for column in range(values.shape[1]):
            if values[event, column] > highs[slot, column]:
                highs[slot, column] = values[event, column]
                if column < named:
                    if winners[slot, column] == 0:
                        raised[count, 0], raised[count, 1] = slot, column
                        count += 1
                    winners[slot, column] = event + 1
    return count
