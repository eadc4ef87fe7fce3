"""Rows into windows: rows that may still change are kept by identity, those that cannot are folded into their window.

Whoever merges rows keeps the row with the largest `n` per identity and adds rows of different identities. A row counts
only if its epoch is the one in force at its block (callgauge_streams.detect.epochs). A start under another epoch makes
the rows of its blocks void: they are forgotten here, and come again as the new worker cuts and counts them.

A block is folded, its identities forgotten, once its source has committed an offset beyond it. An offset is committed
only when all rows before it are confirmed, so the block's rows are all in the log by then, and no takeover reads it
again. Its complete summary alone would be too early, since the next worker may begin before it, in another epoch; and
it never comes for a block that retention ate half of.

    block       0 ...... | 41 ...... | 100 ....
    committed              41                       0 is folded; 41, though complete, may be counted again

- What comes later of blocks below that border is ignored: of zombies, and of a re-aggregation of the past (a start
  further back), since those windows were judged long ago; ClickHouse has the new rows. Where the re-aggregation also
  changes B, the new block that lies across the border begins below it and is ignored as a whole: detect then misses
  its events from the border on, at most one block of each source.
- Of a source without a known start, and of one whose workers do not tell what they have committed (-1), nothing is
  folded: identities live as long as their windows. That is exact, and bounded by the rules' history; it only costs more
  memory.
- A row of a series beyond the cap (callgauge_streams.detect.cap) counts in a series that many share, so the rows of a
  window are also told apart by the series they are of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect.batch_rows import BatchRow
from callgauge_streams.detect.cell_pieces import cell_pieces, put_cells_back
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.epochs import Epochs
from callgauge_streams.detect.rings import Ring
from callgauge_streams.detect.series import Kept, Series, SeriesKey
from callgauge_windows.row_batch import RowBatch

__all__ = ["Changed", "Windows"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Admit = Callable[[BatchRow], dict[str, str] | None]


class Changed(NamedTuple):
    """By which rows of a batch something has changed."""

    kept: Kept
    slots: Int64s
    """Of each such row, in order."""
    starts_ms: Int64s
    """Of its window."""
    new: list[Series]
    """Series that are new."""


class Windows:
    """All series of one partition of the windows topic.

    Args:
        columns: what is kept of the rows of each grouping set; of one that is not named everything.
        lookbacks_ms: over which lookbacks sums of a grouping set are asked for.
        rings: as what the past of a grouping set is kept.
        admit: asked for each row of a series that is not known: under which labels it counts (the row's own, or others
            if it is folded into another series), None if it does not count at all.
    """

    def __init__(
        self,
        columns: Mapping[str, Columns] | None = None,
        lookbacks_ms: Mapping[str, Iterable[int]] | None = None,
        rings: Mapping[str, Sequence[Ring]] | None = None,
        admit: Admit = lambda row: row.labels,
    ) -> None:
        self._columns = columns or {}
        self._lookbacks_ms = lookbacks_ms or {}
        self._rings = rings or {}
        self._admit = admit
        self._series: dict[SeriesKey, Series] = {}
        self._kept: dict[str, Kept] = {}
        self._count = self._rows = 0
        self._epochs = Epochs()
        self._open: dict[str, dict[tuple[int, str], int]] = {}
        """Source -> (block, epoch) -> number of that group of open rows."""
        self._groups: dict[int, tuple[str, int, str]] = {}
        self._open_rows: Counter[int] = Counter()
        """How many rows of each group there are."""
        self._next_group = 0
        self._folded_to: dict[str, int] = {}

    def kept(self, grouping: str, window_ms: int) -> Kept:
        """The series of a grouping set."""
        if grouping not in self._kept:
            columns = self._columns.get(grouping) or Columns.every()
            self._kept[grouping] = Kept(
                columns, window_ms, self._lookbacks_ms.get(grouping, ()), self._rings.get(grouping, ())
            )
        return self._kept[grouping]

    def knows(self, series: Series) -> bool:
        """Whether a series is not forgotten."""
        return self._series.get(series.key) is series

    def takes(self, batch: RowBatch) -> bool:
        """Whether its rows count: neither folded for good, nor void."""
        if batch.block < self._folded_to.get(batch.source, -1):
            return False
        return self._epochs.counts(batch.source, batch.block, batch.epoch)

    def put(self, batch: RowBatch, fits: Bools | None = None) -> Changed | None:
        """Take the rows of a batch. Returns what has changed; None if nothing can, since they are void or folded.

        Args:
            fits: False for rows that are left out.
        """
        if not self.takes(batch):
            return None
        kept = self.kept(batch.grouping, batch.window_ms)
        slots = kept.slots_of(batch.series_id)
        unknown = slots < 0 if fits is None else (slots < 0) & fits
        new: list[Series] = []
        for row in np.flatnonzero(unknown).tolist():
            series = self._admitted(kept, batch, row, new)
            slots[row] = -1 if series is None else series.slot
        if fits is not None:
            slots[~fits] = -1
        which = self._put(kept, batch, slots)
        return Changed(kept, slots[which], batch.column("window_start_ms")[which], new)

    def _put(self, kept: Kept, batch: RowBatch, slots: Int64s) -> Int64s:
        """Take those rows that have a slot; returns those that change something."""
        if not (slots >= 0).any():
            return np.zeros(0, dtype=np.int64)
        group = self._group(batch.source, batch.block, batch.epoch)
        before = kept.cells.open_rows
        which = kept.cells.put(batch, slots, group, self._rows)
        self._rows += len(batch)
        self._open_rows[group] += kept.cells.open_rows - before
        return which

    def _group(self, source: str, block: int, epoch: str) -> int:
        """The number of a group of open rows."""
        blocks = self._open.setdefault(source, {})
        group = blocks.get((block, epoch))
        if group is None:
            group = blocks[block, epoch] = self._next_group
            self._groups[group] = source, block, epoch
            self._next_group += 1
        return group

    def _admitted(self, kept: Kept, batch: RowBatch, at: int, new: list[Series]) -> Series | None:
        row = BatchRow(batch, at)
        # An earlier row of the batch may have been the first of the series.
        if known := self._series.get((row.grouping, row.series_id)):
            return known
        labels = self._admit(row)
        if labels is None:
            return None
        key = (row.grouping, row.series_id if labels == row.labels else tuple(labels.values()))
        if key not in self._series:
            self._count += 1
            self._series[key] = kept.add(key, labels, self._count)
            new.append(self._series[key])
        return self._series[key]

    def start(self, start: Any) -> list[tuple[Series, list[int]]]:
        """Take an `EpochStart`; returns the series that lost rows by it, with the starts of those windows, ms."""
        lost: dict[int, tuple[Series, dict[int, None]]] = {}
        if self._epochs.accept(start):
            for block, epoch in list(self._open.get(start.source, ())):
                if not self._epochs.counts(start.source, block, epoch):
                    for series, start_ms in self._take_out(start.source, block, epoch):
                        lost.setdefault(series.number, (series, {}))[1][start_ms] = None
        return [(series, list(starts_ms)) for series, starts_ms in lost.values()]

    def _take_out(self, source: str, block: int, epoch: str) -> list[tuple[Series, int]]:
        """Remove the rows of an open block; returns their series and window starts, in the order of the log."""
        group, found = self._close(source, block, epoch), []
        for kept in self._kept.values():
            rows = kept.cells.rows_of(group)
            if len(rows):
                slots, starts, seqs = (each.tolist() for each in kept.cells.places_of(rows))
                found += [(seq, kept.series[slot], start) for seq, slot, start in zip(seqs, slots, starts, strict=True)]
                kept.cells.take_out(rows)
        return [(series, start) for _, series, start in sorted(found, key=lambda each: each[0])]

    def fold(self, source: str, committed: int) -> None:
        """Note that a source has committed an offset (-1: not known): rows of earlier blocks are added to their windows
        for good."""
        if not self._epochs.heard(source):
            return  # rows of several epochs may be open, and nothing says yet which of them count
        border = self._folded_to[source] = max(committed, self._folded_to.get(source, -1))
        for block, epoch in [block for block in self._open.get(source, ()) if block[0] < border]:
            group = self._close(source, block, epoch)
            for kept in self._kept.values():
                rows = kept.cells.rows_of(group)
                if len(rows):
                    kept.cells.fold(rows)

    def _close(self, source: str, block: int, epoch: str) -> int:
        """Forget a group of open rows; returns its number."""
        group = self._open[source].pop((block, epoch))
        del self._groups[group], self._open_rows[group]
        return group

    def state(self) -> Any:
        """What is known besides series and their cells, for a snapshot; `put_back` takes it."""
        groups = [(source, block, epoch) for source, of in self._open.items() for block, epoch in of]
        return self._count, self._rows, self._epochs.state(), self._folded_to, groups

    def put_back(self, state: Any) -> None:
        """See `state`; then `add_back` all series, and their cells."""
        self._count, self._rows, epochs, self._folded_to, groups = state
        self._epochs.put_back(epochs)
        for source, block, epoch in groups:
            self._group(source, block, epoch)

    def add_back(self, kept: Kept, key: SeriesKey, labels: dict[str, str], number: int) -> Series:
        """A series as it was."""
        series = self._series[key] = kept.add(key, labels, number)
        return series

    def put_cells_back(self, kept: Kept, pieces: Iterable[bytes]) -> None:
        """The cells and open rows of pieces (`cell_pieces`); the series must be there."""
        numbers, slots = kept.slots_by_number()

        def slot_of(these: Int64s) -> Int64s:
            found: Int64s = slots[np.searchsorted(numbers, these)]
            return found

        for piece in pieces:
            self._open_rows.update(put_cells_back(kept.cells, piece, slot_of, lambda group: self._group(*group)))

    def cell_pieces(self, kept: Kept) -> Iterator[tuple[int, list[bytes]]]:
        """The pieces of what has changed since the last time, by their stretches of time."""
        touched, kept.cells.touched = kept.cells.touched, set()
        return cell_pieces(kept.cells, touched, kept.numbers, self._groups.__getitem__)

    def of(self, grouping: str) -> Iterator[Series]:
        """The series of a grouping set."""
        return (series for series in list(self._series.values()) if series.grouping == grouping)

    def coarsen(self, judged_ms: int, grouping: str) -> None:
        """See `Cells.coarsen`."""
        if grouping in self._kept:
            self._kept[grouping].cells.coarsen(judged_ms)

    def forget(self, before_ms: int, grouping: str | None = None) -> list[Series]:
        """Drop the windows of a grouping set (by default of all) that end by `before_ms`, and series without any;
        returns those series."""
        gone = []
        for kept in [kept for name, kept in self._kept.items() if grouping in (None, name)]:
            slots, groups = kept.cells.forget(before_ms)
            self._open_rows.subtract(groups.tolist())
            for group in set(groups.tolist()):
                if not self._open_rows[group]:
                    self._close(*self._groups[group])
            for series in kept.remove(slots):
                gone.append(self._series.pop(series.key))
        return gone
