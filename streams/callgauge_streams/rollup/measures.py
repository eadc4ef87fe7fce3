"""The measured quantities of rows: count, sum, sum of squares, extremes and histogram of unions of slots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import struct_of
from callgauge.schema import Histogram, Measure
from callgauge_streams.histogram import SCALE
from callgauge_streams.rollup.accumulator import Accumulator
from callgauge_streams.rollup.columns import LARGEST, MEASURE_NAMES, TOKEN_SUMS

__all__ = ["Union", "measures_of"]

Int64s = npt.NDArray[np.int64]

_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)
_FIRST = 1 + len(TOKEN_SUMS)


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


def measures_of(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> list[dict[str, Any]]:
    """Each row's measures by name; a quantity that no event carried is left out.

    Args:
        sums, extremes: of each row, as in `Columns`.
    """
    measures: list[dict[str, Any]] = [{} for _ in range(len(sums))]
    for at, name in enumerate(MEASURE_NAMES):
        ids = _largest(slots, union, extremes[:, at], at)
        histograms = _histograms(slots, union, at, len(sums))
        first = _FIRST + 3 * at
        parts = sums[:, first : first + 3].tolist()
        highs, lows = extremes[:, at].tolist(), extremes[:, len(MEASURE_NAMES) + at].tolist()
        for row, (count, total, squares) in enumerate(parts):
            if count:
                measures[row][name] = _Measure(
                    count=count,
                    sum=total,
                    sum_sq=squares,
                    min=LARGEST - lows[row],
                    max=highs[row] - 1,
                    max_event_id=ids[row],
                    histogram=histograms[row],
                )
    return measures


def _largest(slots: Accumulator, union: Union, highs: Int64s, measure: int) -> dict[int, str]:
    """The event of each row's largest value: of several the one with the lowest offset."""
    own = slots.extremes.filled[union.slots, measure]
    holds = (own == highs[union.rows]) & (own > 0)
    offsets = np.where(holds, slots.largest_at.filled[union.slots, measure], np.iinfo(np.int64).max)
    lowest = np.minimum.reduceat(offsets, union.starts)
    chosen = np.flatnonzero(holds & (offsets == lowest[union.rows]))
    of = zip(union.rows[chosen].tolist(), union.slots[chosen].tolist(), strict=True)
    return {row: slots.largest_ids[slot, measure] for row, slot in of}


def _histograms(slots: Accumulator, union: Union, measure: int, rows: int) -> list[Any]:
    pairs = slots.buckets[measure].of_rows(union.row_of_slot, rows)
    names = list(map(_bucket_name, pairs.items.tolist()))
    items, counts, starts = pairs.items, pairs.counts.tolist(), pairs.starts(rows)
    histograms = []
    for start, end in pairwise(starts):
        zeros = 1 if start < end and items[start] == 0 else 0
        histograms.append(
            _Histogram(
                scale=SCALE,
                zero_count=counts[start] if zeros else 0,
                buckets=dict(zip(names[start + zeros : end], counts[start + zeros : end], strict=True)),
            )
        )
    return histograms


@lru_cache(maxsize=1 << 11)
def _bucket_name(item: int) -> str:
    return str(item - 2)
