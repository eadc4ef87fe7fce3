"""What rows add up to: the totals of one series over any union of windows, blocks and sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from callgauge.counted import OUTCOME_COUNTS, TOKEN_SUMS
from callgauge_windows.row_batch import RowBatch

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
        """The totals of one decoded `WindowRow`; see `of_batch`."""
        [totals] = cls.of_batch(RowBatch.of_rows([row]), measures)
        return totals

    @classmethod
    def of_batch(cls, batch: RowBatch, measures: frozenset[str]) -> list[Totals]:
        """The totals of each row of a batch, of the named measures only.

        Args:
            measures: what the loaded rules ask for; the rest would only take memory.
        """
        counts = np.stack([batch.column(name) for name in _SUMMED], axis=1).tolist()
        errors = {kind: column.tolist() for kind, column in batch.map_columns("error").items()}
        used = batch.column("rate_limit_used_max_ppm").tolist()
        found = [
            cls(
                counts=Counter(dict(zip(_SUMMED, row, strict=True))),
                errors=Counter({kind: column[at] for kind, column in errors.items() if column[at]}),
                rate_limit_used_ppm=used[at],
            )
            for at, row in enumerate(counts)
        ]
        for name in batch.measures():
            if name in measures:
                for totals, measure in zip(found, _measures_of(batch, name), strict=True):
                    if measure is not None:
                        totals.measures[name] = measure
        return found


def _measures_of(batch: RowBatch, name: str) -> list[MeasureTotals | None]:
    """One measure of each row, None for a row that does not have it."""
    parts = [batch.column(f"{name}.{part}").tolist() for part in ("count", "sum", "max", "zero_count", "max_event")]
    ids, buckets = ["", *batch.event_ids.listed()], batch.buckets[name]
    at, keys, counts = buckets.bucket_at.tolist(), buckets.buckets.tolist(), buckets.counts.tolist()
    return [
        MeasureTotals(
            count, total, most, ids[event], zeros, Counter(dict(zip(keys[begin:end], counts[begin:end], strict=True)))
        )
        if count
        else None
        for count, total, most, zeros, event, begin, end in zip(*parts, at[:-1], at[1:], strict=True)
    ]
