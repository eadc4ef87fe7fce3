"""The windows of `tests.unit.streams.detect.full_walk`, as detect kept them when it walked over all series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from callgauge_streams.detect.epochs import Epochs
from callgauge_windows.totals import Totals
from tests.totals_of import totals_of

_SeriesKey = tuple[str, int]
_Place = tuple[_SeriesKey, int]
"""A series and the start of one of its windows."""


@dataclass(slots=True)
class _Window:
    folded: Totals = field(default_factory=Totals)
    open: dict[tuple[str, int, str], tuple[int, Totals]] = field(default_factory=dict)
    """(source, block, epoch) -> the row of the largest n."""


@dataclass(slots=True, eq=False)
class Series:
    """One series of one grouping set: its labels and the windows still needed."""

    grouping: str
    labels: dict[str, str]
    window_ms: int
    windows: dict[int, _Window] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    """Of the alerts that rules may raise on it: rule's name -> fingerprint."""

    def last_end_ms(self) -> int:
        """End of the newest window; 0 when none is kept."""
        return max(self.windows) + self.window_ms if self.windows else 0

    def totals(self, start_ms: int, end_ms: int) -> Totals:
        """The sums over the windows in [start_ms, end_ms)."""
        totals = Totals()
        for start in range(start_ms, end_ms, self.window_ms):
            if window := self.windows.get(start):
                totals.add(window.folded)
                for _, part in window.open.values():
                    totals.add(part)
        return totals


class Windows:
    """All series of one partition of the windows topic."""

    def __init__(self, measures: frozenset[str]) -> None:
        self._measures = measures
        self._series: dict[_SeriesKey, Series] = {}
        self._epochs = Epochs()
        self._open: dict[str, dict[tuple[int, str], dict[_Place, None]]] = {}
        """Source -> (block, epoch) -> where its rows are; dicts for their order, which is the log's."""
        self._folded_to: dict[str, int] = {}

    def put(self, row: Any) -> Series | None:
        """Take a row. Returns its series; None if nothing changes, since the row is void or known."""
        if row.block < self._folded_to.get(row.source, -1):
            return None
        if not self._epochs.counts(row.source, row.block, row.epoch):
            return None
        key = (row.grouping, row.series_id)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(row.grouping, row.labels, row.window_ms)
        window = series.windows.setdefault(row.window_start_ms, _Window())
        identity = (row.source, row.block, row.epoch)
        if identity in window.open and window.open[identity][0] >= row.n:
            return None
        window.open[identity] = (row.n, totals_of(row, self._measures))
        blocks = self._open.setdefault(row.source, {})
        blocks.setdefault((row.block, row.epoch), {})[key, row.window_start_ms] = None
        return series

    def knows(self, series: Series) -> bool:
        """Whether a series is not forgotten."""
        return any(series is known for known in self._series.values())

    def start(self, start: Any) -> list[tuple[Series, list[int]]]:
        """Take an `EpochStart`; returns the series that lost rows by it, with the starts of those windows, ms."""
        lost: dict[_SeriesKey, list[int]] = {}
        if self._epochs.accept(start):
            for block, epoch in list(self._open.get(start.source, ())):
                if not self._epochs.counts(start.source, block, epoch):
                    for (key, window_start_ms), _ in self._take_out(start.source, block, epoch):
                        lost.setdefault(key, []).append(window_start_ms)
        return [(self._series[key], starts_ms) for key, starts_ms in lost.items()]

    def fold(self, source: str, committed: int) -> None:
        """Note that a source has committed an offset (-1: not known): rows of earlier blocks are added to their windows
        for good."""
        if not self._epochs.heard(source):
            return  # rows of several epochs may be open, and nothing says yet which of them count
        border = self._folded_to[source] = max(committed, self._folded_to.get(source, -1))
        for block, epoch in sorted(block for block in self._open.get(source, ()) if block[0] < border):
            for (key, window_start_ms), totals in self._take_out(source, block, epoch):
                self._series[key].windows[window_start_ms].folded.add(totals)

    def _take_out(self, source: str, block: int, epoch: str) -> Iterator[tuple[_Place, Totals]]:
        """Remove the rows of an open block and return them."""
        for key, window_start_ms in self._open[source].pop((block, epoch)):
            window = self._series[key].windows[window_start_ms]
            yield (key, window_start_ms), window.open.pop((source, block, epoch))[1]

    def of(self, grouping: str) -> Iterator[Series]:
        """The series of a grouping set."""
        return (series for series in list(self._series.values()) if series.grouping == grouping)

    def forget(self, before_ms: int, grouping: str) -> list[Series]:
        """Drop windows that end by `before_ms`, and series without any; returns those series."""
        gone = []
        for key, series in list(self._series.items()):
            if series.grouping != grouping:
                continue
            for start in [start for start in series.windows if start + series.window_ms <= before_ms]:
                self._forget_places(series.windows.pop(start), (key, start))
            if not series.windows:
                gone.append(self._series.pop(key))
        return gone

    def _forget_places(self, window: _Window, place: _Place) -> None:
        for source, block, epoch in window.open:
            places = self._open[source][block, epoch]
            del places[place]
            if not places:
                del self._open[source][block, epoch]
