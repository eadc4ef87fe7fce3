"""Two shares: their difference with Newcombe's interval, and whether it may be chance.

The interval of the difference d joins Wilson's intervals l ... u of the two shares p:

    d - sqrt((p_b - l_b)^2 + (u_a - p_a)^2)  ...  d + sqrt((u_b - p_b)^2 + (p_a - l_a)^2)

Source: Newcombe, "Interval estimation for the difference between independent proportions", 1998, method 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

__all__ = ["ShareComparison", "compare_shares"]


@dataclass(frozen=True)
class ShareComparison:
    """B less A; `p`: two-sided, chi-squared."""

    share_a: float
    share_b: float
    difference: float
    low: float
    high: float
    p: float


def compare_shares(of_a: int, n_a: int, of_b: int, n_b: int, alpha: float = 0.05) -> ShareComparison:
    """Compare `of_a` of `n_a` with `of_b` of `n_b`, both at least 1."""
    share_a, share_b = of_a / n_a, of_b / n_b
    low_a, high_a = _wilson(of_a, n_a, alpha)
    low_b, high_b = _wilson(of_b, n_b, alpha)
    difference = share_b - share_a
    all_or_none = of_a + of_b in (0, n_a + n_b)  # no chi-squared: nothing differs
    table = [[of_a, n_a - of_a], [of_b, n_b - of_b]]
    p = 1.0 if all_or_none else float(stats.chi2_contingency(table, correction=False).pvalue)
    return ShareComparison(
        share_a,
        share_b,
        difference,
        difference - math.hypot(share_b - low_b, high_a - share_a),
        difference + math.hypot(high_b - share_b, share_a - low_a),
        p,
    )


def _wilson(of: int, n: int, alpha: float) -> tuple[float, float]:
    found = stats.binomtest(of, n).proportion_ci(1 - alpha, method="wilson")
    return float(found.low), float(found.high)
