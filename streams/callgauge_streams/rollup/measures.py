"""One measured quantity in every slot of the open block: count, sum, sum of squares, extremes, histogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import struct_of
from callgauge.schema import Histogram, Measure
from callgauge_streams.histogram import SCALE, bucket_of
from callgauge_streams.rollup.columns import MeasureColumn
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.sparse import SparseCounts

__all__ = ["MeasureSlots"]

Int64s = npt.NDArray[np.int64]

_Measure = struct_of(Measure)
_Histogram = struct_of(Histogram)
# Items are bucket + 2 (buckets begin at -1), 0 is the zero bucket; values end below 2^41, so at 32 * 41 + 2.
_BUCKET_BITS = 11


class MeasureSlots:
    """Count, sum, sum of squares, extremes and histogram of one measured quantity in every slot."""

    def __init__(self, square_unit: int) -> None:
        self._square_unit = square_unit
        self._sums = Grown(3)
        self._min = Grown()
        self._max = Grown()
        self._max_event_ids: dict[int, str] = {}
        self._buckets = SparseCounts(_BUCKET_BITS)

    def add(self, column: MeasureColumn, slots: Int64s, order: Int64s, event_ids: Sequence[str], size: int) -> None:
        """Count the events that carry the quantity; `order` sorts events by slot, keeping log order."""
        events = order[column.present[order]]
        sums, lows, highs = self._sums.to(size), self._min.to(size), self._max.to(size)
        if not len(events):
            return
        event_slots, values = slots[events], column.values[events]
        first = np.r_[True, event_slots[1:] != event_slots[:-1]]
        starts = np.flatnonzero(first)
        of = event_slots[starts]
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        new = sums[of, 0] == 0
        lows[of] = np.where(new, low, np.minimum(lows[of], low))
        group = np.cumsum(first) - 1
        at_high = np.flatnonzero(values == high[group])
        _, earliest = np.unique(group[at_high], return_index=True)
        larger = new | (high > highs[of])
        for slot, event in zip(of[larger].tolist(), events[at_high[earliest[larger]]].tolist(), strict=True):
            self._max_event_ids[slot] = event_ids[event]
        highs[of] = np.where(larger, high, highs[of])
        squares = (values // self._square_unit) ** 2
        sums[of] += np.add.reduceat(np.column_stack([np.ones_like(values), values, squares]), starts, axis=0)
        items = np.where(values > 0, bucket_of(np.maximum(values, 1)) + 2, 0)
        self._buckets.add(event_slots, items)

    def measure(self, slot: int) -> Any | None:
        """The slot's `Measure`, None when no event carried the quantity."""
        count, total, squares = self._sums.filled[slot].tolist()
        if not count:
            return None
        buckets = self._buckets.of(slot)
        zero_count = buckets.pop(0, 0)
        return _Measure(
            count=count,
            sum=total,
            sum_sq=squares,
            min=int(self._min.filled[slot]),
            max=int(self._max.filled[slot]),
            max_event_id=self._max_event_ids[slot],
            histogram=_Histogram(
                scale=SCALE,
                zero_count=zero_count,
                buckets={str(item - 2): count for item, count in buckets.items()},
            ),
        )
