"""What the cells of `callgauge_streams.detect.cells` hold, for those who judge and tell it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_rules.formulas import Percentile
from callgauge_streams.detect import cell_links as links
from callgauge_streams.detect.columns import VERSION, Columns
from callgauge_streams.detect.evidence import Evidence
from callgauge_streams.detect.evidence_entries import ZEROS
from callgauge_streams.detect.pairs import Pairs
from callgauge_streams.detect.quantiles import NONE, quantile_buckets
from callgauge_streams.detect.rings import Ring, begin_ms
from callgauge_streams.detect.sliding import Sliding
from callgauge_windows.grown import Grown
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["CellLines"]

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NO_COUNTS = ("errors", "rate_limit_used_max_ppm", VERSION)


class CellLines:
    """See the top of this file; `Cells` changes it.

    Args:
        lookbacks_ms: for which sums are asked.
        rings: as what the past is kept.
    """

    def __init__(
        self, columns: Columns, window_ms: int, lookbacks_ms: Iterable[int] = (), rings: Sequence[Ring] = ()
    ) -> None:
        self.columns, self.window_ms = columns, window_ms
        width, added = len(columns.names), columns.added
        self._sliding = {each: Sliding(each, window_ms, width, added) for each in lookbacks_ms}
        self._evidence = {name: Evidence(name, histogram=kept) for name, kept in columns.evidence.items()}
        self._slots, self._rows, self._row_values = Grown(4), Grown(7), Grown(width)
        self._cells, self._sums = Grown(6, in_place=True), Grown(2 * width - added, in_place=True)
        self._free_cells, self._free_rows = Grown(), Grown()
        self._row_of = Pairs()
        self._counters: Int64s = np.zeros(4, dtype=np.int64)
        self._oldest_end_ms = 0
        """No cell ends before."""
        self.touched: set[int] = set()
        """The stretches of time (`cell_pieces`) in which something has changed since they were saved."""
        self._rings = rings
        self._ring_lines: Int64s = np.array([(0, ring.width_ms) for ring in rings], dtype=np.int64).reshape(-1, 2)
        """Of each ring before when cells are so wide, and how wide."""

    @property
    def open_rows(self) -> int:
        """How many rows are kept by identity."""
        return int(self._counters[links.USED_ROWS] - self._counters[links.FREE_ROWS])

    def __len__(self) -> int:
        """Cells."""
        return int(self._counters[links.USED_CELLS] - self._counters[links.FREE_CELLS])

    @property
    def slots(self) -> Int64s:
        """One line for each slot; see cell_links."""
        return self._slots.filled

    @property
    def fine_from_ms(self) -> int:
        """From then on windows are kept one by one."""
        return int(self._ring_lines[0, 0]) if len(self._ring_lines) else 0

    def begin_ms(self, lookback_ms: int, at_ms: Any) -> Any:
        """Where a lookback begins that ends then."""
        return begin_ms(lookback_ms, self.window_ms, at_ms)

    def last_ends_before(self, slots: Int64s, at_ms: int) -> Int64s:
        """End of the newest window that begins before `at_ms`, of each slot; less than 0 where there is none."""
        found = np.empty(len(slots), dtype=np.int64)
        links.last_starts(slots, at_ms, self._slots.filled, self._cells.filled, found)
        return np.where(found < 0, -1, found + self.window_ms)

    def sums(self, lookback_ms: int, at_ms: int, slots: Int64s) -> Int64s:
        """The sums over the lookback that ends then, of these slots up to date; shape (all slots, columns)."""
        sliding = self._sliding[lookback_ms]
        return sliding.to(at_ms, slots, self._slots.filled, self._cells.filled, self._sums.filled)

    def next_change(self, lookback_ms: int, at_ms: int, slots: Int64s, none_ms: int | None = None) -> Int64s:
        """See `Sliding.next_change`; where there is no change, by default one window later."""
        self.sums(lookback_ms, at_ms, slots)
        none_ms = at_ms + self.window_ms if none_ms is None else none_ms
        return self._sliding[lookback_ms].next_change(at_ms, slots, self._slots.filled, self._cells.filled, none_ms)

    def first_start(self, slot: int) -> int:
        """Start of the oldest window that a slot ever had."""
        return int(self._slots.filled[slot, links.FIRST_START])

    def set_first_start(self, slot: int, start_ms: int) -> None:
        """See `first_start`; of a slot that was put back."""
        self._slots.filled[slot, links.FIRST_START] = start_ms

    def first_starts(self, slots: Int64s) -> Int64s:
        """Start of the oldest window that each slot ever had."""
        found: Int64s = self._slots.filled[slots, links.FIRST_START]
        return found

    def oldest_starts(self, slots: Int64s) -> Int64s:
        """Start of the oldest window that is kept."""
        found: Int64s = self._cells.filled[self._slots.filled[slots, links.OLDEST], links.START]
        return found

    def last_ends(self, slots: Int64s) -> Int64s:
        """End of the newest window."""
        found: Int64s = self._cells.filled[self._slots.filled[slots, links.NEWEST], links.LAST_START] + self.window_ms
        return found

    def windows(self, slot: int, most: int | None = None) -> Iterator[tuple[int, int]]:
        """The cells of a slot and their starts, newest first."""
        cells: Any = self._cells.filled
        cell = int(self._slots.filled[slot, links.NEWEST])
        while cell >= 0 and most != 0:
            yield cell, int(cells[cell, links.START])
            cell = int(cells[cell, links.OLDER])
            most = None if most is None else most - 1

    def _cells_in(self, slot: int, start_ms: int, end_ms: int) -> Int64s:
        """The cells of a slot in [start_ms, end_ms), newest first. It may have those of a day: none before is seen."""
        late_enough = takewhile(lambda each: each[1] >= start_ms, self.windows(slot))
        return np.array([cell for cell, start in late_enough if start < end_ms], dtype=np.int64)

    def lines(self, cells: Int64s) -> Int64s:
        """The sums of cells, shape (cells, columns)."""
        found: Int64s = self._sums.filled[cells, : len(self.columns.names)]
        return found

    def histogram(self, measure: str, cell: int) -> tuple[int, Counter[int]]:
        """Events of value 0, and the buckets of one measure in a cell."""
        parts = self._evidence[measure].of(self._rows_in(cell), cell)
        buckets: Counter[int] = Counter()
        for part in parts:
            buckets.update(part.buckets)
        return sum(part.zero_count for part in parts), buckets

    def quantiles(self, formula: Percentile, slots: Int64s, start_ms: int, end_ms: int) -> Floats:
        """A percentile of each slot over [start_ms, end_ms), NaN without events."""
        data, places = self._evidence[formula.measure].entries
        links_of = self._slots.filled, self._cells.filled, self._rows.filled
        buckets = quantile_buckets(data, places, links_of, slots, start_ms, end_ms, formula.q)
        distinct, at = np.unique(buckets, return_inverse=True)
        values = [_value_of(formula, bucket) for bucket in distinct.tolist()]
        return np.array(values, dtype=np.float64)[at]

    def largest(self, slot: int, measure: str, start_ms: int, end_ms: int, most: int) -> tuple[str, ...]:
        """The events of the largest values of a measure (of a score: the lowest) in [start_ms, end_ms), worst first."""
        if measure not in self._evidence:
            return ()
        cells = self._cells_in(slot, start_ms, end_ms)
        return self._evidence[measure].largest(self._rows_of_cells(cells), cells, most)

    def totals(self, slot: int, start_ms: int, end_ms: int, measures: Collection[str] | None = None) -> Totals:
        """What the windows in [start_ms, end_ms) of one slot add up to, as an alert tells it.

        Args:
            measures: those of interest; None: all.
        """
        cells = self._cells_in(slot, start_ms, end_ms)
        rows = self._rows_of_cells(cells)
        names, added = self.columns.names, self.columns.added
        lines = self._sums.filled[cells]
        sums = dict(zip(names[:added], lines[:, :added].sum(axis=0).tolist(), strict=True))
        sums |= dict(zip(names[added:], lines[:, added:].max(axis=0, initial=0).tolist(), strict=False))
        found = {
            name: self._measure(name, rows, cells, sums)
            for name in self._evidence
            if measures is None or name in measures
        }
        errors = Counter({name.removeprefix("error."): n for name, n in sums.items() if name.startswith("error.")})
        # Of types that no rule names only the sum of all is kept.
        errors[""] = sums["errors"] - errors.total() if "errors" in sums else 0
        return Totals(
            counts=Counter({name: n for name, n in sums.items() if "." not in name and name not in _NO_COUNTS}),
            errors=+errors,
            rate_limit_used_ppm=sums.get("rate_limit_used_max_ppm", 0),
            measures={name: measure for name, measure in found.items() if measure.count},
            scores=Counter({name: n for name, n in sums.items() if name.startswith("score.")}),
        )

    def _measure(self, name: str, rows: Int64s, cells: Int64s, sums: dict[str, int]) -> MeasureTotals:
        whole = self._evidence[name].total(rows, cells)
        whole.count, whole.sum = sums.get(f"{name}.count", whole.count), sums.get(f"{name}.sum", 0)
        return whole

    def _rows_of_cells(self, which: Int64s) -> Int64s:
        """The open rows of cells."""
        rows = np.empty(int(self._counters[links.USED_ROWS]), dtype=np.int64)
        return rows[: links.rows_in(which, self._cells.filled, self._rows.filled, rows)]

    def _rows_in(self, cell: int) -> list[int]:
        found, row = [], int(self._cells.filled[cell, links.FIRST_ROW])
        while row >= 0:
            found.append(row)
            row = int(self._rows.filled[row, links.NEXT])
        return found


def _value_of(formula: Percentile, bucket: int) -> float:
    if bucket == NONE:
        return math.nan
    return 0.0 if bucket == ZEROS else formula.value_of(bucket)
