"""What rows add up to: the totals of one series over any union of windows, blocks and sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from callgauge.counted import OUTCOME_COUNTS, TOKEN_SUMS

__all__ = ["MeasureTotals", "Totals"]

_SUMMED = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)


@dataclass(slots=True)
class MeasureTotals:
    """One measured quantity, in the units of `callgauge.counted.MEASURES`."""

    count: int = 0
    sum: int = 0
    max: int = 0
    max_event_id: str = ""
    zero_count: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, other: MeasureTotals) -> None:
        """Add another's events; the sum is the same in whatever order parts are added."""
        larger = other.max > self.max or (other.max == self.max and other.max_event_id < self.max_event_id)
        if other.count and (larger or not self.count):
            self.max, self.max_event_id = other.max, other.max_event_id
        self.count += other.count
        self.sum += other.sum
        self.zero_count += other.zero_count
        self.buckets.update(other.buckets)


@dataclass(slots=True)
class Totals:
    """Everything a rule may ask of a series."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rate_limit_used_ppm: int = 0
    measures: dict[str, MeasureTotals] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Events."""
        return self.counts["n"]

    def add(self, other: Totals) -> None:
        """Add another's events."""
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        self.rate_limit_used_ppm = max(self.rate_limit_used_ppm, other.rate_limit_used_ppm)
        for name, measure in other.measures.items():
            self.measures.setdefault(name, MeasureTotals()).add(measure)

    @classmethod
    def of_row(cls, row: Any, measures: frozenset[str]) -> Totals:
        """A row's totals, of the named measures only.

        Args:
            row: a decoded `WindowRow`.
            measures: what the loaded rules ask for; the rest would only take memory.
        """
        return cls(
            counts=Counter({name: getattr(row, name) for name in _SUMMED}),
            errors=Counter(row.errors),
            rate_limit_used_ppm=row.rate_limit_used_max_ppm,
            measures={
                name: MeasureTotals(
                    measure.count,
                    measure.sum,
                    measure.max,
                    measure.max_event_id,
                    measure.histogram.zero_count,
                    Counter({int(bucket): count for bucket, count in measure.histogram.buckets.items()}),
                )
                for name, measure in row.measures.items()
                if name in measures
            },
        )
