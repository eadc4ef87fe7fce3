"""Threshold and z-score over many series at once: one row of windows, all series of a grouping set.

The same formulas as callgauge_streams.detectors.threshold and .zscore, on arrays: shape (s,) for the newest windows
of s series, (s, size) for what they are compared with. Levels are indices into `verdict.LEVELS`. NaN is a window
without a value: level 0, score 0, nothing learned.

Memory 8 bytes * s * size. Cost per series and window at size 288, 10,000 series: about 0.1 µs threshold, 0.6 µs z-score
by mean, 9 µs by median (tests/bench/detect.py measures it).

>>> scores = ZScores(3, ZScoreConfig(method="mean", baseline=BaselineConfig(size=40)))
>>> for k in range(40): _ = scores.update(np.array([k % 5, k % 5 + 100.0, np.nan]))
>>> scores.update(np.array([2.0, 140.0, 7.0]))[1].tolist()
[0, 4, 0]
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from callgauge_streams.detectors.baseline import BaselineConfig
from callgauge_streams.detectors.threshold import Op, ThresholdConfig
from callgauge_streams.detectors.tiers import CAP, Direction, Tiers
from callgauge_streams.detectors.verdict import LEVELS
from callgauge_streams.detectors.zscore import ZScoreConfig

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
        self._ring: Floats = np.full((series, config.baseline.size), np.nan)
        self._learned: npt.NDArray[np.int64] = np.zeros(series, dtype=np.int64)

    def update(self, values: Floats, *, learn: npt.NDArray[np.bool_] | bool = True) -> tuple[Floats, Levels]:
        """Judge the newest value of each series, then learn those with `learn`.

        Returns:
            scores and levels, shape (s,).
        """
        config, finite = self.config, np.isfinite(values)
        x = np.copysign(np.log1p(np.abs(values)), values) if config.scale == "log" else values
        ready = finite & (self._learned >= config.baseline.min_history)
        scores = np.zeros(len(values))
        if ready.any():
            scores[ready] = self._judge(x[ready], ready)
        self._learn(x, finite & learn)
        return scores, levels_of(scores, config.tiers, config.direction)

    def _judge(self, x: Floats, ready: npt.NDArray[np.bool_]) -> Floats:
        config = self.config
        full = bool((self._learned[ready] >= config.baseline.size).all())
        ring = self._ring if ready.all() else self._ring[ready]
        centre, sigma = _mean_sigma(ring, full) if config.method == "mean" else _median_mad(ring, full)
        least = config.least_relative * (np.abs(centre) if config.scale == "linear" else 1.0)
        sigma = np.maximum(sigma, np.maximum(least, config.least if config.scale == "linear" else 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (x - centre) / sigma
        return np.clip(np.where(x == centre, 0.0, z), -CAP, CAP)

    def _learn(self, x: Floats, which: npt.NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(which)
        self._ring[rows, self._learned[rows] % self.config.baseline.size] = x[rows]
        self._learned[rows] += 1

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        kept = np.minimum(self._learned, self.config.baseline.size)
        values = [row[:n].tolist() for row, n in zip(self._ring, kept, strict=True)]
        return {"values": values, "learned": self._learned.tolist()}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._learned = np.array(snapshot["learned"], dtype=np.int64)
        self._ring[:] = np.nan
        for row, values in zip(self._ring, snapshot["values"], strict=True):
            row[: len(values)] = values
        return self


def _mean_sigma(ring: Floats, full: bool) -> tuple[Floats, Floats]:
    if full:
        mean = ring.mean(axis=1)
        deviations = ring - mean[:, None]
        return mean, np.sqrt(np.einsum("ij,ij->i", deviations, deviations) / (ring.shape[1] - 1))
    return np.nanmean(ring, axis=1), np.nanstd(ring, axis=1, ddof=1)


def _median_mad(ring: Floats, full: bool) -> tuple[Floats, Floats]:
    median = np.median if full else np.nanmedian
    centre = median(ring, axis=1)
    deviations = np.abs(ring - centre[:, None])
    sigma = 1.482602218505602 * median(deviations, axis=1)
    mean = 1.2533141373155001 * (deviations.mean(axis=1) if full else np.nanmean(deviations, axis=1))
    return centre, np.where(sigma == 0.0, mean, sigma)
