"""Counts of (slot, item) pairs, sparse and columnar: histogram buckets, finish reasons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SparseCounts"]

Int64s = npt.NDArray[np.int64]

# Batches are only noted when added and merged together when they are read or grow past this many pairs.
_MERGE_AT = 65_536


class SparseCounts:
    """How often each item occurred in each slot.

    Args:
        item_bits: items are below 2**item_bits.
    """

    def __init__(self, item_bits: int) -> None:
        self._bits = item_bits
        self._keys: Int64s = np.empty(0, dtype=np.int64)
        self._counts: Int64s = np.empty(0, dtype=np.int64)
        self._batches: list[tuple[Int64s, Int64s]] = []
        self._noted = 0

    def add(self, slots: Int64s, items: Int64s) -> None:
        """Count one occurrence for each pair, shapes (k,)."""
        keys, counts = np.unique((slots << self._bits) | items, return_counts=True)
        self._batches.append((keys, counts))
        self._noted += len(keys)
        if self._noted > _MERGE_AT:
            self._merge()

    def of(self, slot: int) -> dict[int, int]:
        """The items of one slot and their counts, ascending."""
        self._merge()
        low, high = np.searchsorted(self._keys, [slot << self._bits, (slot + 1) << self._bits])
        items = self._keys[low:high] & ((1 << self._bits) - 1)
        return dict(zip(items.tolist(), self._counts[low:high].tolist(), strict=True))

    def _merge(self) -> None:
        if not self._batches:
            return
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._batches)])
        counts = np.concatenate([self._counts, *(counts for _, counts in self._batches)])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        self._keys, self._counts = keys[starts], np.add.reduceat(counts, starts)
        self._batches, self._noted = [], 0
