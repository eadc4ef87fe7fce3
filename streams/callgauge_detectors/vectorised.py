"""Threshold, z-score and EWMA over many series at once: one row of windows, all series of a grouping set.

The same formulas as callgauge_detectors.threshold, .zscore and .ewma, on arrays: shape (s,) for the newest windows
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
from callgauge_detectors.ewma import PATIENCE, EwmaConfig
from callgauge_detectors.ewma import reason_of as ewma_reason
from callgauge_detectors.scale import Scale
from callgauge_detectors.threshold import Op, ThresholdConfig
from callgauge_detectors.tiers import CAP, Direction, Tiers
from callgauge_detectors.verdict import LEVELS
from callgauge_detectors.windows_of_many import WindowsOfMany
from callgauge_detectors.zscore import ZScoreConfig, reason_of

__all__ = [
    "BaselineConfig",
    "Ewmas",
    "ZScoreConfig",
    "ZScores",
    "levels_of",
    "scaled_many",
    "thresholds",
    "unscaled_many",
]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
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


def scaled_many(values: Floats, scale: Scale) -> Floats:
    """`scale.scaled` of each value, any shape."""
    return np.copysign(np.log1p(np.abs(values)), values) if scale == "log" else values


def unscaled_many(values: Floats, scale: Scale) -> Floats:
    """`scale.unscaled` of each value, any shape."""
    return np.copysign(np.expm1(np.minimum(np.abs(values), 700.0)), values) if scale == "log" else values


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
        scores, levels, _ = self.update_rows(np.arange(len(values)), values, learn=learn)
        return scores, levels

    def update_rows(
        self, rows: Int64s, values: Floats, *, learn: npt.NDArray[np.bool_] | bool = True
    ) -> tuple[Floats, Levels, Floats]:
        """The same of some series; returns scores, levels and baselines, NaN while there is none."""
        config, finite = self.config, np.isfinite(values)
        x = scaled_many(values, config.scale)
        ready = np.flatnonzero(finite & (self._windows.learned[rows] >= config.baseline.min_history))
        scores, baselines = np.zeros(len(values)), np.full(len(values), np.nan)
        scores[ready], centre = self._judge(x[ready], rows[ready])
        baselines[ready] = unscaled_many(centre, config.scale)
        learning = np.flatnonzero(finite & learn)
        self._windows.learn(rows[learning], x[learning])
        return scores, levels_of(scores, config.tiers, config.direction), baselines

    def room(self, series: int) -> None:
        """Make room for so many series."""
        self._windows.room(series)

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """What `ZScore` says of the series in a row."""
        return reason_of(self.config, value, score, baseline, len(self._windows.values(row)))

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return self._windows.columns()

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, as `ZScore.snapshot` gives it."""
        values, learned = self._windows.values(row).tolist(), int(self._windows.learned[row])
        return {"version": "", "learned": learned, "values": values, "previous": []}

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        state = state or {"values": [], "learned": 0}
        self._windows.put(row, state["values"], state["learned"])

    def _judge(self, x: Floats, ready: Int64s) -> tuple[Floats, Floats]:
        config, windows = self.config, self._windows
        centre, sigma = windows.mean_sigma(ready) if config.method == "mean" else windows.median_mad(ready)
        least = config.least_relative * (np.abs(centre) if config.scale == "linear" else 1.0)
        sigma = np.maximum(sigma, np.maximum(least, config.least if config.scale == "linear" else 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (x - centre) / sigma
        return np.clip(np.where(x == centre, 0.0, z), -CAP, CAP), centre

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {"values": self._windows.snapshot(), "learned": self._windows.learned.tolist()}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._windows.restore(snapshot["values"], snapshot["learned"])
        return self


class Ewmas:
    """EWMAs of `series` series; memory four numbers each."""

    def __init__(self, series: int, config: EwmaConfig) -> None:
        self.config = config
        self._count: Int64s = np.zeros(series, dtype=np.int64)
        self._run: Int64s = np.zeros(series, dtype=np.int64)
        self._mean: Floats = np.zeros(series)
        self._variance: Floats = np.zeros(series)

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        more = series - len(self._count)
        if more > 0:
            none, zeros = np.zeros(more, dtype=np.int64), np.zeros(more)
            self._count, self._run = np.concatenate([self._count, none]), np.concatenate([self._run, none])
            self._mean = np.concatenate([self._mean, zeros])
            self._variance = np.concatenate([self._variance, zeros])

    def update_rows(
        self, rows: Int64s, values: Floats, *, learn: npt.NDArray[np.bool_] | bool = True
    ) -> tuple[Floats, Levels, Floats]:
        """As `ZScores.update_rows`."""
        config, finite = self.config, np.isfinite(values)
        x, mean = scaled_many(values, config.scale), self._mean[rows]
        floor = config.least_relative * (np.abs(mean) if config.scale == "linear" else 1.0)
        sigma = np.maximum(np.sqrt(self._variance[rows]), floor)
        ready = finite & (self._count[rows] >= config.min_history)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.clip(np.where(x == mean, 0.0, (x - mean) / sigma), -CAP, CAP)
        scores = np.where(ready, z, 0.0)
        baselines = np.where(ready, unscaled_many(mean, config.scale), np.nan)
        reach = np.where(ready, config.clip * sigma, np.inf)
        taken = np.flatnonzero(finite & learn)
        self._learn(rows[taken], x[taken], reach[taken])
        return scores, levels_of(scores, config.tiers, config.direction), baselines

    def _learn(self, rows: Int64s, x: Floats, reach: Floats) -> None:
        mean, count, run = self._mean[rows], self._count[rows], self._run[rows]
        distance = x - mean
        side = np.where(distance > 0, 1, -1)
        beyond = np.abs(distance) > reach
        run = np.where(beyond, np.where(run * side > 0, run + side, side), 0)
        let_in = ~beyond | (np.abs(run) > PATIENCE)
        delta = np.where(let_in, distance, side * np.where(np.isfinite(reach), reach, 0.0))
        # Added and taken off again, as `Ewma` does, so that the last bits are the same.
        delta = (mean + delta) - mean
        a = np.maximum(2.0 / (self.config.span + 1.0), 1.0 / (count + 1.0))
        self._mean[rows] = mean + a * delta
        self._variance[rows] = (1.0 - a) * (self._variance[rows] + a * delta * delta)
        self._count[rows], self._run[rows] = count + 1, run

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """What `Ewma` says of the series in a row."""
        return ewma_reason(value, score, baseline)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"count": self._count, "run": self._run, "mean": self._mean, "variance": self._variance}

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, as `Ewma.snapshot` gives it."""
        numbers = {"mean": float(self._mean[row]), "variance": float(self._variance[row])}
        return {"count": int(self._count[row]), **numbers, "run": int(self._run[row])}

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        state = state or {"count": 0, "mean": 0.0, "variance": 0.0, "run": 0}
        self._count[row], self._run[row] = state["count"], state["run"]
        self._mean[row], self._variance[row] = state["mean"], state["variance"]
