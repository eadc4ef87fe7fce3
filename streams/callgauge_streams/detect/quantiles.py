"""Quantiles of a measure over a lookback, for many series at once, from the entries of `evidence`.

The same as `Percentile.of` on the totals of each; rules that are limits need no quantiles (callgauge_rules.condition),
but a detector that learns is fed with one of each series.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect.cell_links import FIRST_ROW, NEWEST, NEXT, OLDER, START
from callgauge_streams.detect.evidence_entries import ZEROS, counts_at, length_of
from callgauge_streams.detect.evidence_numbers import next_count
from callgauge_windows.compiled import compiled

__all__ = ["NONE", "quantile_buckets"]

Int64s = npt.NDArray[np.int64]

#: There are no events.
NONE = 1 << 20
#: No bucket is below that of zeros; as many may be above 0 as below.
_SHIFT = -ZEROS


def quantile_buckets(
    data: Any, places: tuple[Int64s, Int64s], links: tuple[Int64s, Int64s, Int64s], which: Int64s,
    begin_ms: int, end_ms: int, q: float,
) -> Int64s:  # fmt: skip
    """The bucket of the q-quantile of each slot over [begin_ms, end_ms): `ZEROS` of value 0, NONE without events.

    Args:
        data: the entries.
        places: where the entries of rows and of cells begin; 0: there is none.
        links: slots, cells and rows, see callgauge_streams.detect.cell_links.
        which: the slots.
    """
    found = np.full(len(which), NONE)
    counts = np.zeros(2 * _SHIFT, dtype=np.int64)
    _find(data, *places, *links, which, begin_ms, end_ms, q, counts, found)
    return found


@compiled
def _find(
    data: Any, row_places: Any, cell_places: Any, slots: Any, cells: Any, rows: Any, which: Any, begin_ms: int,
    end_ms: int, q: float, counts: Any, found: Any,
) -> None:  # fmt: skip
    for i in range(len(which)):
        cell = slots[which[i], NEWEST]
        while cell >= 0 and cells[cell, START] >= end_ms:
            cell = cells[cell, OLDER]
        low, high, total = len(counts), -1, 0
        while cell >= 0 and cells[cell, START] >= begin_ms:
            if cell < len(cell_places):
                low, high, total = _count(data, cell_places[cell], counts, low, high, total)
            row = cells[cell, FIRST_ROW]
            while row >= 0:
                if row < len(row_places):
                    low, high, total = _count(data, row_places[row], counts, low, high, total)
                row = rows[row, NEXT]
            cell = cells[cell, OLDER]
        rank, seen = int(np.floor(q * (total - 1))), 0
        for bucket in range(low, high + 1):
            seen += counts[bucket]
            if rank < seen and found[i] == NONE and total > 0:
                found[i] = bucket - _SHIFT
            counts[bucket] = 0


@compiled
def _count(data: Any, place: int, counts: Any, low: int, high: int, total: int) -> Any:
    """Add an entry's counts; returns the lowest and highest bucket so far, and the number of events."""
    if place > 0:
        end = place + length_of(data, place)
        at, bucket, count = next_count(data, counts_at(data, place), end, ZEROS - 1)
        while count > 0:
            counts[bucket + _SHIFT] += count
            low, high, total = min(low, bucket + _SHIFT), max(high, bucket + _SHIFT), total + count
            at, bucket, count = next_count(data, at, end, bucket)
    return low, high, total
