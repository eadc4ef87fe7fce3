"""What detect keeps of a row: only the sums that loaded rules name, as one line of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from callgauge.counted import MEASURES
from callgauge.schema import ErrorType
from callgauge_rules.formulas import Percentile
from callgauge_rules.rules import BoundRule
from callgauge_windows.compiled import compiled
from callgauge_windows.row_batch import COUNTS, RowBatch

__all__ = ["Columns"]

Int64s = npt.NDArray[np.int64]

#: Columns of which the largest counts; all others are added up.
_LARGEST = ("rate_limit_used_max_ppm",)


@dataclass(frozen=True)
class Columns:
    """Which numbers are kept of each row of a grouping set.

    Attributes:
        names: as `callgauge_rules.formulas` and `condition` name sums, "n" first, those of which the largest counts
            last.
        added: so many are added up.
        evidence: measure -> whether its histogram is needed; in any case the event of its largest value is.
    """

    names: tuple[str, ...]
    added: int
    evidence: dict[str, bool]

    @classmethod
    def of_names(cls, names: Iterable[str], evidence: dict[str, bool]) -> Columns:
        """Columns of these names, and "n"."""
        wanted = set(names)
        added = ["n", *sorted(wanted - {"n", *_LARGEST})]
        return cls((*added, *(name for name in _LARGEST if name in wanted)), len(added), evidence)

    @classmethod
    def of_rules(cls, rules: Sequence[BoundRule]) -> Columns:
        """What these rules need."""
        evidence: dict[str, bool] = {}
        for rule in rules:
            if measure := rule.aggregate.measure:
                histogram = isinstance(rule.aggregate.formula, Percentile)
                evidence[measure] = evidence.get(measure, False) or histogram
        return cls.of_names((name for rule in rules for name in rule.condition.sums), evidence)

    @classmethod
    def every(cls) -> Columns:
        """Everything that a rule may ask for."""
        measured = [f"{name}.{part}" for name in MEASURES for part in ("count", "sum")]
        errors = [f"error.{kind}" for kind in get_args(ErrorType)]
        return cls.of_names((*COUNTS, *errors, *measured), dict.fromkeys(MEASURES, True))

    def of(self, batch: RowBatch) -> Int64s:
        """The numbers of a batch's rows, shape (rows, columns)."""
        values = np.empty((len(batch), len(self.names)), dtype=np.int64)
        for at, name in enumerate(self.names):
            values[:, at] = _column(batch, name)
        return values


def _column(batch: RowBatch, name: str) -> Any:
    if name == "errors":
        return sum(batch.map_columns("error").values())
    measure, _, bound = name.partition(".at_most.")
    if not bound:
        return batch.column(name)
    events = batch.column(f"{measure}.zero_count").copy()
    if measure in batch.buckets:
        of = batch.buckets[measure]
        _count_up_to(of.bucket_at, of.buckets, of.counts, int(bound), events)
    return events


@compiled
def _count_up_to(bucket_at: Any, buckets: Any, counts: Any, bound: int, events: Any) -> None:
    """Add to each row's events those in buckets up to a bound."""
    for row in range(len(events)):
        for at in range(bucket_at[row], bucket_at[row + 1]):
            if buckets[at] <= bound:
                events[row] += counts[at]
