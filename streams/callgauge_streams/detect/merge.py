"""Rows into windows: rows of open blocks are kept by identity, those of ended blocks are folded into the window.

Whoever merges rows keeps the row with the largest `n` per identity and adds rows of different identities. A block's
complete summary comes after all its rows, so the identities of a folded block can be forgotten and whatever comes of
it later (a worker that reads the block again, a zombie) is ignored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from callgauge_streams.detect.totals import Totals

__all__ = ["Series", "Windows"]

SeriesKey = tuple[str, int]
_BlockKey = tuple[str, int, str]


@dataclass(slots=True)
class _Window:
    folded: Totals = field(default_factory=Totals)
    open: dict[_BlockKey, tuple[int, Totals]] = field(default_factory=dict)


@dataclass(slots=True)
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
        """What the windows in [start_ms, end_ms) add up to."""
        totals = Totals()
        for start in range(start_ms, end_ms, self.window_ms):
            if window := self.windows.get(start):
                totals.add(window.folded)
                for _, part in window.open.values():
                    totals.add(part)
        return totals


class Windows:
    """All series of one partition of the windows topic.

    Args:
        measures: the measured quantities that rules ask for.
    """

    def __init__(self, measures: frozenset[str]) -> None:
        self._measures = measures
        self._series: dict[SeriesKey, Series] = {}
        self._open: dict[_BlockKey, set[tuple[SeriesKey, int]]] = defaultdict(set)
        self._folded_to: dict[str, int] = {}

    def put(self, row: Any) -> Series | None:
        """Take a row; returns its series, None when the row is old news."""
        block = (row.source, row.block, row.epoch)
        if row.block <= self._folded_to.get(row.source, -1):
            return None
        key = (row.grouping, row.series_id)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(row.grouping, row.labels, row.window_ms)
        window = series.windows.setdefault(row.window_start_ms, _Window())
        if block in window.open and window.open[block][0] >= row.n:
            return None
        window.open[block] = (row.n, Totals.of_row(row, self._measures))
        self._open[block].add((key, row.window_start_ms))
        return series

    def fold(self, summary: Any) -> None:
        """A block has ended: its rows become part of their windows."""
        block = (summary.source, summary.block, summary.epoch)
        self._folded_to[summary.source] = max(summary.block, self._folded_to.get(summary.source, -1))
        for key, start_ms in self._open.pop(block, ()):
            window = self._series[key].windows.get(start_ms) if key in self._series else None
            if window and block in window.open:
                window.folded.add(window.open.pop(block)[1])

    def of(self, grouping: str) -> Iterator[Series]:
        """The series of a grouping set."""
        return (series for series in list(self._series.values()) if series.grouping == grouping)

    def forget(self, before_ms: int) -> list[Series]:
        """Drop windows that end by `before_ms`, and series without any; returns those series."""
        gone = []
        for key, series in list(self._series.items()):
            for start in [start for start in series.windows if start + series.window_ms <= before_ms]:
                del series.windows[start]
            if not series.windows:
                gone.append(self._series.pop(key))
        return gone
