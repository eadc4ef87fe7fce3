"""The open block's aggregates at the finest grain: one slot for each (label values, finest window).

Grouping sets cost nothing here. Their rows are unions of slots and are added up when they are due (`folding.py`), so
an event is grouped once however many sets there are. A micro-batch is grouped by one stable sort; then every sum and
maximum is one `reduceat` over the sorted events. All arithmetic is on integers, so the result is the same however the
block was cut into batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.columns import BUCKET_BITS, EXTREMES, MEASURE_NAMES, SUMS, Columns, columns_of
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.outcomes import Outcomes
from callgauge_streams.rollup.sparse import SparseCounts

__all__ = ["Accumulator"]

Int64s = npt.NDArray[np.int64]

_MEASURES = len(MEASURE_NAMES)
# A block has at most 65,536 events, so at most as many outcomes.
_OUTCOME_BITS = 17


class Accumulator:
    """Sums, extremes, histograms and outcomes of every slot.

    Args:
        window_ms: the finest window, which all grouping sets' windows are multiples of.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._slots: dict[tuple[int, int], int] = {}
        self.series_of: list[int] = []
        """Code of each slot's label values."""
        self.windows: list[int] = []
        """Start of each slot's window, in finest windows since the epoch."""
        self.sums = Grown(SUMS)
        self.extremes = Grown(EXTREMES)
        self.largest_at = Grown(_MEASURES)
        """Offset of the event with the largest value of each measure (the lowest of several)."""
        self.largest_ids: dict[tuple[int, int], str] = {}
        """(slot, measure) -> its event_id."""
        self.outcomes = Outcomes()
        self.outcome_counts = SparseCounts(_OUTCOME_BITS)
        self.buckets = [SparseCounts(BUCKET_BITS) for _ in MEASURE_NAMES]

    @property
    def size(self) -> int:
        """Number of slots."""
        return len(self.windows)

    def add(self, calls: Sequence[Any], offsets: Int64s, codes: Int64s) -> Columns:
        """Count a micro-batch.

        Args:
            codes: of each event's label values, shape (n,).

        Returns:
            Its columns.
        """
        outcomes = self.outcomes.codes_of(calls)
        columns = columns_of(calls, offsets, self.outcomes.failed(outcomes))
        slots, order, starts = self._group(codes, columns.event_ms // self._window_ms)
        of = slots[order[starts]]
        self.sums.to(self.size)[of] += np.add.reduceat(columns.sums[order], starts, axis=0)
        highs = np.maximum.reduceat(columns.extremes[order], starts, axis=0)
        extremes = self.extremes.to(self.size)
        self._note_largest(columns, order, starts, of, highs)
        extremes[of] = np.maximum(extremes[of], highs)
        for counts, (events, items) in zip(self.buckets, columns.buckets, strict=True):
            counts.add(slots[events], items)
        self.outcome_counts.add(slots, outcomes)
        return columns

    def _group(self, codes: Int64s, windows: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Slot of each event, the events in slot order (log order inside a slot), and where each slot starts in it."""
        first = int(windows.min())
        keys = codes * (int(windows.max()) - first + 1) + (windows - first)
        # Short keys are sorted by radix, seven times as fast.
        order = np.argsort(keys.astype(np.uint16) if keys.max() < 1 << 16 else keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        heads = order[starts]
        of = [self._slot(*key) for key in zip(codes[heads].tolist(), windows[heads].tolist(), strict=True)]
        slots = np.empty(len(codes), dtype=np.int64)
        slots[order] = np.repeat(of, np.diff(np.r_[starts, len(codes)]))
        return slots, order, starts

    def _slot(self, code: int, window: int) -> int:
        slot = self._slots.setdefault((code, window), self.size)
        if slot == self.size:
            self.series_of.append(code)
            self.windows.append(window)
        return slot

    def _note_largest(self, columns: Columns, order: Int64s, starts: Int64s, of: Int64s, highs: Int64s) -> None:
        """Remember which event had the largest value, where this batch has a larger one than all before."""
        at = self.largest_at.to(self.size)
        larger = highs > self.extremes.filled[of]
        group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, columns.n]))
        for measure in range(_MEASURES):
            values = np.where(larger[group, measure], columns.extremes[order, measure], -1)
            hits = np.flatnonzero(values == highs[group, measure])
            hits = hits[np.r_[True, group[hits[1:]] != group[hits[:-1]]][: len(hits)]]  # the first of equal ones
            events, of_hits = order[hits], of[group[hits]]
            at[of_hits, measure] = columns.offsets[events]
            for slot, event in zip(of_hits.tolist(), events.tolist(), strict=True):
                self.largest_ids[slot, measure] = columns.calls[event].event_id
