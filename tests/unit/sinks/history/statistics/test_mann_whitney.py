"""Mann-Whitney with Cliff's delta and Hodges-Lehmann, against SciPy, all pairs, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from callgauge_history.statistics.differences import kth_difference
from callgauge_history.statistics.mann_whitney import compare, delta_of, size_of

VALUES = st.lists(st.integers(-5, 5) | st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=30)


def all_differences(a: list[float], b: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.sort(np.subtract.outer(np.array(b), np.array(a)).ravel())


@settings(max_examples=60)
@given(a=VALUES, b=VALUES, where=st.floats(0, 1))
def test_a_difference_of_any_rank(a: list[float], b: list[float], where: float) -> None:
    """As in the sorted list of all differences."""
    pairs = all_differences(a, b)
    k = min(len(pairs) - 1, int(where * len(pairs)))
    found = kth_difference(np.array(a, dtype=float), np.array(b, dtype=float), k)
    assert found == pytest.approx(pairs[k], rel=1e-9, abs=1e-6)


@settings(max_examples=60)
@given(a=VALUES, b=VALUES)
def test_as_scipy_and_all_pairs_have_it(a: list[float], b: list[float]) -> None:
    """U and p are SciPy's; delta is that of all pairs; the shift is their median, inside its interval."""
    found = compare(np.array(a, dtype=float), np.array(b, dtype=float))
    result = stats.mannwhitneyu(b, a, method="asymptotic")
    pairs = all_differences(a, b)
    assert found.u == result.statistic
    assert found.p == pytest.approx(result.pvalue) or (math.isnan(result.pvalue) and found.p == 1.0)
    assert found.delta == pytest.approx(float(np.sign(pairs).mean()))
    assert found.delta == pytest.approx(2 * found.u / len(pairs) - 1)
    assert found.shift == pytest.approx(float(np.median(pairs)), rel=1e-6, abs=1e-5)
    assert found.shift_low <= found.shift + 1e-5
    assert found.shift - 1e-5 <= found.shift_high


def test_the_other_way_round_it_is_the_opposite() -> None:
    """Of B against A, and of A against B."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 300), rng.normal(0.3, 2, 200)
    there, back = compare(a, b), compare(b, a)
    assert (there.delta, there.p) == pytest.approx((-back.delta, back.p))
    assert (there.shift, there.shift_low) == pytest.approx((-back.shift, -back.shift_high))


def test_a_known_shift_is_found() -> None:
    """In the unit of the values, with its size in a word."""
    rng = np.random.default_rng(2)
    a = rng.lognormal(0, 1, 4_000)
    found = compare(a, a[::-1] + 0.25)
    assert found.shift == pytest.approx(0.25, abs=0.02)
    assert found.p < 1e-6
    assert [size_of(delta) for delta in (0.1, -0.2, 0.4, 0.5)] == ["negligible", "small", "medium", "large"]


def test_intervals_cover() -> None:
    """Delta and shift of unequal, skewed groups: 95 of 100 intervals hold the truth."""
    rng = np.random.default_rng(3)
    truth = 2 * float(stats.norm.cdf(0.5 / math.sqrt(2))) - 1  # P(B > A) of two normals half a sigma apart
    held = [0, 0]
    rounds = 300
    for _ in range(rounds):
        found = compare(rng.normal(0, 1, 80), rng.normal(0.5, 1, 120))
        held[0] += found.delta_low <= truth <= found.delta_high
        held[1] += found.shift_low <= 0.5 <= found.shift_high
    assert all(0.91 <= each / rounds <= 0.99 for each in held), held


def test_the_variance_is_that_of_delta() -> None:
    """Against the spread of delta over many samples."""
    rng = np.random.default_rng(4)
    found = [delta_of(rng.exponential(1, 150), rng.exponential(1.5, 100)) for _ in range(400)]
    deltas, variances = zip(*found, strict=True)
    assert np.mean(variances) == pytest.approx(np.var(deltas), rel=0.25)
