"""Threshold and z-score over many series at once: one row of windows, all series of a grouping set.

The same formulas as callgauge_detectors.threshold and .zscore, on arrays: shape (s,) for the newest windows
of s series, (s, size) for what they are compared with. Levels are indices into `verdict.LEVELS`. NaN is a window
without a value: level 0, score 0, nothing learned.

Memory 16 bytes * s * size. Cost per series and window at size 288, 10,000 series: about 0.1 µs threshold, 1 µs z-score
by mean, 2 µs by median (tests/bench/detect.py measures it).

>>> scores = ZScores(3, ZScoreConfig(method="mean", baseline=BaselineConfig(size=40)))
>>> for k in range(40): _ = scores.update(np.array([k % 5, k % 5 + 100.0, np.nan]))
>>> scores.update(np.array([2.0, 140.0, 7.0]))[1].tolist()
[0, 4, 0]
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from callgauge_detectors.baseline import BaselineConfig
from callgauge_detectors.threshold import Op, ThresholdConfig
from callgauge_detectors.tiers import CAP, Direction, Tiers
from callgauge_detectors.verdict import LEVELS
from callgauge_detectors.windows_of_many import WindowsOfMany
from callgauge_detectors.zscore import ZScoreConfig

__all__ = ["BaselineConfig", "ZScoreConfig", "ZScores", "levels_of", "thresholds"]

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int8]
_OPS: dict[Op, np.ufunc] = {
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}


def thresholds(values: Floats, config: ThresholdConfig) -> Levels:
    """The level of each value, any shape."""
    levels = np.zeros(values.shape, dtype=np.int8)
    finite = np.isfinite(values)
    for limit in config.limits:
        holds = _OPS[limit.op](values, limit.value) & finite
        np.maximum(levels, np.int8(LEVELS.index(limit.level)), out=levels, where=holds)
    return levels


def levels_of(scores: Floats, tiers: Tiers, direction: Direction) -> Levels:
    """The level of each score, any shape."""
    size = np.abs(scores) if direction == "both" else scores if direction == "above" else -scores
    return np.searchsorted([tiers.low, tiers.medium, tiers.high, tiers.critical], size, side="right").astype(np.int8)


class ZScores:
    """Z-scores of `series` series; pinned baselines and versions are for `zscore.ZScore`."""

    def __init__(self, series: int, config: ZScoreConfig) -> None:
        if config.baseline.pinned:
            raise ValueError("pinned baselines are not vectorised; use zscore.ZScore")
        self.config = config
        self._windows = WindowsOfMany(series, config.baseline.size)

    def update(self, values: Floats, *, learn: npt.NDArray[np.bool_] | bool = True) -> tuple[Floats, Levels]:
        """Judge the newest value of each series, then learn those with `learn`.

        Returns:
            scores and levels, shape (s,).
        """
        config, finite = self.config, np.isfinite(values)
        x = np.copysign(np.log1p(np.abs(values)), values) if config.scale == "log" else values
        ready = np.flatnonzero(finite & (self._windows.learned >= config.baseline.min_history))
        scores = np.zeros(len(values))
        scores[ready] = self._judge(x[ready], ready)
        learning = np.flatnonzero(finite & learn)
        self._windows.learn(learning, x[learning])
        return scores, levels_of(scores, config.tiers, config.direction)

    def _judge(self, x: Floats, ready: npt.NDArray[np.int64]) -> Floats:
        config, windows = self.config, self._windows
        centre, sigma = windows.mean_sigma(ready) if config.method == "mean" else windows.median_mad(ready)
        least = config.least_relative * (np.abs(centre) if config.scale == "linear" else 1.0)
        sigma = np.maximum(sigma, np.maximum(least, config.least if config.scale == "linear" else 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (x - centre) / sigma
        return np.clip(np.where(x == centre, 0.0, z), -CAP, CAP)

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {"values": self._windows.snapshot(), "learned": self._windows.learned.tolist()}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._windows.restore(snapshot["values"], snapshot["learned"])
        return self
