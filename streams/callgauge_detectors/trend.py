"""Trend: a series that grows or falls, by a slope that chance does not explain.

Over the newest m windows, with t_i in windows (event time over `window_ms`) and x_i the values:
    least_squares   slope = Σ (t - t̄)(x - x̄) / Σ (t - t̄)²,   t-test of it with its standard error
    theil_sen       slope = median of (x_j - x_i) / (t_j - t_i),   Mann-Kendall test of
                    S = Σ sign(x_j - x_i),  Var S = (n(n-1)(2n+5) - Σ g(g-1)(2g+5)) / 18,  g = sizes of ties
Values next to each other are alike, which makes chance look like a trend. Both variances are therefore stretched by
(1 + r) / (1 - r), r in 0 ... 0.9 the lag-1 autocorrelation of the residuals; for theil_sen of the ranks' residuals if
that is less, since what a curved rise leaves of a line is alike too, and is no chance.

    score = the test's z (t-test: the z as unlikely as its t), 0 unless the fitted change over the m windows is at
    least `least_change` of the level

Parameters
    windows         m, windows looked at; judged only when all are there.
    method          "theil_sen" (default: up to 29 % wild values do no harm) or "least_squares".
    least_change    share of the level, e.g. 0.2: a rise of 20 % over the m windows. What is sure but small is no news.
    window_ms       width of a window; a gap counts as the time it lasts.
    direction, tiers    as in callgauge_detectors.zscore.

`fit` gives the slope per window, per hour and, relative to the level, per hour. Warm-up m windows. Memory 16 bytes a
window. Cost about 100 µs at m = 30 (grows with m²; least squares: 30 µs).

>>> detector = Trend(TrendConfig(windows=12))
>>> for k in range(12): verdict = detector.update(100.0 + 5 * k + k % 3, 60_000 * k)
>>> verdict.level, verdict.reason
('high', '157 after a rise of 5 per window (300 per hour, 233 % of the level per hour), 4.5 σ')

Sources: Sen, JASA 63 (1968) 1379; Mann, Econometrica 13 (1945) 245; Kendall: Rank Correlation Methods, 1975, chapter 4
(ties); Santer et al., JGR 105 (2000) 7337 (autocorrelation); Hamed, Rao, J. Hydrology 204 (1998) 182 (of ranks).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from callgauge_detectors.tails import z_of_t
from callgauge_detectors.tiers import Direction, Tiers, limited
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["Slope", "Trend", "TrendConfig", "fit"]

Method = Literal["theil_sen", "least_squares"]
Floats = npt.NDArray[np.float64]
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class TrendConfig:
    """See the top of the file."""

    windows: int = 30
    method: Method = "theil_sen"
    least_change: float = 0.2
    window_ms: int = 60_000
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)


@dataclass(frozen=True, slots=True)
class Slope:
    """A fitted slope: value per window, value per hour, share of the level per hour, its z, and the level itself."""

    per_window: float
    per_hour: float
    relative_per_hour: float
    z: float
    level: float


def fit(at_ms: Sequence[int], values: Sequence[float], window_ms: int, method: Method = "theil_sen") -> Slope:
    """The slope of at least four values at growing times."""
    t, x = (np.array(at_ms, dtype=np.float64) - at_ms[0]) / window_ms, np.array(values)
    centre = float(np.median(x)) if method == "theil_sen" else float(x.mean())
    b, z = _theil_sen(t, x) if method == "theil_sen" else _least_squares(t, x)
    per_hour = b * _HOUR_MS / window_ms
    return Slope(b, per_hour, per_hour / abs(centre) if centre else 0.0, z, centre)


@cache
def _pairs(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    i, j = np.triu_indices(n, 1)
    return i, j


def _theil_sen(t: Floats, x: Floats) -> tuple[float, float]:
    n = len(x)
    i, j = _pairs(n)
    dx, dt = x[j] - x[i], t[j] - t[i]
    later = dt > 0
    b = float(np.median(dx[later] / dt[later])) if later.any() else 0.0
    s = int(np.sign(dx).sum())
    _, place, ties = np.unique(x, return_inverse=True, return_counts=True)
    g = ties.astype(np.float64)
    variance = (n * (n - 1) * (2 * n + 5) - float((g * (g - 1) * (2 * g + 5)).sum())) / 18.0
    if s == 0 or variance <= 0:
        return b, 0.0
    ranks = (np.cumsum(g) - (g - 1.0) / 2.0)[place]
    stretch = min(_stretch(x - b * t), _stretch(_residuals(t, ranks)))
    # One step of S towards 0 is the correction for continuity.
    return b, (s - math.copysign(1, s)) / math.sqrt(variance * stretch)


def _least_squares(t: Floats, x: Floats) -> tuple[float, float]:
    n, u = len(x), t - t.mean()
    spread = float(u @ u)
    if not spread:
        return 0.0, 0.0
    b, residuals = float(u @ x) / spread, _residuals(t, x)
    error = math.sqrt(float(residuals @ residuals) / (n - 2) / spread * _stretch(residuals))
    # Rounding leaves residuals of about 1e-16 of the values on an exact line; they must not count as noise.
    if error <= 1e-12 * abs(b):
        return b, limited(b * math.inf) if abs(b) * float(t[-1]) > 1e-9 * float(np.abs(x).max()) else 0.0
    return b, z_of_t(b / error, n - 2)


def _residuals(t: Floats, x: Floats) -> Floats:
    """What the least squares line leaves."""
    u = t - t.mean()
    spread = float(u @ u)
    b = float(u @ x) / spread if spread else 0.0
    residuals: Floats = x - x.mean() - b * u
    return residuals


def _stretch(residuals: Floats) -> float:
    e = residuals - residuals.mean()
    total = float(e @ e)
    # Of ranks on a line rounding leaves about 1e-28; it must not count as likeness.
    r = min(0.9, max(0.0, float(e[1:] @ e[:-1]) / total)) if total > 1e-20 * len(e) else 0.0
    return (1.0 + r) / (1.0 - r)


class Trend:
    """The detector; see the top of the file."""

    def __init__(self, config: TrendConfig) -> None:
        if config.windows < 4:
            raise ValueError(f"windows must be at least 4, not {config.windows}")
        self.config = config
        self._points: deque[tuple[int, float]] = deque(maxlen=config.windows)

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the newest windows, this one included; `learn` makes no difference, there is no baseline to keep."""
        if not measured(value):
            return NORMAL
        self._points.append((at_ms, value))
        if len(self._points) < self.config.windows:
            return NORMAL
        times, values = [at_ms for at_ms, _ in self._points], [value for _, value in self._points]
        slope = fit(times, values, self.config.window_ms, self.config.method)
        lasted = (self._points[-1][0] - self._points[0][0]) / self.config.window_ms
        if abs(slope.per_window) * lasted < self.config.least_change * abs(slope.level) or not slope.per_window:
            return Verdict(0.0, baseline=slope.level)
        z = limited(slope.z)
        level = self.config.tiers.level(z, self.config.direction)
        if level == "none":
            return Verdict(z, baseline=slope.level)
        return Verdict(z, level, slope.level, self._reason(value, slope, z))

    @staticmethod
    def _reason(value: float, slope: Slope, z: float) -> str:
        return (
            f"{short(value)} after a {'rise' if z > 0 else 'fall'} of {short(abs(slope.per_window))} per window "
            f"({short(abs(slope.per_hour))} per hour, {abs(slope.relative_per_hour):.0%} of the level per hour), "
            f"{abs(z):.1f} σ".replace("%", " %")
        )

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {"points": [list(point) for point in self._points]}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._points.clear()
        self._points.extend((at_ms, value) for at_ms, value in snapshot["points"])
        return self
