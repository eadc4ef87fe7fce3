"""The measured quantities of calls' rows: count, sum, sum of squares, extremes and histogram of unions of slots."""

from __future__ import annotations

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
from callgauge_streams.rollup.slots import Union

__all__ = ["bucket_name", "measures_of"]

Int64s = npt.NDArray[np.int64]

_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)
_FIRST = 1 + len(TOKEN_SUMS)


def measures_of(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> list[dict[str, Any]]:
    """Each row's measures by name; a quantity that no event carried is left out.

    Args:
        sums, extremes: of each row, as in `Columns`.
    """
    measures: list[dict[str, Any]] = [{} for _ in range(len(sums))]
    for at, name in enumerate(MEASURE_NAMES):
        ids = slots.extremes.ids_of(union, extremes[:, at], at)
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


def _histograms(slots: Accumulator, union: Union, measure: int, rows: int) -> list[Any]:
    pairs = slots.buckets[measure].of_rows(union.row_of_slot, rows)
    names = list(map(bucket_name, pairs.items.tolist()))
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
def bucket_name(item: int) -> str:
    """The key in a row's histogram of a bucket item; see BUCKET_BITS."""
    return str(item - 2)
