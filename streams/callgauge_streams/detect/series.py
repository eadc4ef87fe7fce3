"""The series of a grouping set, each in a slot of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect.cells import Cells
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.pairs import Pairs, enter, take_out
from callgauge_streams.detect.rings import Ring
from callgauge_windows.grown import Grown
from callgauge_windows.totals import Totals

__all__ = ["Kept", "Series", "SeriesKey"]

Int64s = npt.NDArray[np.int64]

SeriesKey = tuple[str, int | tuple[str, ...]]
"""The grouping set and the series' id; of a series into which others are folded its label values."""


@dataclass(slots=True, eq=False)
class Series:
    """One series of one grouping set: its labels, and where its windows are."""

    key: SeriesKey
    labels: dict[str, str]
    window_ms: int
    cells: Cells
    slot: int
    number: int
    """Counts the series, in the order in which they came."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    """Of the alerts that rules may raise on it: rule's name -> fingerprint."""

    @property
    def grouping(self) -> str:
        """Name of its grouping set."""
        return self.key[0]

    @property
    def told_apart(self) -> bool:
        """Whether it is one series, not one into which many are folded."""
        return isinstance(self.key[1], int)

    @property
    def windows(self) -> list[int]:
        """Starts of the windows that are kept, newest first."""
        return [start for _, start in self.cells.windows(self.slot)]

    def totals(self, start_ms: int, end_ms: int) -> Totals:
        """The sums over the windows in [start_ms, end_ms)."""
        return self.cells.totals(self.slot, start_ms, end_ms)


class Kept:
    """The series of one grouping set, each in a slot of its columns."""

    def __init__(
        self, columns: Columns, window_ms: int, lookbacks_ms: Iterable[int], rings: Sequence[Ring] = ()
    ) -> None:
        self.cells = Cells(columns, window_ms, lookbacks_ms, rings)
        self.series: dict[int, Series] = {}
        """By slot."""
        self._slot_of = Pairs()
        self._told_apart = 0
        self._free: list[int] = []
        self._numbers = Grown()

    def slots_of(self, series_ids: npt.NDArray[np.uint64]) -> Int64s:
        """The slot of each series, -1: it is not known, or folded into another."""
        ids = series_ids.view(np.int64)
        return self._slot_of.of(np.zeros_like(ids), ids)

    def add(self, key: SeriesKey, labels: dict[str, str], number: int) -> Series:
        """A series that is new."""
        slot = self._free.pop() if self._free else len(self._numbers.filled)
        series = Series(key, labels, self.cells.window_ms, self.cells, slot, number)
        self.series[slot] = series
        self._numbers.to(slot + 1)[slot] = number
        self.cells.new_slot(slot)
        if isinstance(key[1], int):
            self._told_apart += 1
            self._slot_of.room(self._told_apart)
            enter(self._slot_of.keys, self._slot_of.numbers, 0, _signed(key[1]), slot)
        return series

    def remove(self, slots: Int64s) -> list[Series]:
        """Forget the series in these slots; returns them."""
        gone = []
        for slot in slots.tolist():
            series = self.series.pop(slot)
            self._free.append(slot)
            gone.append(series)
            if isinstance(series.key[1], int):
                self._told_apart -= 1
                take_out(self._slot_of.keys, self._slot_of.numbers, 0, _signed(series.key[1]))
        return gone

    def slots_by_number(self) -> tuple[Int64s, Int64s]:
        """The numbers of all series, ascending, and the slot of each."""
        slots = np.array(sorted(self.series, key=lambda slot: self.series[slot].number), dtype=np.int64)
        return self.numbers(slots), slots

    def numbers(self, slots: Int64s) -> Int64s:
        """Numbers of the series in these slots."""
        return self._numbers.filled[slots]


def _signed(series_id: int) -> int:
    return series_id - (1 << 64) if series_id >= 1 << 63 else series_id
