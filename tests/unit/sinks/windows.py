"""Window rows made from values, by the definitions in the schema and with NumPy, not by rollup's code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from callgauge.schema import Histogram, Measure, ScoreRow, SignedHistogram, WindowRow


def histogram_of(values: Sequence[int], scale: int) -> Histogram:
    """Bucket i: (base^i, base^(i+1)], base = 2^(2^-scale)."""
    positive = np.array([value for value in values if value > 0], float)
    indices = np.ceil(np.log2(positive) * 2.0**scale).astype(int) - 1
    buckets = dict(zip(*(part.tolist() for part in np.unique(indices, return_counts=True)), strict=True))
    return Histogram(
        scale=scale, zero_count=len(values) - len(positive), buckets={str(i): count for i, count in buckets.items()}
    )


def window_row(latencies_ms: Sequence[float], *, scale: int = 5, **changes: Any) -> WindowRow:
    """A row of these successful calls."""
    values = [round(ms * 1e3) for ms in latencies_ms]
    measure = Measure(
        count=len(values),
        sum=sum(values),
        sum_sq=sum(round(ms) ** 2 for ms in latencies_ms),
        min=min(values),
        max=max(values),
        max_event_id="slowest",
        histogram=histogram_of(values, scale),
    )
    row: dict[str, Any] = {
        "grouping": "model@10s", "series_id": 2**64 - 1, "window_start_ms": 1_700_000_000_000, "window_ms": 10_000,
        "source": "c/t/0", "block": 0, "epoch": "e1", "n": len(values), "labels": {"model": "m"},
        "measures": {"latency": measure},
    }  # fmt: skip
    return WindowRow(**row | changes)


def score_row(values: Sequence[float], *, scale: int = 5, **changes: Any) -> ScoreRow:
    """A row of these scores."""
    micros = [round(value * 1e6) for value in values]
    positive = histogram_of([value for value in micros if value >= 0], scale)
    negative = histogram_of([-value for value in micros if value < 0], scale)
    row: dict[str, Any] = {
        "grouping": "model@10s", "series_id": 2**64 - 1, "window_start_ms": 1_700_000_000_000, "window_ms": 10_000,
        "source": "c/s/0", "block": 0, "epoch": "e1", "name": "helpfulness", "origin": "judge", "n": len(values),
        "labels": {"model": "m"}, "sum": sum(micros), "min": min(micros), "max": max(micros), "min_event_id": "worst",
        "sum_sq": sum(round(min(abs(value), 1e4) ** 2 * 1e6) for value in values),
        "histogram": SignedHistogram(**positive.model_dump(), negative=negative.buckets),
    }  # fmt: skip
    return ScoreRow(**row | changes)
