"""Usual share: more calls than usual fail (or fall back, or are refused), by more than chance explains.

    p1 = k / n                                          of the newest lookback
    p0 = min(most, (K + prior W) / (N + W))             usual: decaying sums of what was learned, W calls of prior
    z  = ±√(likelihood ratio of p1 against p0) / √max(1, φ)        as callgauge_detectors.drift_rate
    φ = mean over a day of min(16, (k - n p)² / n p (1 - p))       dispersion around what was learned, p: failures that
                                                        come in bursts weigh less
    K, N decay by exp(-window / memory)

The level is that of z, but none below `least_change`, and no more than "high" below `critical_change`: with many calls
anything is significant, and a few failures are nothing to wake up for. The prior lets it speak from the first minute;
`most` says which share is never usual, however long it lasts.

Parameters
    least_change       share above the usual one below which nothing is said, e.g. 0.05.
    critical_change    the same of the level critical.
    most               share above which nothing counts as usual.
    prior, prior_count     what is taken for usual before anything is known, and as how many calls it counts.
    memory_ms          how long it takes what was learned to fade to 37 %.
    direction, tiers   as in callgauge_detectors.zscore.
    window_ms, over_ms         how often it is fed, and over how long: lookbacks overlap, so a call is learned several
                       times and must count once.

Warm-up none. Memory 4 numbers. Cost 0.1 µs in `UsualShares`.

>>> detector = UsualShare(UsualShareConfig())
>>> for k in range(30): _ = detector.update(share_of(1, 100), 60_000 * k)
>>> detector.update(share_of(60, 100), 1_800_000).level, detector.update(share_of(3, 20), 1_860_000).level
('critical', 'none')

Source: NIST/SEMATECH e-Handbook, 7.3.3 (two proportions); McCullagh, Nelder: Generalized Linear Models, 1989, 4.5
(dispersion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.counts import share_of
from callgauge_detectors.hourly import DAY_MS
from callgauge_detectors.one_of_many import OneOfMany
from callgauge_detectors.tiers import CAP, Direction, Tiers
from callgauge_detectors.vectorised import levels_of
from callgauge_detectors.verdict import LEVELS, NORMAL, Counts, Verdict

__all__ = ["UsualShare", "UsualShareConfig", "UsualShares", "share_of"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_MOST_SQUARE = 16.0
# Nothing is known of a series at first: its dispersion counts as 1, as if seen in so many values.
_PRIOR_VALUES = 60.0
_NOTHING = (0.0, 0.0, 1.0, 0.0)
_HIGH = LEVELS.index("high")


@dataclass(frozen=True, slots=True)
class UsualShareConfig:
    """See the top of the file."""

    least_change: float = 0.05
    critical_change: float = 0.2
    most: float = 0.1
    prior: float = 0.01
    prior_count: int = 200
    memory_ms: int = DAY_MS
    direction: Direction = "above"
    tiers: Tiers = field(default_factory=Tiers)
    window_ms: int = 60_000
    over_ms: int = 60_000


class UsualShares:
    """Of many series; see the top of the file."""

    def __init__(self, series: int, config: UsualShareConfig) -> None:
        self.config = config
        self._overlap = max(1.0, config.over_ms / config.window_ms)
        self._keep = math.exp(-config.window_ms / config.memory_ms)
        self._day = max(1.0, DAY_MS / config.window_ms)
        self._numbers: Floats = np.tile(_NOTHING, (series, 1))
        """K, N, φ and how many values were learned."""

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        if (more := series - len(self._numbers)) > 0:
            self._numbers = np.concatenate([self._numbers, np.tile(_NOTHING, (more, 1))])

    def update_rows(
        self, rows: Int64s, values: Floats, *, sizes: Floats, learn: Any = True, at_ms: int = 0
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """Judge the newest share of each of these series, then learn those with `learn`.

        Args:
            values: shares, NaN where there is none.
            sizes: of how many calls each is a share.

        Returns:
            scores, levels, and what was usual.
        """
        config, finite = self.config, np.isfinite(values) & (sizes > 0)
        n1 = np.where(finite, sizes, 1.0)
        k1 = np.where(finite, np.round(values * n1), 0.0)
        learned_k, learned_n, dispersion = self._numbers[rows, :3].T
        weight = config.prior_count
        n0 = learned_n / self._overlap + weight
        learned = (learned_k / self._overlap + config.prior * weight) / n0
        usual = np.minimum(config.most, learned)
        change = k1 / n1 - usual
        z = _signed_roots(usual * n0, n0, k1, n1)
        scores = np.where(finite, np.clip(z / np.sqrt(np.maximum(dispersion, 1.0)), -CAP, CAP), 0.0)
        levels = levels_of(scores, config.tiers, config.direction)
        levels[np.abs(change) < config.least_change] = 0
        np.minimum(levels, _HIGH, out=levels, where=np.abs(change) < config.critical_change)
        taken = np.flatnonzero(finite & learn)
        self._learn(rows[taken], k1[taken], n1[taken], learned[taken])
        return scores, levels, np.where(finite, usual, np.nan)

    def _learn(self, rows: Int64s, k: Floats, n: Floats, p: Floats) -> None:
        learned_k, learned_n, dispersion, count = self._numbers[rows].T
        variance = n * p * (1.0 - p)
        square = np.divide((k - n * p) ** 2, variance, out=np.zeros_like(k), where=variance > 0)
        square = np.minimum(square, _MOST_SQUARE)
        dispersion = dispersion + (square - dispersion) * np.maximum(1.0 / self._day, 1.0 / (count + _PRIOR_VALUES))
        columns = [learned_k * self._keep + k, learned_n * self._keep + n, dispersion, count + 1.0]
        self._numbers[rows] = np.column_stack(columns)

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """One line: share, score, usual share."""
        return f"{value:.1%} is {abs(score):.1f} σ {'above' if score > 0 else 'below'} the usual {baseline:.1%}"

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"numbers": self._numbers}

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, JSON-able."""
        return {"numbers": self._numbers[row].tolist()}

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        self._numbers[row] = state["numbers"] if state else _NOTHING


def _signed_roots(k0: Floats, n0: Floats, k1: Floats, n1: Floats) -> Floats:
    """`drift_rate.proportions_z` of many: how many σ each k1 of n1 is above k0 of n0."""
    p = (k0 + k1) / (n0 + n1)
    # All in one: of few series NumPy's calls cost more than what they do.
    seen, expected = np.array((k0, n0 - k0, k1, n1 - k1)), np.array((n0 * p, n0 * (1.0 - p), n1 * p, n1 * (1.0 - p)))
    first, second, third, fourth = _times_log(seen, expected)
    ratio: Floats = first + second + third + fourth
    return np.copysign(np.sqrt(np.maximum(2.0 * ratio, 0.0)), k1 / n1 - k0 / n0)


def _times_log(seen: Floats, expected: Floats) -> Floats:
    """seen ln(seen / expected), 0 where nothing is seen."""
    some = (seen > 0) & (expected > 0)
    return seen * np.log(np.divide(seen, expected, out=np.ones_like(seen), where=some))


class UsualShare(OneOfMany):
    """Of one series. Counts are `share_of(part, whole)`."""

    def __init__(self, config: UsualShareConfig) -> None:
        super().__init__(UsualShares(0, config))

    def update(self, counts: Counts | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the newest counts, then learn them."""
        whole = sum(counts.values()) if counts else 0
        if not counts or not whole:
            return NORMAL
        return self.judge(counts.get(1, 0) / whole, at_ms, learn=learn, sizes=float(whole))
