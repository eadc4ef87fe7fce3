"""EWMA with variance: a value far from an exponentially weighted mean, in one pair of numbers.

    z  = (x - μ) / max(σ, floor)
    y  = x, but no further than `clip` σ from μ             (one wild value hardly moves the baseline)
         from the 21st such x in a row on one side on: x    (what stays is no accident, but the new level)
    a  = max(α, 1 / (k + 1)),  α = 2 / (span + 1)          (a plain mean until half of `span` values are in)
    δ  = y - μ;   μ += a δ;   σ² = (1 - a) (σ² + a δ²)

Parameters
    span              windows that the mean looks back, as in pandas' ewm: 86 % of the weight lies on the newest `span`.
    clip              σ beyond which a value counts as if it were at that distance; learning only.
    scale, direction, tiers, least_relative    as in callgauge_detectors.zscore.
    min_history       values below which nothing is judged.

Warm-up 20 values. Memory 4 numbers. Cost about 2 µs: the one to run on every series.

>>> detector = Ewma(EwmaConfig())
>>> for k in range(40): _ = detector.update(100.0 + k % 5, 60_000 * k)
>>> detector.update(140.0, 2_400_000).level
'critical'

Source: Finch: Incremental calculation of weighted mean and variance, 2009, section 9; Roberts, Technometrics 1 (1959)
239. Clipping before learning: Huber's ψ (Huber: Robust Statistics, 1981, chapter 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

from callgauge_detectors.scale import Scale, floor_at, scaled, unscaled
from callgauge_detectors.tiers import Direction, Tiers, limited
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["PATIENCE", "Clip", "Ewma", "EwmaConfig", "WeightedMoments", "reason_of"]

#: Values in a row on one side, beyond which the next one is let in however far away.
PATIENCE = 20


@dataclass(frozen=True, slots=True)
class EwmaConfig:
    """See the top of the file."""

    span: int = 60
    clip: float = 4.0
    scale: Scale = "linear"
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)
    least_relative: float = 0.02
    min_history: int = 20


@dataclass(slots=True)
class WeightedMoments:
    """Exponentially weighted mean and variance; plain ones of the first half `span` values."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def learn(self, value: float, span: float) -> None:
        """Take a value in."""
        a = max(2.0 / (span + 1.0), 1.0 / (self.count + 1.0))
        delta = value - self.mean
        self.mean += a * delta
        self.variance = (1.0 - a) * (self.variance + a * delta * delta)
        self.count += 1


@dataclass(slots=True)
class Clip:
    """Holds wild values back, and lets a new level in.

    Attributes:
        run: how many values in a row were beyond reach, negative when below.
    """

    run: int = 0

    def of(self, distance: float, reach: float) -> float:
        """A distance from the centre as it may be learned: at most `reach`, in full once so many in a row were more.

        A clip that only ever held back would never learn a level that is many σ away, and σ of a series that stood
        still is next to nothing.
        """
        if abs(distance) <= reach:
            self.run = 0
            return distance
        side = 1 if distance > 0 else -1
        self.run = self.run + side if self.run * side > 0 else side
        return distance if self.is_open else side * reach

    @property
    def is_open(self) -> bool:
        """Whether the last value was let in however far away."""
        return abs(self.run) > PATIENCE


def reason_of(value: float, z: float, baseline: float) -> str:
    """One line: value, score, baseline."""
    side = "above" if z > 0 else "below"
    return f"{short(value)} is {abs(z):.1f} σ {side} the moving mean {short(baseline)}"


class Ewma:
    """The detector; see the top of the file."""

    def __init__(self, config: EwmaConfig) -> None:
        self.config = config
        self._moments, self._clip = WeightedMoments(), Clip()

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        if not measured(value):
            return NORMAL
        config, moments = self.config, self._moments
        x = scaled(value, config.scale)
        floor = floor_at(moments.mean, config.least_relative, config.scale)
        ready = moments.count >= config.min_history
        verdict = self._judge(value, x, floor) if ready else NORMAL
        if learn:
            reach = config.clip * max(math.sqrt(moments.variance), floor) if ready else math.inf
            moments.learn(moments.mean + self._clip.of(x - moments.mean, reach), config.span)
        return verdict

    def _judge(self, value: float, x: float, floor: float) -> Verdict:
        sigma = max(math.sqrt(self._moments.variance), floor)
        distance = x - self._moments.mean
        z = limited(distance / sigma) if sigma else limited(distance * math.inf) if distance else 0.0
        level, baseline = (
            self.config.tiers.level(z, self.config.direction),
            unscaled(self._moments.mean, self.config.scale),
        )
        if level == "none":
            return Verdict(z, baseline=baseline)
        return Verdict(z, level, baseline, reason_of(value, z, baseline))

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        moments = self._moments
        numbers = {"count": moments.count, "mean": moments.mean, "variance": moments.variance}
        return numbers | {"run": self._clip.run}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._moments = WeightedMoments(snapshot["count"], snapshot["mean"], snapshot["variance"])
        self._clip = Clip(snapshot["run"])
        return self
