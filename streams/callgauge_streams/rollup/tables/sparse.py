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

# Rows of up to so many pairs are ordered by inserting, others in a cell for each item.
_SHORT = 32
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
        pairs, starts = np.empty((self._used, 3), dtype=np.int64), np.zeros(rows + 1, dtype=np.int64)
        found, largest = _pick(self._table, self._bits, row_of_slot, pairs, starts)
        np.cumsum(starts, out=starts)
        items, counts = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.int64)
        _place_by_row(pairs[:found], starts[:-1].copy(), items, counts)
        distinct = _order(starts, items, counts, np.zeros(largest + 1, dtype=np.int64))
        return PairCounts(starts, items[:distinct], counts[:distinct])


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
def _pick(table: Any, bits: int, row_of_slot: Any, pairs: Any, lengths: Any) -> Any:
    """Row, item and count of pairs whose slot has a row: how many there are, and the largest item. In `lengths`, behind
    its first place, goes how many each row has."""
    found, largest = 0, 0
    for entry in table:
        if entry != 0:
            pair = (entry >> _COUNT_BITS) - 1
            row = row_of_slot[pair >> bits]
            if row >= 0:
                item = pair & ((1 << bits) - 1)
                pairs[found, 0], pairs[found, 1], pairs[found, 2] = row, item, entry & _COUNT
                largest = max(largest, item)
                lengths[row + 1] += 1
                found += 1
    return found, largest


@uncounted
def _place_by_row(pairs: Any, free: Any, items: Any, counts: Any) -> None:
    """Put items and counts where their rows are; `free` has the first free place of each row."""
    for i in range(len(pairs)):
        row = pairs[i, 0]
        items[free[row]], counts[free[row]] = pairs[i, 1], pairs[i, 2]
        free[row] += 1


@uncounted
def _order(starts: Any, items: Any, counts: Any, cells: Any) -> int:
    """Order the items of each row and add up equal ones, in place; returns how many are left.

    Args:
        cells: zeros, one for each item that there may be.
    """
    used = 0
    for row in range(len(starts) - 1):
        begin, end, first = starts[row], starts[row + 1], used
        starts[row] = used
        if end - begin <= _SHORT:
            for i in range(begin, end):
                item, count, at = items[i], counts[i], used
                while at > first and items[at - 1] > item:
                    at -= 1
                if at > first and items[at - 1] == item:
                    counts[at - 1] += count
                    continue
                for behind in range(used, at, -1):  # what is written lies before what is read next
                    items[behind], counts[behind] = items[behind - 1], counts[behind - 1]
                items[at], counts[at] = item, count
                used += 1
            continue
        low, high = items[begin], items[begin]
        for i in range(begin, end):
            cells[items[i]] += counts[i]
            low, high = min(low, items[i]), max(high, items[i])
        for item in range(low, high + 1):
            if cells[item] != 0:
                items[used], counts[used] = item, cells[item]
                cells[item] = 0
                used += 1
    starts[len(starts) - 1] = used
    return used
