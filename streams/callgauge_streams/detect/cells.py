"""The windows of one grouping set, as columns: what the loaded rules need of each series in each window.

A cell is a series in a window, one line of sums. Rows of open blocks are kept besides, by identity, so that a row of
more events replaces the one before: what it counts more is added to its cell. callgauge_streams.detect.cell_links says
how they hang together. Which rows count is not decided here but in callgauge_streams.detect.merge.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["Cells"]

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Of cells of hours all begin and end at a minute; and a look at all cells once a minute is cheap.
_STEP_MS = 60_000
_NO_COUNTS = ("errors", "rate_limit_used_max_ppm", VERSION)


class Cells:
    """See the top of this file.

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
        self._slots, self._cells, self._rows = Grown(4), Grown(6), Grown(7)
        self._sums, self._row_values = Grown(2 * width - added), Grown(width)
        self._free_cells, self._free_rows = Grown(), Grown()
        self._cell_of, self._row_of = Pairs(), Pairs()
        self._counters: Int64s = np.zeros(4, dtype=np.int64)
        self._oldest_end_ms = 0
        """No cell ends before."""
        self.touched: set[int] = set()
        """The stretches of time (`cell_pieces`) in which something has changed since they were saved."""
        self._rings = tuple(rings)
        self._ring_lines: Int64s = np.array([(0, ring.width_ms) for ring in rings], dtype=np.int64).reshape(-1, 2)
        """Of each ring before when cells are so wide, and how wide."""

    def __len__(self) -> int:
        """Cells."""
        return int(self._counters[links.USED_CELLS] - self._counters[links.FREE_CELLS])

    @property
    def open_rows(self) -> int:
        """How many rows are kept by identity."""
        return int(self._counters[links.USED_ROWS] - self._counters[links.FREE_ROWS])

    @property
    def slots(self) -> Int64s:
        """One line for each slot; see cell_links."""
        return self._slots.filled

    def new_slot(self, slot: int) -> None:
        """A series has got this slot; it has no windows yet."""
        self._slots.to(slot + 1)[slot] = (-1, -1, 0, 0)
        for sliding in self._sliding.values():
            sliding.forget(np.array([slot]))

    def put(self, batch: RowBatch, slot_of: Int64s, group: int, seq: int) -> Int64s:
        """Take the rows of a batch.

        Args:
            slot_of: of each row, -1: it is left out.
            group: number of its source, block and epoch.
            seq: number of the first row, in the order of the log.

        Returns:
            The rows of the batch by which something has changed.
        """
        starts, values = batch.column("window_start_ms"), self.columns.of(batch)
        changed = np.empty(len(batch), dtype=np.int64)
        self._make_room(len(batch))
        links.merge(
            slot_of, batch.row_ids.view(np.int64), starts, values, group, seq, self.columns.added, self._ring_lines,
            self._cell_of.keys, self._cell_of.numbers, self._row_of.keys, self._row_of.numbers,
            self._slots.filled, self._cells.room(0), self._sums.room(0), self._rows.room(0), self._row_values.room(0),
            self._free_cells.filled, self._free_rows.filled, self._counters, changed,
        )  # fmt: skip
        self._fill()
        which = np.flatnonzero(changed >= 0)
        if len(which):
            for evidence in self._evidence.values():
                evidence.put(changed[which], batch, which)
            self._upset(slot_of[which], starts[which])
            self._touch(starts[which])
            self._oldest_end_ms = min(self._oldest_end_ms, int(starts[which].min()) + self.window_ms)
        return which

    def _make_room(self, more: int) -> None:
        used_cells, _, used_rows, _ = self._counters.tolist()
        for grown in (self._cells, self._sums, self._free_cells):
            grown.room(used_cells + more)
        for grown in (self._rows, self._row_values, self._free_rows):
            grown.room(used_rows + more)
        self._cell_of.room(used_cells + more)
        self._row_of.room(used_rows + more)

    def _fill(self) -> None:
        used_cells, _, used_rows, _ = self._counters.tolist()
        self._cells.to(used_cells)
        self._sums.to(used_cells)
        self._free_cells.to(used_cells)
        self._rows.to(used_rows)
        self._row_values.to(used_rows)
        self._free_rows.to(used_rows)

    def _upset(self, slots: Int64s, starts: Int64s) -> None:
        for sliding in self._sliding.values():
            sliding.upset(slots, starts)

    def rows_of(self, group: int) -> Int64s:
        """The open rows of a group, in the order of the log."""
        found = np.flatnonzero(self._rows.filled[:, links.GROUP] == group)
        return found[np.argsort(self._rows.filled[found, links.SEQ])]

    def places_of(self, rows: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Slot and window start of each open row, and its number in the order of the log."""
        lines = self._rows.filled[rows]
        slots = self._cells.filled[lines[:, links.CELL], links.SLOT]
        return slots, lines[:, links.ROW_START], lines[:, links.SEQ]

    def fold(self, rows: Int64s) -> None:
        """Forget the identity of open rows; what they count stays."""
        self._touch(self._rows.filled[rows, links.ROW_START])
        for evidence in self._evidence.values():
            evidence.fold(rows, self._rows.filled[rows, links.CELL])
        self._remove_rows(rows, folds=True)

    def take_out(self, rows: Int64s) -> None:
        """Forget open rows and what they count."""
        slots, starts, _ = self.places_of(rows)
        self._upset(slots, starts)
        self._touch(starts)
        self._drop_rows(rows)

    def _drop_rows(self, rows: Int64s) -> None:
        for evidence in self._evidence.values():
            evidence.drop_rows(rows)
        self._remove_rows(rows, folds=False)

    def _remove_rows(self, rows: Int64s, *, folds: bool) -> None:
        links.remove_rows(
            rows, folds, self.columns.added, self._row_of.keys, self._row_of.numbers, self._cells.filled,
            self._sums.filled, self._rows.filled, self._row_values.filled, self._free_rows.filled, self._counters,
        )  # fmt: skip

    def forget(self, before_ms: int) -> tuple[Int64s, Int64s]:
        """Drop the windows that end by `before_ms`. Returns the slots that have none left, and the groups of the open
        rows that were dropped, one for each row."""
        nothing = np.zeros(0, dtype=np.int64)
        if self._oldest_end_ms > before_ms:
            return nothing, nothing
        cells = self._cells.filled
        alive = cells[:, links.SLOT] >= 0
        ends_ms = self._ends_ms(cells[:, links.START])
        ended = np.flatnonzero(alive & (ends_ms <= before_ms))
        ended = ended[np.argsort(cells[ended, links.START], kind="stable")]
        rows = np.empty(int(self._counters[links.USED_ROWS]), dtype=np.int64)
        rows = rows[: links.rows_in(ended, cells, self._rows.filled, rows)]
        groups = self._rows.filled[rows, links.GROUP].copy()
        self._drop_rows(rows)
        for evidence in self._evidence.values():
            evidence.drop_cells(ended)
        self._upset(cells[ended, links.SLOT], cells[ended, links.START])
        self._touch(cells[ended, links.START])
        gone = np.empty(len(ended), dtype=np.int64)
        count = links.remove_cells(
            ended, self._cell_of.keys, self._cell_of.numbers, self._slots.filled, cells, self._free_cells.filled,
            self._counters, gone,
        )  # fmt: skip
        left = ends_ms[cells[:, links.SLOT] >= 0]
        self._oldest_end_ms = int(left.min()) if len(left) else 1 << 62
        return gone[:count], groups

    def _ends_ms(self, starts: Int64s) -> Int64s:
        """Where the cells end that begin then."""
        ends_ms = starts + self.window_ms
        for before_ms, width_ms in self._ring_lines.tolist():
            ends_ms = np.where(starts < before_ms, starts + width_ms, ends_ms)
        return ends_ms

    def coarsen(self, judged_ms: int) -> None:
        """Put windows together that no lookback begins or ends within any more, when all window ends up to `judged_ms`
        were judged."""
        for ring, line in zip(self._rings, self._ring_lines, strict=True):
            before_ms = (judged_ms - ring.after_ms) // _STEP_MS * _STEP_MS
            if before_ms > line[0]:
                starts, since_ms = self._cells.filled[:, links.START], int(line[0])
                alive = self._cells.filled[:, links.SLOT] >= 0
                which = np.flatnonzero(alive & (starts >= since_ms) & (starts < before_ms))
                self._touch(starts[which])
                line[0] = before_ms
                self._touch(starts[which])
                self._put_together(which[np.argsort(starts[which], kind="stable")], ring.width_ms)

    def stretches(self, starts: Int64s) -> Int64s:
        """In which stretch of time each cell is saved that begins then: a minute; of what is coarse an hour."""
        return np.where(starts >= self.fine_from_ms, starts // 60_000, -(starts // 3_600_000) - 1)

    def _touch(self, starts: Int64s) -> None:
        self.touched.update(np.unique(self.stretches(starts)).tolist())

    def _put_together(self, which: Int64s, width_ms: int) -> None:
        slots = np.unique(self._cells.filled[which, links.SLOT])
        gone, into = np.empty(len(which), dtype=np.int64), np.empty(len(which), dtype=np.int64)
        count = links.coarsen(
            which, width_ms, self.columns.added, self._cell_of.keys, self._cell_of.numbers, self._row_of.keys,
            self._row_of.numbers, self._slots.filled, self._cells.filled, self._sums.filled, self._rows.filled,
            self._free_cells.filled, self._counters, gone, into,
        )  # fmt: skip
        if count:
            for evidence in self._evidence.values():
                evidence.merge_cells(gone[:count], into[:count])
        for sliding in self._sliding.values():
            sliding.forget(slots)

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
        words, places = self._evidence[formula.measure].entries
        links_of = self._slots.filled, self._cells.filled, self._rows.filled
        buckets = quantile_buckets(words, places, links_of, slots, start_ms, end_ms, formula.q)
        distinct, at = np.unique(buckets, return_inverse=True)
        values = [_value_of(formula, bucket) for bucket in distinct.tolist()]
        return np.array(values, dtype=np.float64)[at]

    def largest(self, slot: int, measure: str, start_ms: int, end_ms: int, most: int) -> tuple[str, ...]:
        """The events of the largest values of a measure (of a score: the lowest) in [start_ms, end_ms), worst first."""
        if measure not in self._evidence:
            return ()
        cells = [cell for cell, start in self.windows(slot) if start_ms <= start < end_ms]
        parts = [part for cell in cells for part in self._evidence[measure].of(self._rows_in(cell), cell)]
        worst = sorted((-part.max, part.max_event_id) for part in parts if part.max_event_id)
        return tuple(dict.fromkeys(event_id for _, event_id in worst))[:most]

    def totals(self, slot: int, start_ms: int, end_ms: int, measures: Collection[str] | None = None) -> Totals:
        """What the windows in [start_ms, end_ms) of one slot add up to, as an alert tells it.

        Args:
            measures: those of interest; None: all.
        """
        cells = [cell for cell, start in self.windows(slot) if start_ms <= start < end_ms]
        names, added = self.columns.names, self.columns.added
        lines = self._sums.filled[cells]
        sums = dict(zip(names[:added], lines[:, :added].sum(axis=0).tolist(), strict=True))
        sums |= dict(zip(names[added:], lines[:, added:].max(axis=0, initial=0).tolist(), strict=False))
        found = {
            name: self._measure(name, cells, sums) for name in self._evidence if measures is None or name in measures
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

    def _measure(self, name: str, cells: list[int], sums: dict[str, int]) -> MeasureTotals:
        whole = MeasureTotals()
        for cell in cells:
            for part in self._evidence[name].of(self._rows_in(cell), cell):
                whole.add(part)
        whole.count, whole.sum = sums.get(f"{name}.count", whole.count), sums.get(f"{name}.sum", 0)
        return whole

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
