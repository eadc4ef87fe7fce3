"""From slots to the rows of one grouping set: slots of one series and window are added up when a row is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.grouping import GroupingSet, series_id
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.slots import Union

__all__ = ["Folding", "RowsOf"]

Int64s = npt.NDArray[np.int64]

#: Builds rows: from the slots, which of them make which row, and each row's identity and labels.
RowsOf = Callable[[Any, Union, list[dict[str, Any]]], Iterator[Any]]

_ROWS_AT_ONCE = 1_024

_series_id = lru_cache(maxsize=1 << 16)(series_id)


class Folding:
    """The rows of one grouping set in one block: which slots each is made of, and how much of it was sent.

    Args:
        identity: (source, block, epoch), goes into every row.
        beside: names of what tells rows of one series and window apart.
    """

    def __init__(
        self, grouping: GroupingSet, identity: dict[str, Any], rows_of: RowsOf, beside: tuple[str, ...] = ()
    ) -> None:
        self._grouping = grouping
        self._identity = identity | {"grouping": grouping.name, "window_ms": grouping.window_ms}
        self._rows_of = rows_of
        self._beside = beside
        self._numbers: dict[tuple[int, int], int] = {}
        self._keys: list[tuple[tuple[str, ...], int]] = []
        self._row_of_slot = Grown()
        self._sent_n = Grown()
        self._end_ms = Grown()

    def put(self, slot: int, series: int, values: tuple[str, ...], start_ms: int) -> None:
        """Say where a new slot belongs.

        Args:
            series, values: number and label values (with those of `beside`) of the series in this grouping set.
            start_ms: start of the slot's window.
        """
        width = self._grouping.window_ms
        window = start_ms // width
        number = self._numbers.setdefault((series, window), len(self._numbers))
        if number == len(self._keys):
            self._keys.append((values, window * width))
            self._sent_n.to(number + 1)
            self._end_ms.to(number + 1)[number] = (window + 1) * width
        self._row_of_slot.to(slot + 1)[slot] = number

    def leave_out(self, slot: int) -> None:
        """Say that a new slot belongs in no row here."""
        self._row_of_slot.to(slot + 1)[slot] = -1

    def take_grown(self, slots: Any, watermark_ms: int | None, first_time_only: bool) -> Iterator[Any]:
        """Rows that grew since they were last taken. Made while they are gone through: count nothing meanwhile.

        Args:
            slots: with `n`, the events in each.
            watermark_ms: only rows of windows that end by it; None: all.
            first_time_only: only rows that were never taken.
        """
        row_of_slot = self._row_of_slot.filled
        n = np.zeros(len(self._keys) + 1, dtype=np.int64)
        np.add.at(n, row_of_slot, slots.n)
        n = n[:-1]  # the last took in what is left out (-1)
        due = n > self._sent_n.filled
        if watermark_ms is not None:
            due &= self._end_ms.filled <= watermark_ms
        if first_time_only:
            due &= self._sent_n.filled == 0
        numbers = np.flatnonzero(due)
        self._sent_n.filled[numbers] = n[numbers]
        return self._rows(slots, numbers)

    def _rows(self, slots: Any, numbers: Int64s) -> Iterator[Any]:
        """Some rows at a time: one may be ten thousand bytes of Python objects, and a block have ten thousand."""
        for begin in range(0, len(numbers), _ROWS_AT_ONCE):
            some = numbers[begin : begin + _ROWS_AT_ONCE]
            position = np.full(len(self._keys) + 1, -1, dtype=np.int64)
            position[some] = np.arange(len(some))
            keys = [self._key(*self._keys[number]) for number in some.tolist()]
            yield from self._rows_of(slots, Union.of(position[self._row_of_slot.filled]), keys)

    def _key(self, values: tuple[str, ...], start_ms: int) -> dict[str, Any]:
        labels = self._grouping.labels
        own = values[: len(labels)]
        return {
            **self._identity,
            "series_id": _series_id(self._grouping, own),
            "window_start_ms": start_ms,
            "labels": dict(zip(labels, own, strict=True)),
            **dict(zip(self._beside, values[len(labels) :], strict=True)),
        }
