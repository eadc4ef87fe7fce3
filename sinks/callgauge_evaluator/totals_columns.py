"""A column of a statement's answer: what it is computed by, and where of a series' sums it is put."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["SumColumn", "into_buckets", "into_count", "into_errors", "into_part", "put_used"]


@dataclass(frozen=True)
class SumColumn:
    """See above."""

    sql: str
    put: Callable[[Totals, Any], None]


def into_count(name: str) -> Callable[[Totals, Any], None]:
    """A count of this name."""

    def put(totals: Totals, value: Any) -> None:
        totals.counts[name] = int(value)

    return put


def into_part(measure: str, part: str, kind: Callable[[Any], Any] = int) -> Callable[[Totals, Any], None]:
    """A part of a measure, such as its sum."""

    def put(totals: Totals, value: Any) -> None:
        setattr(totals.measures.setdefault(measure, MeasureTotals()), part, kind(value))

    return put


def into_buckets(measure: str) -> Callable[[Totals, Any], None]:
    """The buckets of its histogram."""

    def put(totals: Totals, value: Any) -> None:
        buckets = {int(bucket): int(count) for bucket, count in value.items()}
        totals.measures.setdefault(measure, MeasureTotals()).buckets = Counter(buckets)

    return put


def put_used(totals: Totals, value: Any) -> None:
    """The share of a rate limit that is used, in millionths."""
    totals.rate_limit_used_ppm = int(value)


def into_errors(totals: Totals, found: Mapping[str, Any]) -> None:
    """Errors by type."""
    totals.errors.update({name: int(count) for name, count in found.items()})
