"""Exponential histograms keep their error bound on any distribution, and merging is adding."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_windows.histogram import RELATIVE_ERROR, SCALE, bucket_of, estimate, quantile, upper_bounds

RNG = np.random.default_rng(7)
DISTRIBUTIONS = {
    "lognormal": RNG.lognormal(13, 1.2, 20_000),
    "uniform": RNG.uniform(1, 1e6, 20_000),
    "pareto": (RNG.pareto(1.1, 20_000) + 1) * 1_000,
    "two humps": np.r_[RNG.normal(2e5, 1e4, 10_000), RNG.normal(3e7, 1e6, 10_000)],
    "constant": np.full(1_000, 777.0),
    "few": np.array([1.0, 2.0, 3.0]),
    "nanodollars": RNG.lognormal(16, 2, 20_000),
}


def histogram(values: np.ndarray) -> tuple[int, Counter[int]]:
    positive = values[values > 0]
    return int((values <= 0).sum()), Counter(bucket_of(positive).tolist())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("q", [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
def test_quantiles_are_within_the_stated_relative_error(name: str, q: float) -> None:
    values = np.sort(DISTRIBUTIONS[name].astype(np.int64))
    true = values[math.floor(q * (len(values) - 1))]
    estimated = quantile(*histogram(values), q)
    assert estimated is not None
    assert abs(estimated - true) <= true * RELATIVE_ERROR * (1 + 1e-9)


def test_the_stated_error_is_about_one_percent() -> None:
    assert pytest.approx(0.01083, abs=1e-5) == RELATIVE_ERROR


@given(st.integers(1, 10**12))
def test_a_value_lies_in_its_bucket_exactly(value: int) -> None:
    """base^i < value <= base^(i+1), compared as integers: value^(2^scale) against powers of two."""
    bucket = int(bucket_of(np.array([value]))[0])
    power = value ** (1 << SCALE)
    assert Fraction(2) ** bucket < power <= 2 ** (bucket + 1)


@given(st.lists(st.integers(0, 10**11)), st.lists(st.integers(0, 10**11)), st.floats(0, 1))
def test_merged_histograms_equal_the_histogram_of_the_union(left: list[int], right: list[int], q: float) -> None:
    a, b = (histogram(np.array(values, dtype=np.int64)) for values in (left, right))
    union = histogram(np.array(left + right, dtype=np.int64))
    assert (a[0] + b[0], a[1] + b[1]) == union
    assert quantile(a[0] + b[0], a[1] + b[1], q) == quantile(*union, q)


def test_zeros_are_counted_and_an_empty_histogram_has_no_quantile() -> None:
    assert quantile(3, {0: 1}, 0.5) == 0.0
    assert quantile(0, {}, 0.5) is None


def test_bounds_cover_every_value_that_a_row_may_hold() -> None:
    assert upper_bounds()[-1] >= 10**12
    assert estimate(-1) <= 1.0
