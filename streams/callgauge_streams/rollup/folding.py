"""From slots to the rows of one grouping set: slots of one series and window are added up when a row is due."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import struct_of
from callgauge.schema import WindowRow
from callgauge_streams.rollup.accumulator import Accumulator
from callgauge_streams.rollup.columns import TOKEN_SUMS
from callgauge_streams.rollup.grouping import GroupingSet, series_id
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.measures import Union, measures_of

__all__ = ["Folding"]

Int64s = npt.NDArray[np.int64]

_Row: Any = struct_of(WindowRow)
_series_id = lru_cache(maxsize=1 << 16)(series_id)


class Folding:
    """The rows of one grouping set in one block: which slots each is made of, and how much of it was sent.

    `identity` (source, block, epoch) goes into every row.
    """

    def __init__(self, grouping: GroupingSet, identity: dict[str, Any]) -> None:
        self._grouping = grouping
        self._identity = identity | {"grouping": grouping.name, "window_ms": grouping.window_ms}
        self._numbers: dict[tuple[int, int], int] = {}
        self._keys: list[tuple[tuple[str, ...], int]] = []
        self._row_of_slot = Grown()
        self._sent_n = Grown()
        self._end_ms = Grown()

    def put(self, slot: int, series: int, values: tuple[str, ...], start_ms: int) -> None:
        """Say where a new slot belongs.

        Args:
            series, values: number and label values of the series in this grouping set.
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

    def take_grown(self, slots: Accumulator, watermark_ms: int | None, first_time_only: bool) -> Iterator[Any]:
        """Rows that grew since they were last taken.

        Args:
            watermark_ms: only rows of windows that end by it; None: all.
            first_time_only: only rows that were never taken.
        """
        n = np.zeros(len(self._keys), dtype=np.int64)
        np.add.at(n, self._row_of_slot.filled, slots.sums.filled[:, 0])
        due = n > self._sent_n.filled
        if watermark_ms is not None:
            due &= self._end_ms.filled <= watermark_ms
        if first_time_only:
            due &= self._sent_n.filled == 0
        numbers = np.flatnonzero(due)
        if len(numbers):
            self._sent_n.filled[numbers] = n[numbers]
            yield from self._rows(slots, numbers)

    def _rows(self, slots: Accumulator, numbers: Int64s) -> Iterator[Any]:
        position = np.full(len(self._keys), -1, dtype=np.int64)
        position[numbers] = np.arange(len(numbers))
        union = Union.of(position[self._row_of_slot.filled])
        sums = np.add.reduceat(slots.sums.filled[union.slots], union.starts, axis=0)
        extremes = np.maximum.reduceat(slots.extremes.filled[union.slots], union.starts, axis=0)
        totals = slots.outcomes.totals(slots.outcome_counts.of_rows(union.row_of_slot, len(numbers)), len(numbers))
        measures = measures_of(slots, union, sums, extremes)
        added = zip(numbers.tolist(), sums[:, : 1 + len(TOKEN_SUMS)].tolist(), extremes[:, -1].tolist(), strict=True)
        for at, (number, (n, *tokens), used_ppm) in enumerate(added):
            values, start_ms = self._keys[number]
            yield _Row(
                **self._identity,
                series_id=_series_id(self._grouping, values),
                window_start_ms=start_ms,
                n=n,
                labels=dict(zip(self._grouping.labels, values, strict=True)),
                rate_limit_used_max_ppm=used_ppm,
                measures=measures[at],
                **dict(zip(TOKEN_SUMS, tokens, strict=True)),
                **totals.of(at),
            )
