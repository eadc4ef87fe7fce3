"""The baseline mean ± 3σ, against the formula written out plainly."""

from __future__ import annotations

import numpy as np

from tests.bench.detection.three_sigma import _alarms


def plainly(values: np.ndarray) -> list[int]:
    places: list[int] = []
    last = -(10**6)
    for at, value in enumerate(values.tolist()):
        before = values[max(0, at - 1_440) : at]
        before = before[~np.isnan(before)]
        if value != value or len(before) < 120:
            continue
        if abs(value - before.mean()) > max(3 * before.std(), 1e-9):
            if at - last > 5:
                places.append(at)
            last = at
    return places


def test_it_is_the_formula() -> None:
    """With gaps, a step, single spikes, and a stretch of one value."""
    rng = np.random.default_rng(4)
    values = rng.normal(10, 1, 4_000)
    values[rng.random(4_000) < 0.2] = np.nan
    values[2_000:2_050] += 8
    values[3_000] = 100
    assert _alarms(values) == plainly(values)
    assert len(plainly(values)) > 3
    level = np.ones(300)
    level[200] = 1.1
    assert _alarms(level) == [200]
