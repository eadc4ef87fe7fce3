"""Two shares: the intervals of the paper's own table, SciPy's p, and the ends of the scale."""

from __future__ import annotations

import pytest
from scipy import stats

from callgauge_history.statistics.proportions import compare_shares


@pytest.mark.parametrize(
    ("of_b", "n_b", "of_a", "n_a", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_as_in_the_paper(of_b: int, n_b: int, of_a: int, n_a: int, low: float, high: float) -> None:
    """Newcombe 1998, table II, method 10."""
    found = compare_shares(of_a, n_a, of_b, n_b)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)


def test_p_is_that_of_the_chi_squared_test() -> None:
    """Without a correction; of nothing or everything it is 1."""
    expected = stats.chi2_contingency([[30, 970], [50, 950]], correction=False).pvalue
    assert compare_shares(50, 1_000, 30, 1_000).p == pytest.approx(expected)
    assert compare_shares(0, 10, 0, 20).p == compare_shares(10, 10, 20, 20).p == 1.0
