"""What a detector that learns is fed with: the value of each series, its share, or its histogram, over one lookback."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.counts import histogram_of, share_of
from callgauge_detectors.verdict import Counts
from callgauge_rules.bound import BoundCondition
from callgauge_rules.formulas import Quotient
from callgauge_streams.detect.cells import Cells

__all__ = ["Fed"]

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Fed:
    """Of one condition.

    Args:
        cells: the windows of its grouping set.
    """

    def __init__(self, condition: BoundCondition, cells: Cells) -> None:
        self._condition, self._cells = condition, cells
        self._column_of = {name: at for at, name in enumerate(cells.columns.names)}
        self._events_column = self._column_of[condition.aggregate.events]
        self._events: Int64s = np.zeros(0, dtype=np.int64)

    def values(self, slots: Int64s, at_ms: int) -> Floats:
        """The aggregate of each, over the lookback that ends at `at_ms`; NaN where there is nothing to judge."""
        condition = self._condition
        sums = self._cells.sums(condition.lookback_ms, at_ms, slots)
        self._events = sums[slots, self._events_column]
        enough = self._events >= condition.min_count
        formula = condition.aggregate.formula
        values = np.full(len(slots), np.nan)
        if isinstance(formula, Quotient):
            found, known = formula.of_columns(lambda name: sums[slots, self._column_of[name]])
            return np.where(enough & known, found, values)
        judged = np.flatnonzero(enough)
        if len(judged):
            values[judged] = self._cells.quantiles(formula, slots[judged], self._begin_ms(at_ms), at_ms)
        return values

    def sizes(self) -> Floats:
        """On how many events each of the values rests that were given last."""
        return self._events.astype(np.float64)

    def counts(self, slot: int, at_ms: int, value: float) -> tuple[Counts, dict[str, Any]]:
        """What a detector of counts is fed with, and what an outlier call is told besides."""
        totals, condition = self._totals(slot, at_ms), self._condition
        if condition.kind.feeds == "share":
            whole = condition.n_of(totals)
            return share_of(round(value * whole), whole), {}
        measured = totals.measures.get(condition.aggregate.measure)
        if measured is None:
            return {}, {}
        counts = histogram_of(measured.zero_count, measured.buckets)
        if condition.kind.feeds == "histogram":
            return counts, {}
        return counts, {"largest": float(measured.max), "event_id": measured.max_event_id}

    def _totals(self, slot: int, at_ms: int) -> Any:
        return self._cells.totals(slot, self._begin_ms(at_ms), at_ms, {self._condition.aggregate.measure})

    def _begin_ms(self, at_ms: int) -> int:
        return int(self._cells.begin_ms(self._condition.lookback_ms, at_ms))
