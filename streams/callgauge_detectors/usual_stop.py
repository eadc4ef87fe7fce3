"""Usual stop: calls that usually come do not, for longer than this series is ever silent.

    E = min(1.3 least usual within half an hour, what came lately)      calls that should come in a window: of the hours
                            of the days before (callgauge_detectors.hourly), days differing by 1.3; a weighted mean
    S = max(0, S + (1 - rest) E - x ln(1 / rest))       CUSUM of Poisson(rest E) against Poisson(E): about how many
                            calls are missing now, however long they have been
    μ, β                    of the Gumbel distribution of the largest S of each hour, by moments: β = σ √6 / π,
                            μ = mean - 0.5772 β; β is at least 1 and a tenth of the mean
    p = exp(-(S - μ) / β) window / hour                 the chance that S is as large in a window;  z of that p

Calls that come one by one at random have β = 1: 12 that should have come and did not are 4.3 σ. Of calls that come in
bursts, or at fixed times, S is large again and again; μ and β are learned and say how large, so a silence is told when
it is longer than those that end by themselves. μ is at least ln(calls, or windows, of an hour). A window for which the
rule holds is not learned, and an S beyond μ + 4 β counts as that, so that one that is told hardly widens what is usual.

A nightly pause is usual at its hour; a weekend has nothing lately, so nothing can be missing. Where less than a tenth
of the mean is expected, S falls by the mean.

Parameters
    rest               share of the calls that may go on in what is looked for: 0.02. Traffic that falls to less than
                       (1 - rest) / ln(1 / rest) of E, here 25 %, is found in the end. The more may go on, the more a
                       few calls within a long silence weigh, and the more is usual of bursts.
    tiers              as in callgauge_detectors.zscore: if windows are 10 s, 3.75 σ are passed by chance once in one
                       or two days, 4.5 σ once in a month.
    lately_ms          time constant of what came lately; longer where fewer than 50 β calls come in it.
    seasons, min_seasons     days that the profile looks back; days on which an hour was seen before it is judged.
    window_ms          how often it is fed.

The score is negative: it is a fall. Give 0 for a window in which nothing happens, not None. Warm-up min_seasons days.
Memory 60 numbers. Cost 0.3 µs in `UsualStops`.

>>> detector = UsualStop(UsualStopConfig(window_ms=10_000))
>>> for k in range(1, 26 * 360): _ = detector.update(5.0 + k % 5, 10_000 * k)
>>> [detector.update(0.0, 10_000 * (26 * 360 + k)).level for k in range(4)]
['low', 'high', 'critical', 'critical']

Sources: Page, Biometrika 41 (1954) 100; Lucas, Technometrics 27 (1985) 129 (Poisson CUSUM); Gumbel: Statistics of
Extremes, 1958; Abramowitz, Stegun: Handbook of Mathematical Functions, 26.2.23 (z of p).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.hourly import DAY_MS, HOUR_MS
from callgauge_detectors.one_of_many import OneOfMany
from callgauge_detectors.profiled import Profiled
from callgauge_detectors.tiers import CAP, Tiers
from callgauge_detectors.vectorised import levels_of
from callgauge_detectors.verdict import Verdict, short

__all__ = ["UsualStop", "UsualStopConfig", "UsualStops"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_LATELY, _MEAN, _COUNT, _MISSING, _LARGEST, _HOUR, _HOURS, _MAX_MEAN, _MAX_SQUARE = range(9)
_EULER = 0.5772156649015329
# A day has so many times the calls of the days before, or fewer.
_DAYS_DIFFER = 1.3
# What came lately rests on so many calls, in units of β.
_LATELY_CALLS = 50.0
# Maxima of hours that are looked back on, and how many must be known before they say more than the prior.
_MAXIMA, _LEAST_MAXIMA = 168.0, 8.0
# Larger ones are learned as μ + so many β: one in fifty is, and a silence that was told counts no more than those.
_CLIP = 4.0
# β is at least so much of the mean of the maxima: batches at fixed times are never on time to the second.
_LEAST_BETA = 0.1
# Where less than so much of the mean is expected, as at night, S falls.
_NEXT_TO_NOTHING = 0.1


@dataclass(frozen=True, slots=True)
class UsualStopConfig:
    """See the top of the file."""

    rest: float = 0.02
    tiers: Tiers = field(default_factory=Tiers)
    lately_ms: int = 1_800_000
    seasons: int = 7
    min_seasons: int = 1
    window_ms: int = 60_000

    def __post_init__(self) -> None:
        if not 0 < self.rest < 1:
            raise ValueError(f"rest is a share between 0 and 1, not {self.rest:g}")


class UsualStops(Profiled):
    """Of many series; see the top of the file."""

    def __init__(self, series: int, config: UsualStopConfig) -> None:
        self.config = config
        self._lately = min(1.0, config.window_ms / config.lately_ms)
        self._day = min(1.0, config.window_ms / DAY_MS)
        self._window = math.log(min(1.0, config.window_ms / HOUR_MS))
        self._most = (config.tiers.critical + 1.0) ** 2 / 2 + 4.0 + self._window
        """S grows no further than beyond critical, in β above μ: what comes back is soon as it was."""
        super().__init__(series, 9, config.seasons, config.min_seasons)

    def update_rows(
        self, rows: Int64s, values: Floats, *, at_ms: int, learn: Any = True
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """As `UsualLevels.update_rows`. Values are 0 or more."""
        config, finite = self.config, np.isfinite(values)
        x = np.where(finite, np.maximum(values, 0.0), 0.0)
        least, _, known = self._profiles.around(rows, at_ms)
        numbers = self._numbers[rows]
        lately, before = numbers[:, _LATELY], numbers[:, _MISSING]
        expected = np.where(known, np.minimum(_DAYS_DIFFER * least, lately), lately)
        mu, beta = self._tails(numbers)
        grown = before + (1.0 - config.rest) * expected + x * math.log(config.rest)
        # Where nothing is expected, nothing goes on missing.
        grown -= np.where(expected < _NEXT_TO_NOTHING * numbers[:, _MEAN], numbers[:, _MEAN], 0.0)
        enough = numbers[:, _HOURS] >= _LEAST_MAXIMA
        most = np.where(enough, mu + beta * self._most, np.inf)
        missing = np.where(finite, np.clip(grown, 0.0, most), before)
        self._numbers[rows, _MISSING] = missing
        ready = finite & known & (missing > 0)
        z = np.where(ready, np.minimum(_z_of((mu - missing) / beta + self._window), CAP), 0.0)
        taken = np.flatnonzero(finite & learn)
        largest = np.where(enough, np.minimum(missing, mu + _CLIP * beta), missing)
        self._learn(rows[taken], x[taken], largest[taken], beta[taken], at_ms)
        return -z, levels_of(z, config.tiers, "above"), np.where(finite & known, expected, np.nan)

    def _tails(self, numbers: Floats) -> tuple[Floats, Floats]:
        """μ and β of the largest S of an hour."""
        mean = numbers[:, _MAX_MEAN]
        sigma = np.sqrt(np.maximum(numbers[:, _MAX_SQUARE] - mean**2, 0.0))
        enough = numbers[:, _HOURS] >= _LEAST_MAXIMA
        beta = np.where(enough, sigma * math.sqrt(6.0) / math.pi, 0.0)
        beta = np.maximum(beta, np.maximum(1.0, _LEAST_BETA * mean))
        per_hour = np.minimum(numbers[:, _MEAN], 1.0) * HOUR_MS / self.config.window_ms
        mu = np.maximum(np.where(enough, mean - _EULER * beta, 0.0), np.log(np.maximum(per_hour, 1.0)))
        return mu, beta

    def _learn(self, rows: Int64s, x: Floats, missing: Floats, beta: Floats, at_ms: int) -> None:
        self._end_hours(rows, (at_ms - 1) // HOUR_MS)
        numbers = self._numbers[rows]
        plain = 1.0 / (numbers[:, _COUNT] + 1.0)
        pace = np.clip(numbers[:, _MEAN] / (_LATELY_CALLS * beta), min(self._day, self._lately), self._lately)
        numbers[:, _LATELY] += (x - numbers[:, _LATELY]) * np.maximum(pace, plain)
        numbers[:, _MEAN] += (x - numbers[:, _MEAN]) * np.maximum(self._day, plain)
        numbers[:, _COUNT] += 1.0
        numbers[:, _LARGEST] = np.maximum(numbers[:, _LARGEST], missing)
        self._numbers[rows] = numbers
        self._profiles.learn(rows, x, at_ms)

    def _end_hours(self, rows: Int64s, hour: int) -> None:
        """Of series whose hour has ended its largest S is learned."""
        ended = rows[self._numbers[rows, _HOUR] != hour]
        numbers = self._numbers[ended]
        some = numbers[:, _COUNT] > 0
        weight = np.where(some, np.maximum(1.0 / (numbers[:, _HOURS] + 1.0), 1.0 / _MAXIMA), 0.0)
        largest = numbers[:, _LARGEST]
        numbers[:, _MAX_MEAN] += weight * (largest - numbers[:, _MAX_MEAN])
        numbers[:, _MAX_SQUARE] += weight * (largest**2 - numbers[:, _MAX_SQUARE])
        numbers[:, _HOURS] += some
        numbers[:, _LARGEST], numbers[:, _HOUR] = 0.0, hour
        self._numbers[ended] = numbers

    def reason(self, row: int, value: float, score: float, baseline: float) -> str:
        """One line: value, what is usual, how many are missing by now, score."""
        missing = self._numbers[row, _MISSING] / (1.0 - self.config.rest)
        return (
            f"{short(value)} where at least {short(baseline)} are usual; about {short(missing)} are missing by now,"
            f" {abs(score):.1f} σ more than in usual silences"
        )


def _z_of(log_p: Floats) -> Floats:
    """The z that a standard normal value passes with these chances, from their logarithms; 0 for 1/2 and more."""
    t = np.sqrt(-2.0 * np.minimum(log_p, math.log(0.5)))
    above = 2.515517 + t * (0.802853 + t * 0.010328)
    z: Floats = t - above / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return np.maximum(z, 0.0)


class UsualStop(OneOfMany):
    """Of one series."""

    def __init__(self, config: UsualStopConfig) -> None:
        super().__init__(UsualStops(0, config))

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        return self.judge(value, at_ms, learn=learn)
