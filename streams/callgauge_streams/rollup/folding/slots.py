"""The finest grain of the open block: one slot for each (code of label values, finest window)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.tables.interned import Numbered
from callgauge_windows.compiled import uncounted
from callgauge_windows.instructions import prefetch

__all__ = ["WINDOW_BITS", "Slots", "Union", "add_rows"]

Int64s = npt.NDArray[np.int64]

#: Windows are at least a second wide, a call ends within 32 years of the year 2100: their numbers are below 2^33.
WINDOW_BITS = 42
_AHEAD = 16


class Slots:
    """Numbers slots from 0 in order of appearance.

    Args:
        window_ms: the finest window, which all grouping sets' windows are multiples of.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._numbered = Numbered()

    @property
    def size(self) -> int:
        """Number of slots."""
        return len(self._numbered.keys)

    def labels_of(self, first: int) -> tuple[Int64s, Int64s]:
        """Code of the label values, and start of the window in ms, of the slots from `first` on."""
        keys = self._numbered.keys[first:]
        return keys >> WINDOW_BITS, (keys & (1 << WINDOW_BITS) - 1) * self._window_ms

    def slots_of(self, codes: Int64s, event_ms: Int64s) -> Int64s:
        """The slot of each event, shape (n,).

        Args:
            codes: of each event's label values, shape (n,).
            event_ms: event times, shape (n,).
        """
        return self._numbered.numbers_of(codes << WINDOW_BITS | event_ms // self._window_ms)


@uncounted
def add_rows(totals: Any, slots: Any, values: Any) -> None:
    """Add each event's row of values to its slot's."""
    for event in range(len(slots)):
        ahead = slots[min(event + _AHEAD, len(slots) - 1)] * totals.shape[1]
        for line in range(0, totals.shape[1], 8):  # a cache line is eight numbers
            prefetch(totals, ahead + line)
        for column in range(values.shape[1]):
            totals[slots[event], column] += values[event, column]


@dataclass(frozen=True, slots=True)
class Union:
    """Which slots belong to which row. Sums and maxima of rows are made in one pass over the slots, in their order."""

    row_of_slot: Int64s
    """Row of every slot, -1 for none. Every row has a slot."""
    rows: int
    """How many there are."""

    def sums(self, values: Int64s) -> Int64s:
        """The sums of the rows' slots.

        Args:
            values: of each slot, shape (slots, width).

        Returns:
            Shape (rows, width).
        """
        sums = np.zeros((self.rows, values.shape[1]), dtype=np.int64)
        _sum_rows(self.row_of_slot, values, sums)
        return sums

    def highs(self, values: Int64s) -> Int64s:
        """Likewise the maxima; no value is negative."""
        highs = np.zeros((self.rows, values.shape[1]), dtype=np.int64)
        _raise_rows(self.row_of_slot, values, highs)
        return highs


@uncounted
def _sum_rows(row_of_slot: Any, values: Any, sums: Any) -> None:
    for slot in range(len(row_of_slot)):
        row = row_of_slot[slot]
        if row >= 0:
            for column in range(values.shape[1]):
                sums[row, column] += values[slot, column]


@uncounted
def _raise_rows(row_of_slot: Any, values: Any, highs: Any) -> None:
    for slot in range(len(row_of_slot)):
        row = row_of_slot[slot]
        if row >= 0:
            for column in range(values.shape[1]):
                highs[row, column] = max(highs[row, column], values[slot, column])
