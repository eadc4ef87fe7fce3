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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from callgauge_streams.detect.due import Due
from callgauge_streams.detect.epochs import Epochs
from callgauge_windows.totals import Totals

__all__ = ["Series", "Windows"]

_SeriesKey = tuple[str, int | tuple[str, ...]]
"""The grouping set and the series' id; of a series into which others are folded its label values."""
_Place = tuple[_SeriesKey, int, int]
"""A series, the start of one of its windows, and the id of the series that the row is of."""
# Rows of a window that are added up each time they are asked for; sums of windows of more rows are kept.
_FEW = 16
Admit = Callable[[Any], dict[str, str] | None]


@dataclass(slots=True)
class _Window:
    folded: Totals = field(default_factory=Totals)
    open: dict[tuple[str, int, str, int], tuple[int, Totals]] = field(default_factory=dict)
    """(source, block, epoch, series id) -> the row of the largest n."""
    summed: Totals | None = None
    """The sum of all, if there are many rows; None: not added up since a row came or went."""

    def totals(self) -> list[Totals]:
        """What adds up to the window. A window into which thousands of series are folded is added up once, not for each
        rule and each window end."""
        if len(self.open) <= _FEW:
            return [self.folded, *(part for _, part in self.open.values())]
        if self.summed is None:
            self.summed = Totals()
            for part in (self.folded, *(part for _, part in self.open.values())):
                self.summed.add(part)
        return [self.summed]


@dataclass(slots=True, eq=False)
class Series:
    """One series of one grouping set: its labels and the windows still needed."""

    key: _SeriesKey
    labels: dict[str, str]
    window_ms: int
    number: int = 0
    """Counts the series, in the order in which they came."""
    windows: dict[int, _Window] = field(default_factory=dict)
    first_start_ms: int = 0
    """Start of the oldest window it ever had."""
    last_end_ms: int = 0
    """End of its newest window."""
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

    def window(self, start_ms: int) -> tuple[_Window, bool]:
        """The window that starts then, and whether it is new."""
        if window := self.windows.get(start_ms):
            return window, False
        self.first_start_ms = min(self.first_start_ms, start_ms) if self.last_end_ms else start_ms
        self.last_end_ms = max(self.last_end_ms, start_ms + self.window_ms)
        window = self.windows[start_ms] = _Window()
        return window, True

    def next_change_ms(self, at_ms: int, lookback_ms: int) -> int:
        """The first window end after `at_ms` at which other windows are in the lookback than at `at_ms`; one window
        later if there is none."""
        leave_ms = (
            start + self.window_ms + (0 if start + self.window_ms > at_ms else lookback_ms)
            for start in self.windows
            if start >= at_ms - lookback_ms
        )
        return min(leave_ms, default=at_ms + self.window_ms)

    def totals(self, start_ms: int, end_ms: int) -> Totals:
        """The sums over the windows in [start_ms, end_ms). Costs as much as there are windows: a lookback of a month
        has 260,000 of 10 s, of which a series that has just begun fills one."""
        totals = Totals()
        for window in self._between(start_ms, end_ms):
            for part in window.totals():
                totals.add(part)
        return totals

    def _between(self, start_ms: int, end_ms: int) -> list[_Window]:
        starts = range(start_ms, end_ms, self.window_ms)
        if len(starts) <= len(self.windows):
            return [window for start in starts if (window := self.windows.get(start))]
        return [window for start, window in self.windows.items() if start_ms <= start < end_ms]


