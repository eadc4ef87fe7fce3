"""A baseline: plain mean ± 3 standard deviations of the last 24 hours, minute by minute, of every number of a series.

It pages when a minute lies outside, and again only after five minutes inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.firing import Firing

__all__ = ["ThreeSigma", "note_labels"]

_GROUPINGS = ("service@10s", "model@10s")
_MINUTES, _LEAST = 1_440, 120
_SIGMAS, _INSIDE = 3.0, 5
_TOLD_AFTER_S = 3.0
# After the calls that begin in the load others end, and some come late.
_BEYOND = 180

Floats = npt.NDArray[np.float64]

#: Aggregate -> the columns of which it is the quotient; per None: a sum.
_NUMBERS = {
    "calls": ("n", None),
    "error_rate": ("errors", "n"),
    "cache_hit_rate": ("cache_hits", "n"),
    "fallback_rate": ("fallbacks", "n"),
    "latency_mean_ms": ("latency.sum", "latency.count"),
    "ttft_mean_ms": ("ttft.sum", "ttft.count"),
    "output_tokens_mean": ("output_tokens.sum", "output_tokens.count"),
    "cost_usd": ("cost.sum", None),
}
_COLUMNS = sorted({name for pair in _NUMBERS.values() for name in pair if name})


class ThreeSigma:
    """Adds rows up, then judges all minutes.

    Args:
        days: how long the load is.
    """

    def __init__(self, days: float) -> None:
        self._minutes = int(days * 1_440) + _BEYOND
        self._first: int | None = None
        self._sums: dict[int, Floats] = {}
        self.series: dict[int, dict[str, str]] = {}
        """Labels of each series that it judges."""

    def take(self, offset: int, timestamp_ms: int, record: Any) -> None:
        """Take the log's next record."""
        if isinstance(record, RowBatch) and record.grouping in _GROUPINGS:
            note_labels(self.series, record)
            self._add(record)

    def _add(self, batch: RowBatch) -> None:
        errors = sum(batch.map_columns("error").values(), np.zeros(len(batch), dtype=np.int64))
        columns = [errors if name == "errors" else batch.column(name) for name in _COLUMNS]
        minutes = batch.column("window_start_ms") // 60_000
        if self._first is None:
            self._first = int(minutes.min()) - 60
        values = np.column_stack(columns).astype(np.float64)
        for at, (key, minute) in enumerate(
            zip(batch.series_id.tolist(), (minutes - self._first).tolist(), strict=True)
        ):
            if key not in self._sums:
                self._sums[key] = np.zeros((self._minutes, len(_COLUMNS)))
            if 0 <= minute < self._minutes:
                self._sums[key][minute] += values[at]

    @property
    def firings(self) -> list[Firing]:
        """What it would have told."""
        return [firing for key, sums in self._sums.items() for firing in self._judged(self.series[key], sums)]

    def _judged(self, labels: dict[str, str], sums: Floats) -> Iterator[Firing]:
        last = int(np.flatnonzero(sums[:, _COLUMNS.index("n")])[-1]) + 1
        for name, (above, per) in _NUMBERS.items():
            number = sums[:last, _COLUMNS.index(above)]
            if per:
                below = sums[:last, _COLUMNS.index(per)]
                number = np.divide(number, below, out=np.full(len(number), np.nan), where=below > 0)
            for minute in _alarms(number):
                at_s = ((self._first or 0) + minute + 1) * 60.0 + _TOLD_AFTER_S
                yield Firing(f"3σ {name}", name, labels, at_s, page=True, lookback_s=60.0)


def note_labels(known: dict[int, dict[str, str]], batch: RowBatch) -> None:
    """Take note of the labels of the series of a batch that are not known yet."""
    ids: Any = batch.series_id.tolist()
    for at, key in enumerate(ids):
        if key not in known:
            known[key] = {
                name: values[int(batch.column(f"label.{name}")[at])] for name, values in batch.label_values.items()
            }


def _alarms(number: Floats) -> list[int]:
    """Places at which an alarm begins."""
    known = ~np.isnan(number)
    filled = np.where(known, number, 0.0)
    count, total, square = (_trailing(each) for each in (known.astype(np.float64), filled, filled**2))
    mean = total / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0.0))
    outside = known & (count >= _LEAST) & (np.abs(filled - mean) > np.maximum(_SIGMAS * deviation, 1e-9))
    places = np.flatnonzero(outside)
    return list(map(int, places[np.diff(places, prepend=-1_000_000) > _INSIDE]))


def _trailing(values: Floats) -> Floats:
    """The sums of the minutes before each one, at most a day."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    return sums[at] - sums[np.maximum(at - _MINUTES, 0)]  # type: ignore[no-any-return]
