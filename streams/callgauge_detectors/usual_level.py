"""Usual level: latency, tokens of an answer, a share of the cache: another one than is usual at this hour.

    expected   what is usual at this hour (callgauge_detectors.hourly) + λ; before that is known, the level so far
    r = x - expected,   z = r / max(σ, floor),   σ² = weighted mean of r² over a day
    λ += r / values in `follow`          what these days differ by: a deployment, a weekend
    learning: r clipped at `clip` σ, but let in once 20 in a row were beyond it (callgauge_detectors.ewma)

The level is that of z, but none where r is less than `least_change`: a factor on the log scale (0.5: half as much
again, or two thirds), a difference on the linear one. So noise is told by z, and what nobody minds by `least_change`.

Parameters
    scale, direction, tiers, least_relative, clip      as in callgauge_detectors.ewma.
    least_change     see above.
    follow_ms        time constant of λ, and of the level before the hour is known. What grows slower than that is
                     learned and not told.
    seasons, min_seasons     days that the profile looks back; days on which an hour was seen before it counts.
    min_history      values below which nothing is judged.
    window_ms        how often it is fed.

Warm-up min_history values. Memory 57 numbers. Cost 0.2 µs in `UsualLevels`.

>>> detector = UsualLevel(UsualLevelConfig(scale="log", least_change=0.5))
>>> for k in range(90): _ = detector.update(800.0 + k % 5, 60_000 * k)
>>> detector.update(1_100.0, 5_400_000).level, detector.update(2_400.0, 5_460_000).level
('none', 'critical')

Source: as callgauge_detectors.seasonal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.ewma import PATIENCE
from callgauge_detectors.hourly import DAY_MS
from callgauge_detectors.one_of_many import OneOfMany
from callgauge_detectors.profiled import Profiled
from callgauge_detectors.scale import Scale
from callgauge_detectors.tiers import CAP, Direction, Tiers
from callgauge_detectors.vectorised import levels_of, scaled_many, unscaled_many
from callgauge_detectors.verdict import Verdict, short

__all__ = ["UsualLevel", "UsualLevelConfig", "UsualLevels"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_LEVEL, _TODAY, _SQUARE, _COUNT, _RUN = range(5)


@dataclass(frozen=True, slots=True)
class UsualLevelConfig:
    """See the top of the file."""

    scale: Scale = "linear"
    direction: Direction = "both"
    least_change: float = 0.0
    tiers: Tiers = field(default_factory=Tiers)
    least_relative: float = 0.02
    clip: float = 4.0
    follow_ms: int = DAY_MS // 2
    seasons: int = 7
    min_seasons: int = 1
    min_history: int = 60
    window_ms: int = 60_000


class UsualLevels(Profiled):
    """Of many series; see the top of the file."""

    def __init__(self, series: int, config: UsualLevelConfig) -> None:
        self.config = config
        self._follow = min(1.0, config.window_ms / config.follow_ms)
        self._day = min(1.0, config.window_ms / DAY_MS)
        self._change = math.log1p(config.least_change) if config.scale == "log" else config.least_change
        super().__init__(series, 5, config.seasons, config.min_seasons)

    def update_rows(
        self, rows: Int64s, values: Floats, *, at_ms: int, learn: Any = True
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """Judge the newest value of each of these series, NaN where there is none, then learn those with `learn`.

        Returns:
            scores, levels, and what was expected, NaN while nothing is.
        """
        config, finite = self.config, np.isfinite(values)
        x = np.where(finite, scaled_many(values, config.scale), 0.0)
        usual, known = self._profiles.usual(rows, at_ms)
        numbers = self._numbers[rows]
        expected = np.where(known, usual + numbers[:, _TODAY], numbers[:, _LEVEL])
        floor = config.least_relative * (np.abs(expected) if config.scale == "linear" else 1.0)
        sigma = np.maximum(np.sqrt(numbers[:, _SQUARE]), floor)
        r = x - expected
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.clip(np.where(r == 0.0, 0.0, r / sigma), -CAP, CAP)
        ready = finite & (numbers[:, _COUNT] >= config.min_history)
        scores = np.where(ready, z, 0.0)
        levels = levels_of(scores, config.tiers, config.direction)
        levels[np.abs(r) < self._change] = 0
        taken = np.flatnonzero(finite & learn)
        reach = np.where(ready, config.clip * sigma, np.inf)
        self._learn(rows[taken], expected[taken], r[taken], reach[taken], known[taken], at_ms)
        return scores, levels, np.where(ready, unscaled_many(expected, config.scale), np.nan)

    def _learn(self, rows: Int64s, expected: Floats, r: Floats, reach: Floats, known: Any, at_ms: int) -> None:
        level, today, square, count, run = self._numbers[rows].T
        side, beyond = np.where(r > 0, 1.0, -1.0), np.abs(r) > reach
        run = np.where(beyond, np.where(run * side > 0, run + side, side), 0.0)
        inside = np.where(~beyond | (np.abs(run) > PATIENCE), r, side * np.where(beyond, reach, 0.0))
        plain = 1.0 / (count + 1.0)
        level = level + (expected + inside - level) * np.maximum(self._follow, plain)
        today = today + np.where(known, inside * self._follow, 0.0)
        square = np.where(count > 0, square + (inside * inside - square) * np.maximum(self._day, plain), 0.0)
        self._numbers[rows] = np.column_stack([level, today, square, count + 1.0, run])
        self._profiles.learn(rows, expected + inside, at_ms)

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """One line: value, score, what is usual."""
        side = "above" if score > 0 else "below"
        return f"{short(value)} is {abs(score):.1f} σ {side} {short(baseline)}, usual at this hour"


class UsualLevel(OneOfMany):
    """Of one series."""

    def __init__(self, config: UsualLevelConfig) -> None:
        super().__init__(UsualLevels(0, config))

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        return self.judge(value, at_ms, learn=learn)
