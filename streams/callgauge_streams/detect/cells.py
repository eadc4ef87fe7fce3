"""The windows of one grouping set, as columns: what the loaded rules need of each series in each window.

A cell is a series in a window, one line of sums. Rows of open blocks are kept besides, by identity, so that a row of
more events replaces the one before: what it counts more is added to its cell. callgauge_streams.detect.cell_links says
how they hang together. Which rows count is not decided here but in callgauge_streams.detect.merge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect import cell_links as links
from callgauge_streams.detect.cell_lines import CellLines
from callgauge_streams.detect.cell_merging import merge
from callgauge_streams.detect.cell_removing import coarsen, remove_cells, remove_rows
from callgauge_streams.detect.rings import Ring
from callgauge_windows.row_batch import RowBatch

__all__ = ["Cells", "stretch_begin_ms"]

Int64s = npt.NDArray[np.int64]

# Of cells of hours all begin and end at a minute; and a look at all cells once a minute is cheap.
_STEP_MS = 60_000
_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000


class Cells(CellLines):
    """See the top of this file; callgauge_streams.detect.cell_lines says what they hold."""

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
        merge(
            slot_of, batch.row_ids.view(np.int64), starts, values, group, seq, self.columns.added, self._ring_lines,
            self._row_of.keys, self._row_of.numbers,
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
        remove_rows(
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
        rows = self._rows_of_cells(ended)
        groups = self._rows.filled[rows, links.GROUP].copy()
        self._drop_rows(rows)
        for evidence in self._evidence.values():
            evidence.drop_cells(ended)
        self._upset(cells[ended, links.SLOT], cells[ended, links.START])
        self._touch(cells[ended, links.START])
        gone = np.empty(len(ended), dtype=np.int64)
        count = remove_cells(ended, self._slots.filled, cells, self._free_cells.filled, self._counters, gone)
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
                self._put_together(which[np.argsort(starts[which], kind="stable")], ring)

    def stretches(self, starts: Int64s) -> Int64s:
        """In which stretch of time each cell is saved that begins then: a minute; of what is coarse an hour."""
        return np.where(starts >= self.fine_from_ms, starts // _MINUTE_MS, -(starts // _HOUR_MS) - 1)

    def _touch(self, starts: Int64s) -> None:
        self.touched.update(np.unique(self.stretches(starts)).tolist())

    def _put_together(self, which: Int64s, ring: Ring) -> None:
        slots, rows = np.unique(self._cells.filled[which, links.SLOT]), self._rows_of_cells(which)
        for name, evidence in self._evidence.items():
            if name not in ring.measures:
                evidence.drop_rows(rows)
                evidence.drop_cells(which)
        gone, into = np.empty(len(which), dtype=np.int64), np.empty(len(which), dtype=np.int64)
        count = coarsen(
            which, ring.width_ms, self.columns.added, self._row_of.keys, self._row_of.numbers, self._slots.filled,
            self._cells.filled, self._sums.filled, self._rows.filled, self._free_cells.filled, self._counters, gone,
            into,
        )  # fmt: skip
        if count:
            for evidence in self._evidence.values():
                evidence.merge_cells(gone[:count], into[:count])
        for sliding in self._sliding.values():
            sliding.forget(slots)


def stretch_begin_ms(stretch: int) -> int:
    """When a stretch of time begins, by which `Cells.stretches` saves cells."""
    return stretch * _MINUTE_MS if stretch >= 0 else (-stretch - 1) * _HOUR_MS
