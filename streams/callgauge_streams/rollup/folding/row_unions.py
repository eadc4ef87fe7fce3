"""Makes the rows of one grouping set: the slots (label values and finest window) of one series and window are added up
when the row is due to be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.folding.series_index import SeriesIndex
from callgauge_streams.rollup.folding.slots import WINDOW_BITS, Union
from callgauge_streams.rollup.tables.interned import Numbered
from callgauge_windows.grown import Grown

__all__ = ["Folding", "RowKeys", "RowsOf"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Which rows are built: identity and labels, as columns."""

    index: SeriesIndex
    identity: dict[str, Any]
    """source, block and epoch of all of them."""
    series: Int64s
    """Number of each one's series in `index`, shape (rows,)."""
    starts_ms: Int64s
    """Start of each one's window, shape (rows,)."""

    def __len__(self) -> int:
        return len(self.series)

    def listed(self) -> Iterator[dict[str, Any]]:
        """As dictionaries, one for each row."""
        grouping, beside = self.index.grouping, self.index.beside
        same = self.identity | {"grouping": grouping.name, "window_ms": grouping.window_ms}
        ids = self.index.ids[self.series].tolist()
        for number, series_id, start_ms in zip(self.series.tolist(), ids, self.starts_ms.tolist(), strict=True):
            values = self.index.values[number]
            labels = dict(zip(grouping.labels, values, strict=False))
            own = dict(zip(beside, values[len(grouping.labels) :], strict=True))
            yield {**same, "series_id": series_id, "window_start_ms": start_ms, "labels": labels, **own}


#: Builds rows. It is given the slots, which slots belong to which row, and the identity and labels of the rows; it
#: gives records, which may hold several rows each.
RowsOf = Callable[[Any, Union, RowKeys], Iterator[Any]]

# At most so many rows are built at once: they are columns of some kilobytes a row.
_ROWS_AT_ONCE = 1 << 15


class Folding:
    """The rows of one grouping set in one block: which slots each consists of, and how many of its events were sent
    already.

    Args:
        index: the series of this grouping set.
        identity: (source, block, epoch), goes into every row.
    """

    def __init__(self, index: SeriesIndex, identity: dict[str, Any], rows_of: RowsOf) -> None:
        self._grouping = index.grouping
        self._index = index
        self._identity = identity
        self._rows_of = rows_of
        self._numbered = Numbered()
        """The rows, numbered by series and window."""
        self._row_of_slot = Grown(dtype=np.int32)
        self._sent_n = Grown(dtype=np.int32)

    def put(self, series: Int64s, starts_ms: Int64s) -> None:
        """Say where the next slots belong.

        Args:
            series: number of the series in the index, -1 for a slot that is left out; shape (k,).
            starts_ms: start of each slot's window, shape (k,).
        """
        known, belongs = len(self._row_of_slot.filled), series >= 0
        row_of_slot = self._row_of_slot.to(known + len(series))[known:]
        row_of_slot[:] = -1
        keys = series[belongs] << WINDOW_BITS | starts_ms[belongs] // self._grouping.window_ms
        row_of_slot[belongs] = self._numbered.numbers_of(keys)
        self._sent_n.to(len(self._numbered.keys))

    @property
    def _windows(self) -> Int64s:
        """Number of each row's window since 1970."""
        return self._numbered.keys & ((1 << WINDOW_BITS) - 1)

    def take_grown(self, slots: Any, watermark_ms: int | None, first_time_only: bool) -> Iterator[Any]:
        """The rows that grew since they were last taken. They are built during the iteration, so nothing may be counted
        until it ends.

        Args:
            slots: with `n`, the events in each.
            watermark_ms: only rows of windows that end by it; None: all.
            first_time_only: only rows that were never taken.
        """
        sent_n = self._sent_n.filled
        n = np.zeros(len(sent_n) + 1, dtype=np.int64)
        np.add.at(n, self._row_of_slot.filled, slots.n)
        n = n[:-1]  # the last entry collected the slots that are left out (-1)
        due = n > sent_n
        if watermark_ms is not None:
            due &= (self._windows + 1) * self._grouping.window_ms <= watermark_ms
        if first_time_only:
            due &= sent_n == 0
        numbers = np.flatnonzero(due)
        sent_n[numbers] = n[numbers]
        return self._rows(slots, numbers)

    def _rows(self, slots: Any, numbers: Int64s) -> Iterator[Any]:
        """Build rows in portions."""
        for begin in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[begin : begin + _ROWS_AT_ONCE]
            position = np.full(len(self._numbered.keys) + 1, -1, dtype=np.int64)
            position[some] = np.arange(len(some))
            series, starts_ms = self._numbered.keys[some] >> WINDOW_BITS, self._windows[some] * self._grouping.window_ms
            keys = RowKeys(self._index, self._identity, series, starts_ms)
            yield from self._rows_of(slots, Union(position[self._row_of_slot.filled], len(some)), keys)