class Windows:
    """All series of one partition of the windows topic.

    Args:
        admit: asked for each row of a series that is not known: under which labels it counts (the row's own, or others
        if it is folded into another series), None if it does not count at all.
    """

    def __init__(self, admit: Admit = lambda row: row.labels) -> None:
        self._admit = admit
        self._series: dict[_SeriesKey, Series] = {}
        self._count = 0
        self._epochs = Epochs()
        self._open: dict[str, dict[tuple[int, str], dict[_Place, None]]] = {}
        """Source -> (block, epoch) -> where its rows are; dicts for their order, which is the log's."""
        self._folded_to: dict[str, int] = {}
        self._ends: dict[str, Due[int]] = {}
        """Grouping set -> ends of the windows that are kept."""
        self._ending: dict[tuple[str, int], list[Series]] = {}
        """Grouping set and end of a window -> the series that have it."""

    def put(self, row: Any) -> Series | None:
        """Take a row. Returns its series; None if nothing changes, since the row is void, known or not admitted."""
        if row.block < self._folded_to.get(row.source, -1):
            return None
        if not self._epochs.counts(row.source, row.block, row.epoch):
            return None
        series = self._series.get((row.grouping, row.series_id)) or self._admitted(row)
        if series is None:
            return None
        window, new = series.window(row.window_start_ms)
        if new:
            self._note_end(series, row.window_start_ms + series.window_ms)
        identity = (row.source, row.block, row.epoch, row.series_id)
        if identity in window.open and window.open[identity][0] >= row.n:
            return None
        window.open[identity] = (row.n, row.totals)
        window.summed = None
        blocks = self._open.setdefault(row.source, {})
        blocks.setdefault((row.block, row.epoch), {})[series.key, row.window_start_ms, row.series_id] = None
        return series

    def _admitted(self, row: Any) -> Series | None:
        labels = self._admit(row)
        if labels is None:
            return None
        key = (row.grouping, row.series_id if labels == row.labels else tuple(labels.values()))
        if key not in self._series:
            self._count += 1
            self._series[key] = Series(key, labels, row.window_ms, self._count)
        return self._series[key]

    def _note_end(self, series: Series, end_ms: int) -> None:
        self._ends.setdefault(series.grouping, Due()).put(end_ms, end_ms)
        self._ending.setdefault((series.grouping, end_ms), []).append(series)

    def start(self, start: Any) -> list[tuple[Series, list[int]]]:
        """Take an `EpochStart`; returns the series that lost rows by it, with the starts of those windows, ms."""
        lost: dict[_SeriesKey, dict[int, None]] = {}
        if self._epochs.accept(start):
            for block, epoch in list(self._open.get(start.source, ())):
                if not self._epochs.counts(start.source, block, epoch):
                    for (key, window_start_ms, _), _ in self._take_out(start.source, block, epoch):
                        lost.setdefault(key, {})[window_start_ms] = None
        return [(self._series[key], list(starts_ms)) for key, starts_ms in lost.items()]

    def fold(self, source: str, committed: int) -> None:
        """Note that a source has committed an offset (-1: not known): rows of earlier blocks are added to their windows
        for good."""
        if not self._epochs.heard(source):
            return  # rows of several epochs may be open, and nothing says yet which of them count
        border = self._folded_to[source] = max(committed, self._folded_to.get(source, -1))
        for block, epoch in sorted(block for block in self._open.get(source, ()) if block[0] < border):
            for (key, window_start_ms, _), totals in self._take_out(source, block, epoch):
                self._series[key].windows[window_start_ms].folded.add(totals)

    def _take_out(self, source: str, block: int, epoch: str) -> Iterator[tuple[_Place, Totals]]:
        """Remove the rows of an open block and return them."""
        for place in self._open[source].pop((block, epoch)):
            key, window_start_ms, series_id = place
            window = self._series[key].windows[window_start_ms]
            window.summed = None
            yield place, window.open.pop((source, block, epoch, series_id))[1]

    def of(self, grouping: str) -> Iterator[Series]:
        """The series of a grouping set."""
        return (series for series in list(self._series.values()) if series.grouping == grouping)

    def forget(self, before_ms: int, grouping: str | None = None) -> list[Series]:
        """Drop the windows of a grouping set (by default of all) that end by `before_ms`, and series without any;
        returns those series."""
        gone = []
        for name in list(self._ends) if grouping is None else [grouping] if grouping in self._ends else []:
            for end_ms in self._ends[name].take(before_ms):
                for series in self._ending.pop((name, end_ms)):
                    start_ms = end_ms - series.window_ms
                    self._forget_places(series.windows.pop(start_ms), series.key, start_ms)
                    if not series.windows:
                        gone.append(self._series.pop(series.key))
        return gone

    def _forget_places(self, window: _Window, key: _SeriesKey, start_ms: int) -> None:
        for source, block, epoch, series_id in window.open:
            places = self._open[source][block, epoch]
            del places[key, start_ms, series_id]
            if not places:
                del self._open[source][block, epoch]
