"""The last values of a series, for the picture in an alert: the aggregate over the lookback, at each of up to 60 steps.

windows     . a b c d e f           kept from a on
lookback          [     ]           value at the end of f:  c + d + e + f
                [     ]             ... of e:  b + c + d + e
              [   ]                 of c only part of the lookback is kept: a mean or share of that part is shown,
                                    a count is left out
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from callgauge_rules.bound import BoundCondition
from callgauge_rules.formulas import Percentile, Quotient
from callgauge_streams.detect.cells import Cells
from callgauge_windows.histogram import quantile

__all__ = ["MOST_POINTS", "points_of"]

Int64s = npt.NDArray[np.int64]

MOST_POINTS = 60
# More windows than these are not looked at for a picture: it covers less time then.
_MOST_CELLS = 2_000


def points_of(condition: BoundCondition, cells: Cells, slot: int, at_ms: int) -> tuple[tuple[float, float], ...]:
    """Pairs of epoch seconds and value, oldest first."""
    step_ms, lookback_ms = condition.every_ms, condition.lookback_ms
    begin_ms = cells.begin_ms(lookback_ms, at_ms - (MOST_POINTS - 1) * step_ms)
    found = [(start, cell) for cell, start in cells.windows(slot, _MOST_CELLS) if begin_ms <= start < at_ms][::-1]
    if not found:
        return ()
    starts = np.array([start for start, _ in found])
    ends = np.arange(at_ms - (MOST_POINTS - 1) * step_ms, at_ms + 1, step_ms)
    # What is kept as minutes or hours cannot be added up to a time within them.
    ends = ends[ends >= cells.fine_from_ms]
    begins = cells.begin_ms(lookback_ms, ends)
    whole = begins >= starts[0] if condition.aggregate.counts else ends > starts[0]
    ends, begins = ends[whole], begins[whole]
    first, last = np.searchsorted(starts, begins), np.searchsorted(starts, ends)
    which = np.array([cell for _, cell in found])
    formula = condition.aggregate.formula
    if isinstance(formula, Percentile):
        values = _percentiles(formula, cells, which, first, last)
    else:
        values = _quotients(formula, cells, which, first, last)
    return tuple((end / 1000, value) for end, value in zip(ends.tolist(), values, strict=True) if value is not None)


def _quotients(formula: Quotient, cells: Cells, which: Int64s, first: Int64s, last: Int64s) -> list[float | None]:
    lines, added = cells.lines(which), cells.columns.added
    summed = np.vstack([np.zeros((1, lines.shape[1]), dtype=np.int64), np.cumsum(lines, axis=0)])

    def column(name: str) -> Int64s:
        at = cells.columns.names.index(name)
        if at < added:
            sums: Int64s = summed[last, at] - summed[first, at]
            return sums
        most = [int(lines[i:j, at].max(initial=0)) for i, j in zip(first, last, strict=True)]
        return np.array(most, dtype=np.int64)

    values, known = formula.of_columns(column)
    return [value if is_known else None for value, is_known in zip(values.tolist(), known.tolist(), strict=True)]


def _percentiles(formula: Percentile, cells: Cells, which: Int64s, first: Int64s, last: Int64s) -> list[float | None]:
    parts = [cells.histogram(formula.measure, int(cell)) for cell in which]
    zeros, buckets, found = 0, Counter[int](), []
    bounds = [(0, 0), *zip(first.tolist(), last.tolist(), strict=True)]
    for (old_first, old_last), (new_first, new_last) in pairwise(bounds):
        for part_zeros, part in parts[old_last:new_last]:
            zeros += part_zeros
            buckets.update(part)
        for part_zeros, part in parts[old_first:new_first]:
            zeros -= part_zeros
            buckets.subtract(part)
        found.append(quantile(zeros, +buckets, formula.q, formula.value_of))
    return found
