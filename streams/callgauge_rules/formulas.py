"""What an aggregate computes, said once: of the totals of one series, or of the columns of many series at once.

A formula names the sums it needs as `callgauge_windows.totals.Totals.sum_of` does: "n", "cache_hits", "errors",
"error.timeout", "cost.sum", "cost.count". What it gives for columns is bit by bit what it gives for single totals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.histogram import estimate, quantile
from callgauge_windows.signed import signed_estimate
from callgauge_windows.totals import Totals

__all__ = ["Column", "Percentile", "Quotient"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Column = Callable[[str], Int64s]
"""Gives the sums of this name, one for each series."""

# Integers up to here are floats without loss.
_EXACT = 1 << 53


@dataclass(frozen=True, slots=True)
class Quotient:
    """(top + plus) / per * factor + offset; nothing to judge while `per` is 0.

    Attributes:
        top: name of a sum.
        plus: name of another one, "" for none.
        per: name of a sum; "": `top` is divided by `divisor` instead.
        needs: name of a sum without which there is nothing to judge, "" for none; with `per` it is that one.
    """

    top: str
    per: str = ""
    factor: float = 1.0
    divisor: float = 1.0
    needs: str = ""
    plus: str = ""
    offset: float = 0.0

    @property
    def sums(self) -> tuple[str, ...]:
        """The names of what it is computed from."""
        return tuple(name for name in (self.top, self.plus, self.per, self.needs) if name)

    def of(self, totals: Totals) -> float | None:
        """The value; None if there is nothing to judge."""
        if (needed := self.per or self.needs) and not totals.sum_of(needed):
            return None
        top = totals.sum_of(self.top) + (totals.sum_of(self.plus) if self.plus else 0)
        return top / (totals.sum_of(self.per) if self.per else self.divisor) * self.factor + self.offset

    def of_columns(self, column: Column) -> tuple[npt.NDArray[np.float64], Bools]:
        """The value for each series, and whether there is anything to judge (where not, the value means nothing)."""
        top = column(self.top) + column(self.plus) if self.plus else column(self.top)
        needed = self.per or self.needs
        known = column(needed) != 0 if needed else np.ones(len(top), dtype=np.bool_)
        per: Any = np.where(known, column(self.per), 1) if self.per else self.divisor
        values = top / per
        if self.per:
            for at in np.flatnonzero((np.abs(top) > _EXACT) | (per > _EXACT)).tolist():
                values[at] = int(top[at]) / int(per[at])  # Python rounds once, NumPy each number first
        return values * self.factor + self.offset, known


@dataclass(frozen=True, slots=True)
class Percentile:
    """The q-quantile of a measure, times a factor.

    Attributes:
        signed: the buckets are those of `callgauge_windows.signed`.
    """

    measure: str
    q: float
    factor: float
    signed: bool = False

    def value_of(self, bucket: int) -> float:
        """The value that a bucket stands for."""
        return (signed_estimate(bucket) if self.signed else estimate(bucket)) * self.factor

    def of(self, totals: Totals) -> float | None:
        """The value; None if there is nothing to judge."""
        measured = totals.measures.get(self.measure)
        return quantile(measured.zero_count, measured.buckets, self.q, self.value_of) if measured else None
