"""Counts of (slot, item) pairs, sparse: histogram buckets, outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["PairCounts", "SparseCounts"]

Int64s = npt.NDArray[np.int64]

# Dense counting pays up to this many cells for each pair.
_CELLS = 32
# Pairs are only noted when they come, and counted when somebody asks or this many wait: one sort for many batches.
_COUNT_AT = 131_072


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
        self._keys: Int64s = np.empty(0, dtype=np.int64)
        self._counts: Int64s = np.empty(0, dtype=np.int64)
        self._noted: list[Int64s] = []
        self._waiting = 0

    def add(self, slots: Int64s, items: Int64s) -> None:
        """Count one occurrence of each pair, shapes (k,)."""
        self._noted.append((slots << self._bits) | items)
        self._waiting += len(slots)
        if self._waiting > _COUNT_AT:
            self._count()

    def of_rows(self, row_of_slot: Int64s, rows: int) -> PairCounts:
        """The counts by row.

        Args:
            row_of_slot: for each slot the row it belongs to, -1 for none.
            rows: number of rows.
        """
        self._count()
        row = row_of_slot[self._keys >> self._bits]
        wanted = np.flatnonzero(row >= 0)
        row, counts = row[wanted], self._counts[wanted]
        items = self._keys[wanted] & ((1 << self._bits) - 1)
        low = int(items.min(initial=0))
        width = int(items.max(initial=0)) - low + 1
        if rows * width <= _CELLS * len(wanted):
            cells = np.zeros(rows * width, dtype=np.int64)
            np.add.at(cells, row * width + (items - low), counts)
            found = np.flatnonzero(cells)
            return PairCounts(found // width, found % width + low, cells[found])
        keys, counts = _added_up((row << self._bits) | items, counts)
        return PairCounts(keys >> self._bits, keys & ((1 << self._bits) - 1), counts)

    def _count(self) -> None:
        if not self._noted:
            return
        keys, counts = np.unique(np.concatenate(self._noted), return_counts=True)
        self._keys, self._counts = _added_up(
            np.concatenate([self._keys, keys]), np.concatenate([self._counts, counts.astype(np.int64)])
        )
        self._noted, self._waiting = [], 0


def _added_up(keys: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Different keys, ascending, and the sum of the counts of each."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    return keys[starts], np.add.reduceat(counts[order], starts)
