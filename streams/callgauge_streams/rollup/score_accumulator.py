"""The open block's scores at the finest grain, and rows of them.

A slot is one (label values, name and origin of the score, finest window), else everything is as with calls
(`accumulator.py`). All arithmetic is on integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Raw

from callgauge.schema import ScoreRow, SignedHistogram
from callgauge.structs import struct_of
from callgauge_streams.histogram import SCALE
from callgauge_streams.rollup.extremes import Extremes
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.measures import FIRST_BUCKET
from callgauge_streams.rollup.score_columns import BEYOND, NEGATIVE, SIGNED_BITS, ScoreColumns, score_columns_of
from callgauge_streams.rollup.score_reader import Scores
from callgauge_streams.rollup.slots import Slots, Union, add_rows
from callgauge_streams.rollup.sparse import SparseCounts

__all__ = ["ScoreAccumulator", "score_rows"]

Int64s = npt.NDArray[np.int64]

_Row: Any = struct_of(ScoreRow)
_Histogram: Any = struct_of(SignedHistogram)


class ScoreAccumulator(Slots):
    """Count, sum, sum of squares, extremes and histogram of scores.

    Args:
        window_ms: the finest window.
    """

    def __init__(self, window_ms: int) -> None:
        super().__init__(window_ms)
        self.sums = Grown(3)
        self.extremes = Extremes(2, named=1)
        self.buckets = SparseCounts(SIGNED_BITS)

    @property
    def n(self) -> Int64s:
        """Scores in each slot."""
        return self.sums.filled[:, 0]

    def add(self, scores: Scores, offsets: Int64s, codes: Int64s) -> ScoreColumns:
        """Count a micro-batch.

        Args:
            codes: the block's code of each score's label values, name and origin, shape (n,).

        Returns:
            Its columns.
        """
        columns = score_columns_of(scores.scores)
        slots = self.slots_of(codes, columns.event_ms)
        add_rows(self.sums.to(self.size), slots, columns.sums)
        self.extremes.add(self.size, slots, columns.extremes, offsets, scores.event_ids)
        self.buckets.add(slots, columns.items)
        return columns


def score_rows(slots: ScoreAccumulator, union: Union, keys: list[dict[str, Any]]) -> Iterator[Any]:
    """ScoreRows, to be encoded; `keys` are their identities and labels."""
    sums = np.add.reduceat(slots.sums.filled[union.slots], union.starts, axis=0)
    extremes = slots.extremes.highs(union)
    id_at = slots.extremes.holders(union, extremes)[:, 0].tolist()
    histograms = _histograms(slots, union, len(keys))
    added = zip(keys, sums.tolist(), extremes.tolist(), histograms, strict=True)
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
