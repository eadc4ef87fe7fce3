"""A baseline: plain mean ± 3 standard deviations of the last 24 hours, minute by minute, of every number of a series.

It pages when a minute lies outside, and again only after five minutes inside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.firing import Firing

__all__ = ["ThreeSigma"]

_GROUPINGS = ("service@10s", "model@10s")
_MINUTES, _LEAST = 1_440, 120
_SIGMAS, _INSIDE = 3.0, 5
_TOLD_AFTER_S = 3.0

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
    """Collects rows, then judges all of them."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, Any, Floats]]] = defaultdict(list)
        self._labels: dict[int, dict[str, str]] = {}

    @property
    def series(self) -> int:
        """How many series it judges."""
        return len(self._labels)

    def take(self, batch: RowBatch) -> None:
        """Rows of one grouping set."""
        if batch.grouping not in _GROUPINGS:
            return
        errors = sum(batch.map_columns("error").values(), np.zeros(len(batch), dtype=np.int64))
        columns = [errors if name == "errors" else batch.column(name) for name in _COLUMNS]
        minutes = batch.column("window_start_ms") // 60_000
        self._rows[batch.grouping].append(
            (batch.series_id.copy(), minutes, np.column_stack(columns).astype(np.float64))
        )
        for at in np.unique(batch.series_id, return_index=True)[1].tolist():
            key = int(batch.series_id[at])
            if key not in self._labels:
                self._labels[key] = {
                    name: values[int(batch.column(f"label.{name}")[at])] for name, values in batch.label_values.items()
                }

    def firings(self) -> list[Firing]:
        """What it would have told."""
        return [firing for rows in self._rows.values() for firing in self._judged(rows)]

    def _judged(self, rows: list[tuple[Any, Any, Floats]]) -> Iterator[Firing]:
        ids, minutes = (np.concatenate([row[at] for row in rows]) for at in (0, 1))
        values = np.concatenate([row[2] for row in rows])
        first, last = int(minutes.min()), int(minutes.max())
        for key in np.unique(ids).tolist():
            own = ids == key
            sums = np.zeros((last - first + 1, len(_COLUMNS)))
            np.add.at(sums, minutes[own] - first, values[own])
            for name, (above, per) in _NUMBERS.items():
                number = sums[:, _COLUMNS.index(above)]
                if per:
                    below = sums[:, _COLUMNS.index(per)]
                    number = np.divide(number, below, out=np.full(len(number), np.nan), where=below > 0)
                for minute in _alarms(number):
                    at_s = (first + minute + 1) * 60.0 + _TOLD_AFTER_S
                    yield Firing(f"3σ {name}", name, self._labels[int(key)], at_s, page=True, lookback_s=60.0)


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
