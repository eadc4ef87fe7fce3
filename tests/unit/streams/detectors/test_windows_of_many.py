"""The newest values of many series: what the baseline of one has, to the last bit where nothing is summed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_detectors.baseline import Baseline, BaselineConfig, mean_sigma, median_mad
from callgauge_detectors.windows_of_many import WindowsOfMany

#: Few different ones among them, so that many are equal.
VALUES = st.one_of(st.integers(-2, 2).map(float), st.floats(-1e6, 1e6))


@given(st.lists(st.tuples(st.integers(0, 2), VALUES), max_size=80), st.integers(1, 9))
def test_each_series_is_as_if_it_were_alone(learned: list[tuple[int, float]], size: int) -> None:
    """Three series, whose values come in any order and push the oldest out; half-way the state is put back."""
    together = WindowsOfMany(3, size)
    alone = [Baseline(BaselineConfig(size=size, min_history=1)) for _ in range(3)]
    for number, (series, value) in enumerate(learned):
        together.learn(np.array([series]), np.array([value]))
        alone[series].learn(value)
        if number == 40:
            copy = WindowsOfMany(3, size)
            copy.restore(together.snapshot(), together.learned.tolist())
            together = copy
    rows = np.array([row for row in range(3) if alone[row].ready], dtype=np.int64)
    expected = [median_mad(alone[row].values) for row in rows]
    medians, mads = together.median_mad(rows)
    assert medians.tolist() == [median for median, _ in expected]
    assert mads == pytest.approx([mad for _, mad in expected], rel=1e-12)
    means, sigmas = together.mean_sigma(rows)
    expected = [mean_sigma(alone[row].values) for row in rows]
    assert means == pytest.approx([mean for mean, _ in expected], rel=1e-9, abs=1e-9)
    assert sigmas == pytest.approx([sigma for _, sigma in expected], rel=1e-9, abs=1e-9)
