"""The open block's scores at the finest grain.

A slot is one (label values, name and origin of the score, finest window), else everything is as with calls
(`accumulator.py`). All arithmetic is on integers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.folding.extremes import Extremes
from callgauge_streams.rollup.folding.slots import Slots, add_rows
from callgauge_streams.rollup.reading.score_columns import SIGNED_BITS, ScoreColumns, score_columns_of
from callgauge_streams.rollup.reading.score_reader import Scores
from callgauge_streams.rollup.tables.sparse import SparseCounts
from callgauge_windows.grown import Grown

__all__ = ["ScoreAccumulator"]

Int64s = npt.NDArray[np.int64]


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
