"""What detectors of many series give as columns is all they know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from callgauge_detectors.anytime_rate import AnytimeRateConfig, AnytimeRates
from callgauge_detectors.ewma import EwmaConfig
from callgauge_detectors.usual_level import UsualLevelConfig, UsualLevels
from callgauge_detectors.usual_share import UsualShareConfig, UsualShares
from callgauge_detectors.usual_stop import UsualStopConfig, UsualStops
from callgauge_detectors.usual_sum import UsualSumConfig, UsualSums
from callgauge_detectors.vectorised import Ewmas, ZScores
from callgauge_detectors.zscore import ZScoreConfig

SERIES, HOUR_MS = 3, 3_600_000

CASES = {
    "anytime_rate": (AnytimeRates, AnytimeRateConfig(), ("sizes", "at_ms")),
    "ewma": (Ewmas, EwmaConfig(), ()),
    "usual_level": (UsualLevels, UsualLevelConfig(), ("at_ms",)),
    "usual_share": (UsualShares, UsualShareConfig(), ("sizes",)),
    "usual_stop": (UsualStops, UsualStopConfig(window_ms=HOUR_MS), ("at_ms",)),
    "usual_sum": (UsualSums, UsualSumConfig(window_ms=HOUR_MS), ("at_ms",)),
    "zscore": (ZScores, ZScoreConfig(), ()),
}


def fed(detector: Any, wants: tuple[str, ...], hours: range) -> list[list[float]]:
    """Scores and baselines of so many windows."""
    told = []
    for hour in hours:
        random = np.random.default_rng(hour)
        values = random.uniform(0.05, 0.2, SERIES) + (0.5 if hour % 50 == 49 else 0.0)
        given = {"sizes": np.full(SERIES, 200.0), "at_ms": (hour + 1) * HOUR_MS}
        more = {name: given[name] for name in wants}
        scores, levels, baselines = detector.update_rows(np.arange(SERIES), values, learn=True, **more)
        told.append([*scores.tolist(), *levels.tolist(), *np.nan_to_num(baselines, nan=-1.0).tolist()])
    return told


@pytest.mark.parametrize("name", CASES)
def test_columns_are_all_that_is_known(name: str) -> None:
    """Columns that are written into another detector let it go on as the first one does."""
    make, config, wants = CASES[name]
    first, second = make(0, config), make(0, config)
    for detector in (first, second):
        detector.room(SERIES)
        for row in range(SERIES):
            detector.put(row, None)
    fed(first, wants, range(200))
    for of, kept in second.columns().items():
        assert kept.ndim <= 2  # the snapshot cuts up no more than lines
        kept[:] = first.columns()[of]
    assert fed(second, wants, range(200, 320)) == fed(first, wants, range(200, 320))
