"""What detect keeps of a row: only the sums that loaded rules name, as one line of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from callgauge.counted import MEASURES
from callgauge.schema import ErrorType
from callgauge_rules.bound import BoundRule
from callgauge_windows.compiled import compiled
from callgauge_windows.row_batch import COUNTS, RowBatch

__all__ = ["VERSION", "Columns"]

Int64s = npt.NDArray[np.int64]

#: The version of a row: of those of one identity the one with the largest counts. Of calls it is "n".
VERSION = "version"
#: Columns of which the largest counts; all others are added up.
_LARGEST = ("rate_limit_used_max_ppm",)


@dataclass(frozen=True)
class Columns:
    """Which numbers are kept of each row of a grouping set.

    Attributes:
        names: as `callgauge_rules.formulas` and `condition` name sums: the version of a row first, which is "n" unless
            there are scores, those of which the largest counts last.
        added: so many are added up.
        evidence: measure -> whether its histogram is needed; in any case the event of its largest value is.
    """

    names: tuple[str, ...]
    added: int
    evidence: dict[str, bool]

    @classmethod
    def of_names(cls, names: Iterable[str], evidence: dict[str, bool], *, scores: bool = False) -> Columns:
        """Columns of these names, and "n".

        Args:
            scores: rows of scores come too. They count no calls, so that a row's version has a column of its own.
        """
        wanted = set(names)
        added = [*([VERSION] if scores else []), "n", *sorted(wanted - {"n", *_LARGEST})]
        return cls((*added, *(name for name in _LARGEST if name in wanted)), len(added), evidence)

    @classmethod
    def of_rules(cls, rules: Sequence[BoundRule]) -> Columns:
        """What these rules need."""
        evidence: dict[str, bool] = {}
        conditions = [condition for rule in rules for condition in rule.conditions]
        for condition in conditions:
            if measure := condition.aggregate.measure:
                evidence[measure] = evidence.get(measure, False) or condition.needs_histogram
        names = {name for condition in conditions for name in condition.sums}
        return cls.of_names(names, evidence, scores=any(condition.aggregate.of_scores for condition in conditions))

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
    if name == VERSION:
        return batch.column(VERSION if VERSION in batch.names else "n")
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
