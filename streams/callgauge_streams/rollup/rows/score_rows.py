"""Builds the rows of scores: each adds up some slots of the accumulator."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from msgspec import Raw

from callgauge.schema import ScoreRow, SignedHistogram
from callgauge.structs import struct_of
from callgauge_streams.rollup.folding.row_unions import RowKeys
from callgauge_streams.rollup.folding.score_accumulator import ScoreAccumulator
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.reading.score_columns import BEYOND, NEGATIVE
from callgauge_streams.rollup.rows.measure_columns import FIRST_BUCKET
from callgauge_windows.histogram import SCALE

__all__ = ["score_rows"]

_Row: Any = struct_of(ScoreRow)
_Histogram: Any = struct_of(SignedHistogram)


def score_rows(slots: ScoreAccumulator, union: Union, keys: RowKeys) -> Iterator[Any]:
    """ScoreRows, to be encoded."""
    sums, extremes = union.sums(slots.sums.filled), slots.extremes.highs(union)
    id_at = slots.extremes.holders(union, extremes)[:, 0].tolist()
    histograms = _histograms(slots, union, len(keys))
    added = zip(keys.listed(), sums.tolist(), extremes.tolist(), histograms, strict=True)
    for row, (key, (n, total, squares), (low, high), histogram) in enumerate(added):
        yield _Row(
            **key,
            n=n,
            sum=total,
            sum_sq=squares,
            min=BEYOND - low,
            max=high - BEYOND,
            min_event_id=Raw(b'"%b"' % slots.extremes.ids[slice(*id_at[row])].tobytes()),
            histogram=histogram,
        )


def _histograms(slots: ScoreAccumulator, union: Union, rows: int) -> Iterator[Any]:
    pairs = slots.buckets.of_rows(union.row_of_slot, rows)
    items, counts = pairs.items.tolist(), pairs.counts.tolist()
    for start, end in pairwise(pairs.starts.tolist()):
        histogram = _Histogram(scale=SCALE)
        for item, count in zip(items[start:end], counts[start:end], strict=True):
            if item == 0:
                histogram.zero_count = count
            elif item < NEGATIVE:
                histogram.buckets[str(item + FIRST_BUCKET)] = count
            else:
                histogram.negative[str(item - NEGATIVE + FIRST_BUCKET)] = count
        yield histogram
