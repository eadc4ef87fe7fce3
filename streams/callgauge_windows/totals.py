"""What rows add up to: the totals of one series over any union of windows, blocks and sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["MeasureTotals", "Totals"]


@dataclass(slots=True)
class MeasureTotals:
    """One measured quantity, in the units of `callgauge.counted.MEASURES`; or a score, in millionths.

    Of a score the buckets are those of `callgauge_windows.signed`, and `max` is minus the lowest value, since the
    lowest score is the one to look at.
    """

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
    """Everything a rule may ask of a series.

    Attributes:
        scores: sums of scores that are known without their histograms, by their names (see `sum_of`).
    """

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rate_limit_used_ppm: int = 0
    measures: dict[str, MeasureTotals] = field(default_factory=dict)
    scores: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        """Events."""
        return self.counts["n"]

    def sum_of(self, name: str) -> int:
        """One of its numbers, by the name it has in a row's columns: "cache_hits", "error.timeout", "cost.sum",
        "cost.count", "rate_limit_used_max_ppm"; "errors", those of all types; and of a score "score.toxicity.count",
        "score.toxicity{origin=judge}.sum", "score.toxicity.at_most.0" (see `callgauge_windows.signed`)."""
        if name.startswith("score."):
            return self._score_sum(name)
        of, _, part = name.partition(".")
        match of, part:
            case "errors", "":
                return self.errors.total()
            case "error", _:
                return self.errors[part]
            case "rate_limit_used_max_ppm", _:
                return self.rate_limit_used_ppm
            case _, "":
                return self.counts[name]
        return getattr(self.measures[of], part) if of in self.measures else 0

    def _score_sum(self, name: str) -> int:
        if name in self.scores:
            return self.scores[name]
        of, _, bound = name.partition(".at_most.")
        if bound:
            buckets = self.measures[of].buckets if of in self.measures else {}
            return sum(count for key, count in buckets.items() if key <= int(bound))
        of, _, part = name.rpartition(".")
        return getattr(self.measures[of], part) if of in self.measures else 0

    def add(self, other: Totals) -> None:
        """Add another's events."""
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        self.scores.update(other.scores)
        self.rate_limit_used_ppm = max(self.rate_limit_used_ppm, other.rate_limit_used_ppm)
        for name, measure in other.measures.items():
            self.measures.setdefault(name, MeasureTotals()).add(measure)
