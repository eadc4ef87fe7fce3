"""Usual sum: calls, tokens or cost that stop, or surge, against what usually comes at this hour and came lately.

    fall     x below E = min(least usual within half an hour, what came lately)
    surge    x above E = max(greatest usual within half an hour, what came lately)
    z = ±√(2 (x ln(x / E) - x + E) / φ)       quasi-Poisson deviance; between the two E it is 0
    φ = mean over a day of (x - x')² / 2 / mean of lately     dispersion, x' being the sum before this one: 1 for calls
                                                              that come one by one at random, more for bursts, whether
                                                              or not traffic grows; of cost it has its unit
    lately    weighted mean with the time constant `lately`

A nightly pause is usual at its hour; a holiday or a weekend has nothing lately, so nothing can fall. Of a series that
comes in bursts a gap says little, and φ knows: calls that come 20 at a time need 20 times as many expected to be
missed. With x = 0 and single calls z = -√(2 E): 13 expected calls that do not come are 5 σ.

The level is that of z, but none unless x is beyond `least_ratio` times E, or a `least_ratio`th of it, and by at least
`least` away from it: three times next to nothing is nothing.

Parameters
    direction, tiers         as in callgauge_detectors.zscore.
    least_ratio, least       see above; `least` in the series' unit.
    lately_ms                see above.
    seasons, min_seasons     days that the profile looks back; days on which an hour was seen before it is judged.
    window_ms, over_ms       how often it is fed, and over how long; hence which sum is the one before.

Where nothing happening is a value, as with calls or cost, give 0 for such a window, not None. Warm-up min_seasons days.
Memory 55 numbers and over / window. Cost 0.2 µs in `UsualSums`.

>>> detector = UsualSum(UsualSumConfig())
>>> for k in range(1, 26 * 60): _ = detector.update(60.0 + k % 5, 60_000 * k)
>>> [detector.update(x, 60_000 * 26 * 60).level for x in (40.0, 0.0, 300.0)]
['none', 'critical', 'critical']

Source: McCullagh, Nelder: Generalized Linear Models, 1989, 2.3 (deviance), 6.2.3 (over-dispersion).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.hourly import DAY_MS
from callgauge_detectors.one_of_many import OneOfMany
from callgauge_detectors.profiled import Profiled
from callgauge_detectors.tiers import CAP, Direction, Tiers
from callgauge_detectors.vectorised import levels_of
from callgauge_detectors.verdict import Verdict, short

__all__ = ["UsualSum", "UsualSumConfig", "UsualSums"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# No series varies less than by so much of itself.
_LEAST_RELATIVE = 0.02
# A single window moves the dispersion by no more than one of so many σ.
_CLIP = 6.0


@dataclass(frozen=True, slots=True)
class UsualSumConfig:
    """See the top of the file."""

    direction: Direction = "both"
    least_ratio: float = 3.0
    least: float = 0.0
    tiers: Tiers = field(default_factory=Tiers)
    lately_ms: int = 1_800_000
    seasons: int = 7
    min_seasons: int = 1
    window_ms: int = 60_000
    over_ms: int = 60_000


class UsualSums(Profiled):
    """Of many series; see the top of the file."""

    def __init__(self, series: int, config: UsualSumConfig) -> None:
        self.config = config
        self._lately = min(1.0, config.window_ms / config.lately_ms)
        self._day = min(1.0, config.window_ms / DAY_MS)
        self._before: Floats = np.zeros((0, max(1, config.over_ms // config.window_ms)))
        """The newest values, that of the window that ends at t in column t / window; -1: not known."""
        super().__init__(series, 4, config.seasons, config.min_seasons)

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        super().room(series)
        if (more := series - len(self._before)) > 0:
            self._before = np.concatenate([self._before, np.full((more, self._before.shape[1]), -1.0)])

    def update_rows(
        self, rows: Int64s, values: Floats, *, at_ms: int, learn: Any = True
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """As `UsualLevels.update_rows`. Values are 0 or more."""
        config, finite = self.config, np.isfinite(values)
        x = np.where(finite, np.maximum(values, 0.0), 0.0)
        least, greatest, known = self._profiles.around(rows, at_ms)
        lately, squares, mean, _ = self._numbers[rows].T
        low, high = np.minimum(least, lately), np.maximum(greatest, lately)
        expected = np.clip(x, low, high)
        phi = np.maximum(_quotients(squares, mean), _LEAST_RELATIVE**2 * expected)
        ready = finite & known
        z = np.where(ready, _deviances(x, expected, phi), 0.0)
        levels = levels_of(z, config.tiers, config.direction)
        near = (x < config.least_ratio * expected) & (config.least_ratio * x > expected)
        levels[near | (np.abs(x - expected) < config.least)] = 0
        column = at_ms // config.window_ms % self._before.shape[1]
        before = self._before[rows, column]
        self._before[rows, column] = np.where(finite, np.where(learn, x, -1.0), before)
        taken = np.flatnonzero(finite & learn)
        self._learn(rows[taken], x[taken], before[taken], at_ms)
        # Between the two it is as it should be; then the nearer one is told.
        return z, levels, np.where(ready, np.where(x <= (low + high) / 2, low, high), np.nan)

    def _learn(self, rows: Int64s, x: Floats, before: Floats, at_ms: int) -> None:
        lately, squares, mean, count = self._numbers[rows].T
        distance, plain = x - lately, 1.0 / (count + 1.0)
        most = np.where(squares > 0, _CLIP**2 * _quotients(squares, mean) * np.maximum(lately, mean), np.inf)
        weight = np.where(before >= 0, np.maximum(self._day, plain), 0.0)
        squares = squares + (np.minimum((x - before) ** 2 / 2, most) - squares) * weight
        mean = mean + (lately - mean) * weight
        lately = lately + distance * np.maximum(self._lately, plain)
        self._numbers[rows] = np.column_stack([lately, squares, mean, count + 1.0])
        self._profiles.learn(rows, x, at_ms)

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """One line: value, score, what is usual."""
        side = "above" if score > 0 else "below"
        return f"{short(value)} is {abs(score):.1f} σ {side} {short(baseline)}, usual at this hour or lately"

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"before": self._before, **super().columns()}

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, JSON-able."""
        return {"before": self._before[row].tolist(), **super().state(row)}

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        super().put(row, state)
        self._before[row] = state["before"] if state else -1.0


def _quotients(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _deviances(x: Floats, expected: Floats, phi: Floats) -> Floats:
    """Signed roots of the deviance of each, 0 where it is as expected; CAP where nothing was ever expected."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where((x > 0) & (expected > 0), x * np.log(x / expected), 0.0)
        roots = np.sqrt(np.maximum(2.0 * (logs - x + expected), 0.0) / phi)
    z = np.where((expected > 0) & (phi > 0), roots, np.where(x > expected, CAP, 0.0))
    return np.where(x == expected, 0.0, np.copysign(np.minimum(z, CAP), x - expected))


class UsualSum(OneOfMany):
    """Of one series."""

    def __init__(self, config: UsualSumConfig) -> None:
        super().__init__(UsualSums(0, config))

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        return self.judge(value, at_ms, learn=learn)
