"""Counts of (slot, item) pairs, sparse: histogram buckets, outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import prefetch

__all__ = ["PairCounts", "SparseCounts"]

Int64s = npt.NDArray[np.int64]

# Dense counting pays up to this many cells for each pair.
_CELLS = 32
_FULL = 0.6
_AHEAD = 16
# Of an entry the low bits are the count, which is at most 65,536: a block has no more events.
_COUNT_BITS = 18
_COUNT = (1 << _COUNT_BITS) - 1
_SPREAD, _TOP = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Counts of (row, item) pairs, ordered by row and item."""

    starts: Int64s
    """Where each row begins, and the end; shape (rows + 1,)."""
    items: Int64s
    counts: Int64s

    @property
    def rows(self) -> Int64s:
        """The row of each pair."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


class SparseCounts:
    """How often each item occurred in each slot.

    Args:
        item_bits: items are below 2**item_bits.
    """

    def __init__(self, item_bits: int) -> None:
        self._bits = item_bits
        # Pair and count in one number (0: free): an open-addressing table.
        self._table: Int64s = np.zeros(256, dtype=np.int64)
        self._used = 0

    def add(self, slots: Int64s, items: Int64s) -> None:
        """Count one occurrence of each pair, shapes (n,); negative items are none."""
        if self._used + len(slots) > _FULL * len(self._table):
            self._grow(len(slots))
        self._used += _count(self._table, slots, items, self._bits)

    def _grow(self, room: int) -> None:
        entries = self._table[self._table != 0]
        size = len(self._table)
        while len(entries) + room > _FULL * size:
            size *= 2
        self._table = np.zeros(size, dtype=np.int64)
        _move(self._table, entries)

    def of_rows(self, row_of_slot: Int64s, rows: int) -> PairCounts:
        """The counts by row.

        Args:
            row_of_slot: for each slot the row it belongs to, -1 for none.
            rows: number of rows.
        """
        keys, counts = np.empty(self._used, dtype=np.int64), np.empty(self._used, dtype=np.int64)
        found, low, high = _by_row(self._table, self._bits, row_of_slot, keys, counts)
        keys, counts = keys[:found], counts[:found]
        width = int(high) - int(low) + 1
        if found and rows * width <= _CELLS * found:
            cells = np.zeros((rows, width), dtype=np.int64)
            distinct = _spread(keys, counts, self._bits, low, cells)
            starts, items, added = (np.empty(size, dtype=np.int64) for size in (rows + 1, distinct, distinct))
            _gather(cells, low, starts, items, added)
            return PairCounts(starts, items, added)
        keys, counts = _added_up(keys, counts)
        starts = np.searchsorted(keys, np.arange(rows + 1) << self._bits)
        return PairCounts(starts, keys & ((1 << self._bits) - 1), counts)


def _added_up(keys: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Different keys, ascending, and the sum of the counts of each."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    return keys[starts], np.add.reduceat(counts[order], starts)


@inlined
def _first_place(table: Any, pair: int) -> Any:
    return np.int64((np.uint64(pair) * _SPREAD) >> _TOP) & (len(table) - 1)


@inlined
def _place(table: Any, pair: int) -> int:
    """The place of a pair in the table, or the free place where it would go."""
    mask, at = len(table) - 1, _first_place(table, pair)
    while table[at] != 0 and table[at] >> _COUNT_BITS != pair:
        at = (at + 1) & mask
    return int(at)


@uncounted
def _count(table: Any, slots: Any, items: Any, bits: int) -> int:
    """Count each pair once. Returns how many pairs are new."""
    new, last = 0, len(slots) - 1
    for event in range(len(slots)):
        # Of many series the table fits no cache: what is looked at soon comes while this is looked at.
        ahead = min(event + _AHEAD, last)
        prefetch(table, _first_place(table, (slots[ahead] << bits | items[ahead]) + 1))
        if items[event] >= 0:
            pair = (slots[event] << bits | items[event]) + 1
            at = _place(table, pair)
            if table[at] == 0:
                table[at] = pair << _COUNT_BITS
                new += 1
            table[at] += 1
    return new


@uncounted
def _move(table: Any, entries: Any) -> None:
    for entry in entries:
        table[_place(table, entry >> _COUNT_BITS)] = entry


@uncounted
def _by_row(table: Any, bits: int, row_of_slot: Any, keys: Any, counts: Any) -> Any:
    """Row and item, and count, of pairs whose slot has a row: how many there are, the least and the largest item."""
    found, low, high = 0, np.int64(1) << bits, np.int64(0)
    for entry in table:
        if entry != 0:
            pair = (entry >> _COUNT_BITS) - 1
            row = row_of_slot[pair >> bits]
            if row >= 0:
                item = pair & ((1 << bits) - 1)
                keys[found], counts[found] = row << bits | item, entry & _COUNT
                low, high = min(low, item), max(high, item)
                found += 1
    return found, low, high


@uncounted
def _spread(keys: Any, counts: Any, bits: int, low: int, cells: Any) -> int:
    """Add the counts up in a cell for each row and item; returns how many cells there are."""
    distinct = 0
    for i in range(len(keys)):
        row, item = keys[i] >> bits, (keys[i] & ((1 << bits) - 1)) - low
        distinct += cells[row, item] == 0
        cells[row, item] += counts[i]
    return distinct


@uncounted
def _gather(cells: Any, low: int, starts: Any, items: Any, counts: Any) -> None:
    found = 0
    for row in range(len(cells)):
        starts[row] = found
        for item in range(cells.shape[1]):
            if cells[row, item]:
                items[found], counts[found] = item + low, cells[row, item]
                found += 1
    starts[len(cells)] = found
