"""The totals of a row, read off it plainly: what the columns that detect keeps are compared with."""

from __future__ import annotations

from collections import Counter
from typing import Any

from callgauge.counted import OUTCOME_COUNTS, TOKEN_SUMS
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["totals_of"]

_SUMMED = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)


def totals_of(row: Any, measures: frozenset[str]) -> Totals:
    """Of one decoded `WindowRow`, of the named measures only."""
    return Totals(
        counts=Counter({name: getattr(row, name) for name in _SUMMED}),
        errors=Counter(row.errors),
        rate_limit_used_ppm=row.rate_limit_used_max_ppm,
        measures={name: _measure_of(measure) for name, measure in row.measures.items() if name in measures},
    )


def _measure_of(measure: Any) -> MeasureTotals:
    histogram = measure.histogram
    buckets = Counter({int(bucket): count for bucket, count in histogram.buckets.items()})
    return MeasureTotals(
        measure.count, measure.sum, measure.max, measure.max_event_id, histogram.zero_count, buckets
    )  # fmt: skip
