"""The open block's calls at the finest grain: sums, extremes, histograms and outcomes of every slot.

Grouping sets cost nothing here. Their rows are unions of slots and are added up when they are due (`folding.py`), so
an event is grouped once however many sets there are. All arithmetic is on integers, so the result is the same however
the block was cut into batches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.folding.extremes import Extremes
from callgauge_streams.rollup.folding.outcomes import Outcomes
from callgauge_streams.rollup.folding.slots import Slots, add_rows
from callgauge_streams.rollup.reading.call_reader import Calls
from callgauge_streams.rollup.reading.columns import BUCKET_BITS, EXTREMES, MEASURE_NAMES, SUMS, Columns, columns_of
from callgauge_streams.rollup.tables.sparse import SparseCounts
from callgauge_windows.grown import Grown

__all__ = ["Accumulator"]

Int64s = npt.NDArray[np.int64]

# A block has at most 65,536 events, so at most as many outcomes.
_OUTCOME_BITS = 17


class Accumulator(Slots):
    """Sums, extremes, histograms and outcomes of calls.

    Args:
        window_ms: the finest window.
    """

    def __init__(self, window_ms: int) -> None:
        super().__init__(window_ms)
        self.sums = Grown(SUMS)
        self.extremes = Extremes(EXTREMES, named=len(MEASURE_NAMES))
        self.outcomes = Outcomes()
        self.outcome_counts = SparseCounts(_OUTCOME_BITS)
        self.buckets = [SparseCounts(BUCKET_BITS) for _ in MEASURE_NAMES]

    @property
    def n(self) -> Int64s:
        """Events in each slot."""
        return self.sums.filled[:, 0]

    def add(self, calls: Calls, offsets: Int64s, codes: Int64s) -> Columns:
        """Count a micro-batch.

        Args:
            codes: the block's code of each call's label values, shape (n,).

        Returns:
            Its columns.
        """
        outcomes = self.outcomes.codes_of(calls.outcomes, calls.outcome_values)
        columns = columns_of(calls.numbers, self.outcomes.unanswered(outcomes))
        slots = self.slots_of(codes, columns.event_ms)
        add_rows(self.sums.to(self.size), slots, columns.sums)
        self.extremes.add(self.size, slots, columns.extremes, offsets, calls.event_ids)
        for at, counts in enumerate(self.buckets):
            counts.add(slots, columns.items[:, at])
        self.outcome_counts.add(slots, outcomes)
        return columns
