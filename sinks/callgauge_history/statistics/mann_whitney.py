"""Mann-Whitney U: are the values of B larger than those of A? With the size of the effect and its uncertainty.

    U          pairs with b > a, ties counted half
    delta      P(B > A) - P(B < A) = 2 U / (n m) - 1         Cliff's delta: -1 ... 1, 0 when neither is larger
    shift      median of all b - a                           Hodges-Lehmann, in the unit of the values
    p          of the hypothesis that both have one distribution, two-sided, normal approximation with ties

The interval of delta is delta +- z * se, with the variance of placements (DeLong): each value's share of the other
group that lies below it, less that above it. The interval of the shift is made of the order statistics of the
differences whose ranks are n m / 2 -+ z sqrt(n m (n + m + 1) / 12).

Sources: Mann and Whitney 1947; Cliff 1993; Hodges and Lehmann 1963; Lehmann, Nonparametrics, section 2.4; DeLong,
DeLong and Clarke-Pearson 1988. The words for sizes (negligible below 0.147, small 0.33, medium 0.474): Romano et al.,
2006.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from callgauge_history.statistics.differences import Floats, kth_difference

__all__ = ["Comparison", "Size", "compare", "delta_of", "size_of"]

Size = Literal["negligible", "small", "medium", "large"]


@dataclass(frozen=True)
class Comparison:
    """B against A.

    Attributes:
        delta, delta_low, delta_high: Cliff's delta and its interval.
        variance: of delta.
        shift, shift_low, shift_high: Hodges-Lehmann, in the unit of the values.
        p: two-sided.
    """

    n_a: int
    n_b: int
    u: float
    p: float
    delta: float
    delta_low: float
    delta_high: float
    variance: float
    shift: float
    shift_low: float
    shift_high: float

    @property
    def size(self) -> Size:
        """The effect in a word."""
        return size_of(self.delta)


def compare(a: Floats, b: Floats, alpha: float = 0.05) -> Comparison:
    """Compare two samples of at least two values each.

    Args:
        alpha: intervals have a confidence of 1 - alpha, each by itself, for a size that was fixed before.
    """
    result = stats.mannwhitneyu(b, a, alternative="two-sided", method="asymptotic")
    delta, variance = delta_of(a, b)
    z = float(stats.norm.ppf(1 - alpha / 2))
    n, m = len(a), len(b)
    half = z * math.sqrt(n * m * (n + m + 1) / 12)
    low, high = max(0, math.floor(n * m / 2 - half)), min(n * m - 1, math.ceil(n * m / 2 + half) - 1)
    reach = z * math.sqrt(variance)
    p = float(result.pvalue)
    return Comparison(
        n_a=n,
        n_b=m,
        u=float(result.statistic),
        p=1.0 if math.isnan(p) else p,  # all values are equal
        delta=delta,
        delta_low=max(-1.0, delta - reach),
        delta_high=min(1.0, delta + reach),
        variance=variance,
        shift=_median_difference(a, b),
        shift_low=kth_difference(a, b, low),
        shift_high=kth_difference(a, b, high),
    )


def delta_of(a: Floats, b: Floats) -> tuple[float, float]:
    """Cliff's delta of B against A, and its variance."""
    of_b, of_a = _placements(b, a), _placements(a, b)
    delta = float(of_b.mean())
    return delta, float(of_b.var(ddof=1) / len(b) + of_a.var(ddof=1) / len(a))


def size_of(delta: float) -> Size:
    """A delta in a word."""
    for most, size in ((0.147, "negligible"), (0.33, "small"), (0.474, "medium")):
        if abs(delta) < most:
            return size  # type: ignore[return-value]  # one of the words above
    return "large"


def _placements(values: Floats, others: Floats) -> Floats:
    """Of each value: the share of the others below it, less the share above it."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    found: Floats = (below + up_to - len(others)) / len(others)
    return found


def _median_difference(a: Floats, b: Floats) -> float:
    count = len(a) * len(b)
    middle = kth_difference(a, b, count // 2)
    return middle if count % 2 else (middle + kth_difference(a, b, count // 2 - 1)) / 2
