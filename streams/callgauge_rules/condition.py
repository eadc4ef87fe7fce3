"""A rule's condition, judged for many series at once: columns of sums in, booleans out.

It gives the same as the detector `Threshold` on the aggregate of each single series. Of a percentile not even the
histograms are needed for that. A quantile is the value of one bucket (callgauge_windows.histogram), and those ascend;
so whether it is beyond a limit follows from how many events lie in buckets up to the limit:

    rank = floor(q * (n - 1));   quantile <= limit  <=>  rank < events in buckets whose value <= limit

Such a number is a sum like any other: it is counted when a row comes ("latency.at_most.511": events of at most bucket
511, those with value 0 included), and added up over windows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

import numpy as np

from callgauge_detectors.threshold import Op
from callgauge_rules.aggregates import Aggregate
from callgauge_rules.formulas import Bools, Column, Int64s, Percentile, Quotient
from callgauge_windows.signed import SIGNED_KEYS

__all__ = ["Condition"]

# The buckets that a row can have.
_BUCKETS = range(-(1 << 15), (1 << 15) - 1)
_OPS: dict[Op, Callable[..., Bools]] = {
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


class Condition:
    """`aggregate op limit`, of at least `min_count` events."""

    def __init__(self, aggregate: Aggregate, op: Op, limit: float, min_count: int) -> None:
        self._op, self._limit, self._min_count, self._events = op, limit, min_count, aggregate.events
        self._formula = aggregate.formula
        self._below, self._up_to, self._all = "", "", ""
        if isinstance(self._formula, Percentile):
            self._below, self._up_to = _bounds(self._formula, limit)
            self._all = _at_most(self._formula.measure, _buckets_of(self._formula)[-1] + 1)

    @property
    def sums(self) -> tuple[str, ...]:
        """The names of the sums that it needs."""
        if isinstance(self._formula, Quotient):
            return tuple(sorted({"n", self._events, *self._formula.sums}))
        up_to = {self._up_to} if self._op in ("gt", "le", "eq", "ne") else set()
        below = {self._below} if self._op in ("ge", "lt", "eq", "ne") else set()
        return tuple(sorted({"n", self._events, self._all, *up_to, *below} - {""}))

    def holds(self, column: Column) -> Bools:
        """Whether it holds, for each series."""
        enough = column(self._events) >= self._min_count
        if isinstance(self._formula, Quotient):
            values, known = self._formula.of_columns(column)
            beyond: Bools = _OPS[self._op](values, self._limit)
        else:
            n = column(self._all)
            known = n != 0
            beyond = self._beyond(np.floor(self._formula.q * (n - 1)).astype(np.int64), column)
        return enough & known & beyond

    def _beyond(self, rank: Int64s, column: Column) -> Bools:
        """Whether the quantile of this rank is beyond the limit."""

        def among(name: str) -> Bools:
            return rank < column(name) if name else np.zeros(len(rank), dtype=np.bool_)

        match self._op:
            case "gt":
                return ~among(self._up_to)
            case "le":
                return among(self._up_to)
            case "ge":
                return ~among(self._below)
            case "lt":
                return among(self._below)
            case "eq":
                return among(self._up_to) & ~among(self._below)
            case "ne":
                return ~among(self._up_to) | among(self._below)


def _bounds(of: Percentile, limit: float) -> tuple[str, str]:
    """The sums that count events of values below a limit, and of values up to it; "" where no value can be."""
    buckets = _buckets_of(of)
    below = bisect_left(buckets, limit, key=of.value_of) + buckets[0] - 1
    up_to = bisect_right(buckets, limit, key=of.value_of) + buckets[0] - 1
    some_below, some_up_to = of.signed or limit > 0, of.signed or limit >= 0
    return _at_most(of.measure, below) if some_below else "", _at_most(of.measure, up_to) if some_up_to else ""


def _buckets_of(of: Percentile) -> range:
    return SIGNED_KEYS if of.signed else _BUCKETS


def _at_most(measure: str, bucket: int) -> str:
    return f"{measure}.at_most.{bucket}"
