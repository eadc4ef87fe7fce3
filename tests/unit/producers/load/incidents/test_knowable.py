"""How long a silence must be to be news, against gaps that are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from callgauge_load.incidents.knowable import silence_s


@pytest.mark.parametrize(("per_s", "gap_cv"), [(0.5, 1.0), (0.2, 1.8), (0.5, 4.2), (0.01, 1.0)])
def test_so_long_a_silence_comes_once_a_day(per_s: float, gap_cv: float) -> None:
    """Among so many days of gaps about as many are longer."""
    shape, gaps_drawn = 1 / gap_cv**2, 3_000_000
    days = gaps_drawn / (86_400 * per_s)
    gaps = np.random.default_rng(3).gamma(shape, 1 / (shape * per_s), gaps_drawn)
    longer = int((gaps > silence_s(per_s, gap_cv)).sum())
    assert abs(longer - days) < 4 * math.sqrt(days)


def test_calls_one_by_one_have_a_closed_form() -> None:
    """exp(-rate g) = 1 / (a day's calls)."""
    assert silence_s(3.0, 1.0) == pytest.approx(math.log(3.0 * 86_400) / 3.0, rel=1e-3)


def test_without_calls_nothing_is_missed() -> None:
    """No silence is news where nothing ever comes."""
    assert silence_s(0.0, 1.0) == math.inf
