"""What an alert tells of a measure besides sums: the histogram, and the event with the largest value.

It is kept for each open row, and for each cell (callgauge_streams.detect.cells) of what was folded into it; and looked
at only when an alert is told. One entry is a few bytes in one long array:

    its length (3 bytes) | the largest value | twice the length of the event's id | the id | counts, by bucket

Numbers and counts take as few bytes as they need (callgauge_streams.detect.evidence_numbers), an id that is a UUID
takes 16, its length being 1. Events of value 0 are in a bucket of their own, before all others. An entry that is
replaced leaves a hole; when a sixth of the array is holes, the entries move together.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect.evidence_entries import (
    ZEROS,
    add_up,
    compact,
    copy_out,
    fold,
    length_of,
    lengths_at,
    unpack,
    values_at,
    write,
)
from callgauge_windows.grown import Grown
from callgauge_windows.row_batch import Buckets, RowBatch
from callgauge_windows.totals import MeasureTotals

__all__ = ["Evidence"]

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]

# Moving all entries takes as long as a few windows of rows; holes and room ahead are memory that nobody uses.
_HOLES, _GROWTH = 6, 16


class Evidence:
    """Of one measure.

    Args:
        histogram: whether histograms are kept too.
    """

    def __init__(self, measure: str, *, histogram: bool) -> None:
        self._measure = measure
        self._histogram = histogram
        self._data: Bytes = np.zeros(1 << 14, dtype=np.uint8)
        self._used = 1  # a place of 0 is none
        self._holes = 0
        self._rows, self._cells = Grown(), Grown()
        """Where the entry of each row and cell begins, 0: it has none, and so has what is beyond the end."""

    def put(self, rows: Int64s, batch: RowBatch, which: Int64s) -> None:
        """Set the entries of rows from those of a batch.

        Args:
            which: the row of the batch for each of `rows`.
        """
        most, event = batch.column(f"{self._measure}.max"), batch.column(f"{self._measure}.max_event")
        counts = batch.column(f"{self._measure}.count")
        zeros = batch.column(f"{self._measure}.zero_count" if self._histogram else "")  # "": zeros
        of = batch.buckets.get(self._measure) if self._histogram else None
        of = of or Buckets(np.zeros(len(batch) + 1, dtype=np.int64), *(np.zeros(0, dtype=np.int64),) * 2)
        ids = np.frombuffer(batch.event_ids.data, dtype=np.uint8)
        places, done = self._rows.to(int(rows.max()) + 1), 0
        while done < len(rows):
            done, self._used, holes, need = write(
                self._data, self._used, places, rows, which, done,
                counts, most, event, zeros, ids, batch.event_ids.at, of.bucket_at, of.buckets, of.counts,
            )  # fmt: skip
            self._holes += holes
            self._make_room(need)

    def fold(self, rows: Int64s, cells: Int64s) -> None:
        """Add the entries of rows to those of their cells; the rows have none after it."""
        some = _places(self._rows, rows) > 0
        rows, cells = rows[some], cells[some]
        self._add(self._rows.filled, self._cells.to(_most(cells)), rows, cells)

    def merge_cells(self, gone: Int64s, into: Int64s) -> None:
        """Add the entries of cells to those of others; the first have none after it."""
        some = _places(self._cells, gone) > 0
        places = self._cells.to(_most(into[some]))
        self._add(places, places, gone[some], into[some])

    def _add(self, places: Int64s, target_places: Int64s, gone: Int64s, into: Int64s) -> None:
        done = 0
        while done < len(gone):
            done, self._used, holes, need = fold(self._data, self._used, places, target_places, gone, into, done)
            self._holes += holes
            self._make_room(need)

    def drop_rows(self, rows: Int64s) -> None:
        """Forget the entries of rows."""
        self._drop(self._rows, rows)

    def drop_cells(self, cells: Int64s) -> None:
        """Forget the entries of cells."""
        self._drop(self._cells, cells)

    def of(self, rows: list[int], cell: int) -> list[MeasureTotals]:
        """What the entries of a cell and of its open rows say; sums are not in them, and each counts as one event."""
        places = [self._rows.filled[row] for row in rows if row < len(self._rows.filled)]
        places += [self._cells.filled[cell]] if cell < len(self._cells.filled) else []
        return [self._read(int(place)) for place in places if place]

    def total(self, rows: Int64s, cells: Int64s) -> MeasureTotals:
        """What the entries of rows and cells add up to; as `of` has it, without sums."""
        places = self._places_of(rows, cells)
        if not len(places):
            return MeasureTotals()
        size = int(self._lengths(places).sum())
        buckets, counts = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
        largest, found = add_up(self._data, places, buckets, counts)
        distinct, at = np.unique(buckets[:found], return_inverse=True)
        sums = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(sums, at, counts[:found])
        whole, added = self._read(int(largest)), Counter(dict(zip(distinct.tolist(), sums.tolist(), strict=True)))
        whole.count, whole.zero_count, whole.buckets = len(places), added.pop(ZEROS, 0), added
        return whole

    def largest(self, rows: Int64s, cells: Int64s, most: int) -> tuple[str, ...]:
        """The events of the largest values in the entries of rows and cells, at most so many, largest first."""
        places = self._places_of(rows, cells)
        values, found = np.empty(len(places), dtype=np.int64), dict[str, None]()
        values_at(self._data, places, values)
        order = np.argsort(-values, kind="stable")
        for _, alike in groupby(order.tolist(), key=values.tolist().__getitem__):
            events = sorted(self._read(int(places[at])).max_event_id for at in alike)
            found |= dict.fromkeys(event for event in events if event)
            if len(found) >= most:
                break
        return tuple(found)[:most]

    def _places_of(self, rows: Int64s, cells: Int64s) -> Int64s:
        places = np.concatenate([_places(self._rows, rows), _places(self._cells, cells)])
        return places[places > 0]

    def taken_out(self, rows: Int64s, cells: Int64s) -> tuple[Int32s, Bytes]:
        """The entries of rows, then those of cells, as they are: the length of each (0: it has none), and all bytes."""
        places = np.concatenate([_places(self._rows, rows), _places(self._cells, cells)])
        lengths = self._lengths(places)
        copied = np.empty(int(lengths.sum()), dtype=np.uint8)
        copy_out(self._data, places, lengths, copied)
        return lengths, copied

    def sizes(self, cells: Int64s) -> Int32s:
        """How many bytes the entry of each cell has."""
        return self._lengths(_places(self._cells, cells))

    def put_back(self, rows: Int64s, cells: Int64s, lengths: Int32s, data: Bytes) -> None:
        """Put back what `taken_out` gave, for rows and cells that have no entries."""
        self._make_room(len(data))
        self._data[self._used : self._used + len(data)] = data
        places = self._used + np.cumsum(lengths, dtype=np.int64) - lengths
        for grown, which, begin in ((self._rows, rows, 0), (self._cells, cells, len(rows))):
            some = np.flatnonzero(lengths[begin : begin + len(which)])
            grown.to(_most(which[some]))[which[some]] = places[begin + some]
        self._used += len(data)

    @property
    def entries(self) -> tuple[Bytes, tuple[Int64s, Int64s]]:
        """All entries, and where those of rows and of cells begin (0: there is none)."""
        return self._data, (self._rows.filled, self._cells.filled)

    def _read(self, place: int) -> MeasureTotals:
        size = 2 * int(length_of(self._data, place))
        text, pairs = np.empty(size, dtype=np.uint8), np.empty((2, size), dtype=np.int64)
        most, length, found = unpack(self._data, place, text, *pairs)
        buckets: Counter[int] = Counter()
        for bucket, count in pairs[:, :found].T.tolist():
            buckets[bucket] += count
        zeros = buckets.pop(ZEROS, 0)
        event_id = text[:length].tobytes().decode()
        return MeasureTotals(count=1, max=int(most), max_event_id=event_id, zero_count=zeros, buckets=buckets)

    def _lengths(self, places: Int64s) -> Int32s:
        lengths = np.empty(len(places), dtype=np.int32)
        lengths_at(self._data, places, lengths)
        return lengths

    def _drop(self, grown: Grown, which: Int64s) -> None:
        which = which[which < len(grown.filled)]
        self._holes += int(self._lengths(grown.filled[which]).sum())
        grown.filled[which] = 0

    def _make_room(self, need: int) -> None:
        """Room for an entry of so many bytes."""
        if self._used + need <= len(self._data):
            return
        if _HOLES * self._holes > self._used:
            self._compact()
        if self._used + need > len(self._data):
            # In place where the system can: a copy would take as much memory again.
            self._data.resize(max(len(self._data) + len(self._data) // _GROWTH, self._used + need), refcheck=False)

    def _compact(self) -> None:
        rows, cells = np.flatnonzero(self._rows.filled), np.flatnonzero(self._cells.filled)
        places = np.concatenate([self._rows.filled[rows], self._cells.filled[cells]])
        order = np.argsort(places)
        moved = np.empty(len(places), dtype=np.int64)
        self._used, self._holes = compact(self._data, places, order, moved), 0
        self._rows.filled[rows], self._cells.filled[cells] = moved[: len(rows)], moved[len(rows) :]


def _most(numbers: Int64s) -> int:
    return int(numbers.max(initial=-1)) + 1


def _places(grown: Grown, which: Int64s) -> Int64s:
    """Where the entries of these begin; of what is beyond the end there is none."""
    found = np.zeros(len(which), dtype=np.int64)
    inside = which < len(grown.filled)
    found[inside] = grown.filled[which[inside]]
    return found
