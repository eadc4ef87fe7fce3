"""Counts of (slot, item) pairs, sparse: histogram buckets, outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.compiled import compiled

__all__ = ["PairCounts", "SparseCounts"]

Int64s = npt.NDArray[np.int64]

# Dense counting pays up to this many cells for each pair.
_CELLS = 32
_FULL = 0.6
_SPREAD, _TOP = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Counts of (row, item) pairs, ordered by row and item."""

    rows: Int64s
    items: Int64s
    counts: Int64s

    def starts(self, rows: int) -> list[int]:
        """Where each of the rows 0 ... rows - 1 begins, and the end."""
        return [int(start) for start in np.searchsorted(self.rows, np.arange(rows + 1))]


class SparseCounts:
    """How often each item occurred in each slot.

    Args:
        item_bits: items are below 2**item_bits.
    """

    def __init__(self, item_bits: int) -> None:
        self._bits = item_bits
        # Pair (0: free) and count, side by side: an open-addressing table.
        self._table: Int64s = np.zeros((256, 2), dtype=np.int64)
        self._used = 0
        self._pairs: Int64s | None = None  # what the table holds, for as long as nothing is added

    def add(self, slots: Int64s, items: Int64s) -> None:
        """Count one occurrence of each pair, shapes (n,); negative items are none."""
        if self._used + len(slots) > _FULL * len(self._table):
            self._grow(len(slots))
        self._pairs = None
        self._used += _count(self._table, slots, items, self._bits)

    def _grow(self, room: int) -> None:
        pairs = self._table[self._table[:, 0] != 0]
        size = len(self._table)
        while len(pairs) + room > _FULL * size:
            size *= 2
        self._table = np.zeros((size, 2), dtype=np.int64)
        _move(self._table, pairs)

    def of_rows(self, row_of_slot: Int64s, rows: int) -> PairCounts:
        """The counts by row.

        Args:
            row_of_slot: for each slot the row it belongs to, -1 for none.
            rows: number of rows.
        """
        if self._pairs is None:
            self._pairs = self._table[self._table[:, 0] != 0]
        pairs = self._pairs
        keys = pairs[:, 0] - 1
        row = row_of_slot[keys >> self._bits]
        wanted = np.flatnonzero(row >= 0)
        row, counts = row[wanted], pairs[wanted, 1]
        items = keys[wanted] & ((1 << self._bits) - 1)
        low = int(items.min(initial=0))
        width = int(items.max(initial=0)) - low + 1
        if rows * width <= _CELLS * len(wanted):
            cells = np.zeros(rows * width, dtype=np.int64)
            np.add.at(cells, row * width + (items - low), counts)
            found = np.flatnonzero(cells)
            return PairCounts(found // width, found % width + low, cells[found])
        keys, counts = _added_up((row << self._bits) | items, counts)
        return PairCounts(keys >> self._bits, keys & ((1 << self._bits) - 1), counts)


def _added_up(keys: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Different keys, ascending, and the sum of the counts of each."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    return keys[starts], np.add.reduceat(counts[order], starts)


@compiled
def _slot_of(table: Any, pair: int) -> int:
    """Where a pair is, or would be."""
    mask = len(table) - 1
    at = np.int64((np.uint64(pair) * _SPREAD) >> _TOP) & mask
    while table[at, 0] != 0 and table[at, 0] != pair:
        at = (at + 1) & mask
    return int(at)


@compiled
def _count(table: Any, slots: Any, items: Any, bits: int) -> int:
    """Returns how many pairs are new."""
    new = 0
    for event in range(len(slots)):
        if items[event] >= 0:
            pair = (slots[event] << bits | items[event]) + 1
            at = _slot_of(table, pair)
            new += table[at, 0] == 0
            table[at, 0] = pair
            table[at, 1] += 1
    return new


@compiled
def _move(table: Any, pairs: Any) -> None:
    for at in range(len(pairs)):
        table[_slot_of(table, pairs[at, 0])] = pairs[at]
