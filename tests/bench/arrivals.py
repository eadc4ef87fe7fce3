"""When the rows of a window came, counted from the window's end.

    window end       rows from blocks that ended before it hold a part of the window: of no interest
    first row        the first that came after the end: from here on there is something to show
    complete         the last that came before the watermark passed: every event that was on time is in
    watermark        progress says that all sources are past the end: from here on the window may be judged

A series' rows and the progress that follows them are in one partition of the windows topic, in this order; partitions
come mixed, and so each has its own account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.report import percentile

__all__ = ["MEASURES", "Arrivals", "Window", "spread"]

#: Grouping set, series, start of the window (ms).
Key = tuple[str, int, int]
MEASURES = ("first row", "complete", "watermark")


@dataclass
class Window:
    """One window of one series; epoch seconds, None: not yet."""

    end_s: float
    first_s: float | None = None
    last_s: float | None = None
    passed_s: float | None = None
    """When the watermark had passed."""

    def latencies(self) -> dict[str, float] | None:
        """Seconds from its end to each of `MEASURES`; None where one is missing."""
        if self.first_s is None or self.last_s is None or self.passed_s is None:
            return None
        return dict(zip(MEASURES, (at - self.end_s for at in (self.first_s, self.last_s, self.passed_s)), strict=True))


class Arrivals:
    """Follows the records of the windows topic of a single worker."""

    def __init__(self) -> None:
        self.windows: dict[Key, Window] = {}
        self.after_watermark = 0
        """Rows that came when their window had been passed: of late events."""
        self._open: dict[int, set[Key]] = defaultdict(set)

    def take(self, partition: int, record: Any, at_s: float) -> None:
        """A record that was received at `at_s` (epoch seconds)."""
        if record.kind == "row":
            self._take_row(partition, record, at_s)
        elif record.kind == "progress":
            busy = [source for source in record.sources if source.holds == "calls" and not source.idle]
            if busy:
                self._pass(partition, min(source.watermark_ms for source in busy) / 1000, at_s)

    def _take_row(self, partition: int, row: Any, at_s: float) -> None:
        key = (row.grouping, row.series_id, row.window_start_ms)
        window = self.windows.get(key)
        if window is None:
            window = self.windows[key] = Window((row.window_start_ms + row.window_ms) / 1000)
            self._open[partition].add(key)
        if window.passed_s is not None:
            self.after_watermark += 1
            return
        window.last_s = at_s
        if window.first_s is None and at_s >= window.end_s:
            window.first_s = at_s

    def _pass(self, partition: int, watermark_s: float, at_s: float) -> None:
        for key in [key for key in self._open[partition] if self.windows[key].end_s <= watermark_s]:
            self.windows[key].passed_s = at_s
            self._open[partition].remove(key)

    def ended(self, begin_s: float, end_s: float) -> list[Window]:
        """The windows that ended within a time."""
        return [window for window in self.windows.values() if begin_s <= window.end_s < end_s]


def spread(windows: Sequence[Window]) -> list[dict[str, object]]:
    """A row for each of `MEASURES`: percentiles over the windows that have all of them.

    Raises:
        ValueError: there is none.
    """
    found = [latencies for window in windows if (latencies := window.latencies())]
    if not found:
        raise ValueError(f"of {len(windows)} windows none was complete: measure longer, or at a lower rate")
    rows: list[dict[str, object]] = []
    for name in MEASURES:
        ordered = sorted(latencies[name] for latencies in found)
        shares = {f"p{share * 100:g}_s": percentile(ordered, share) for share in (0.5, 0.95, 0.99)}
        rows.append({"to": name, "windows": len(ordered), **shares, "max_s": ordered[-1]})
    return rows
