"""What the calls of one label set add up to, and the statement that asks ClickHouse for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from callgauge.counted import OUTCOME_COUNTS
from callgauge.groupings import GroupingSet

__all__ = ["COUNTS", "HISTOGRAMS", "Distribution", "LabelValues", "Totals", "statement", "totals_by_labels"]

#: Values of the labels, in the order of the labels.
LabelValues = tuple[str, ...]

#: Columns of `windows` that are summed.
COUNTS = (
    *("n", *(count.name for count in OUTCOME_COUNTS)),
    *("input_tokens", "output_tokens_sum", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_sum"),
)
#: Measures whose histograms are added up.
HISTOGRAMS = ("latency", "ttft", "output_tokens")


@dataclass
class Distribution:
    """An exponential histogram that grows; values in the units of windows (µs, tokens)."""

    count: int = 0
    total: int = 0
    zero_count: int = 0
    scale: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, other: Self) -> None:
        """Add another one. Histograms of two scales meet only once, after a change of settings: the newer is kept."""
        if other.count and self.count and other.scale != self.scale:
            self.zero_count, self.buckets = 0, Counter()
        self.count += other.count
        self.total += other.total
        self.zero_count += other.zero_count
        self.scale = other.scale if other.count else self.scale
        self.buckets.update(other.buckets)


@dataclass
class Totals:
    """Sums over windows."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    histograms: dict[str, Distribution] = field(default_factory=lambda: {name: Distribution() for name in HISTOGRAMS})

    def add(self, other: Self) -> None:
        """Add those of other windows."""
        self.counts.update(other.counts)
        self.errors.update(other.errors)
        for name, distribution in other.histograms.items():
            self.histograms[name].add(distribution)


def statement(grouping: GroupingSet, labels: Sequence[str], from_ms: int, to_ms: int | None) -> str:
    """Ask for the sums of all windows that start in [from_ms, to_ms), by labels.

    Each row of a window counts once, and only if its epoch is the one in force, as in the view `windows_final`. The
    limits stand inside, where ClickHouse reads just the newest partition.
    """
    until = "" if to_ms is None else f" AND window_start < fromUnixTimestamp64Milli({to_ms}, 'UTC')"
    sums = [f"sum(w.{name})" for name in COUNTS]
    for name in HISTOGRAMS:
        sums += [
            f"sum(w.{name}_count)", f"sum(w.{name}_sum)", f"sum(w.{name}_zero_count)",
            f"maxIf(w.{name}_scale, w.{name}_count > 0)", f"sumMap(w.{name}_histogram)",
        ]  # fmt: skip
    names = ", ".join(f"w.{label}" for label in labels)
    # The name of a grouping set and those of labels were checked when the setting was read; the rest are numbers.
    return f"""
SELECT {names}, sumMap(w.errors), {", ".join(sums)}
FROM (
    SELECT * FROM windows FINAL
    WHERE grouping = '{grouping.name}' AND window_start >= fromUnixTimestamp64Milli({from_ms}, 'UTC'){until}
) AS w
ASOF LEFT JOIN epoch_ranges AS r ON w.source = r.source AND w.block >= r.from_offset
WHERE r.epoch_in_force = '' OR r.epoch_in_force = w.epoch
GROUP BY {names}
"""  # noqa: S608


def totals_by_labels(rows: Sequence[Sequence[Any]], labels: int) -> dict[LabelValues, Totals]:
    """Read the answer to `statement`, whose first `labels` columns are the labels."""
    return {tuple(row[:labels]): _totals(row[labels:]) for row in rows}


def _totals(row: Sequence[Any]) -> Totals:
    errors, *rest = row
    counts = Counter({name: int(value) for name, value in zip(COUNTS, rest, strict=False) if value})
    parts = rest[len(COUNTS) :]
    found = Totals(counts, _counter(errors))
    for number, name in enumerate(HISTOGRAMS):
        count, total, zero_count, scale, buckets = parts[5 * number : 5 * number + 5]
        numbered = Counter({int(index): int(value) for index, value in buckets.items()})
        found.histograms[name] = Distribution(int(count), int(total), int(zero_count), int(scale), numbered)
    return found


def _counter(values: Mapping[str, Any]) -> Counter[str]:
    return Counter({name: int(value) for name, value in values.items() if value})
