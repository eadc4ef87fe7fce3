"""Change point: the level has moved for good, be it by little. Two-sided CUSUM on standardised values.

    z  = clip((x - μ) / (σ √q), ±clip),   q = (1 + r) / (1 - r),  r >= 0 the series' lag-1 autocorrelation
    S⁺ = max(0, S⁺ + z - k)         S⁻ = max(0, S⁻ - z - k)         alarm when S⁺ or S⁻ > h
    μ, σ, r: exponentially weighted over `span` values, plain until then, not learned while S⁺ or S⁻ > h/2

    score = S⁺ or -S⁻, whichever is larger in size, in σ; tiers are multiples of h: 0.7, 0.85, 1 (the alarm: high), 1.5

At an alarm the detector takes the new level for granted and learns μ, σ from scratch, so a shift alarms once. With
learn=False it stays where it is and goes on alarming.

Parameters
    k           allowance, σ: half of the smallest shift worth finding. Shifts below k are never found.
    h           decision interval, σ. k = 0.5, h = 10 alarm by chance once in 70,000 windows of independent normal
                values (Siegmund's formula), and find a shift of 1 σ after about 2h = 20 windows, one of 2 σ after
                7; nine of ten are found within 60 and 14 (the reference is itself an estimate).
    clip        σ that a single window can count for; clip - k < h: no single value is a change point.
    span        windows that the reference looks back.
    scale, least_relative, min_history    as in callgauge_streams.detectors.ewma.

Warm-up 20 values, again after each alarm. Memory 10 numbers. Cost about 3 µs. (ADWIN needs
another dependency and was not compared.)

>>> detector = ChangePoint(ChangePointConfig())
>>> for k in range(60): _ = detector.update(100.0 + k % 5, k)
>>> [detector.update(104.0 + k % 5, 60 + k).level == "high" for k in range(10)].index(True)
9

Source: Page, Biometrika 41 (1954) 100; Siegmund: Sequential Analysis, 1985, chapter 2 (average run length);
Johnson, Bagshaw, Technometrics 16 (1974) 103 (correlated values).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from callgauge_streams.detectors.ewma import WeightedMoments
from callgauge_streams.detectors.scale import Scale, floor_at, scaled, unscaled
from callgauge_streams.detectors.tiers import Tiers
from callgauge_streams.detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["ChangePoint", "ChangePointConfig"]


@dataclass(frozen=True, slots=True)
class ChangePointConfig:
    """See the top of the file."""

    k: float = 0.5
    h: float = 10.0
    clip: float = 4.0
    span: int = 288
    scale: Scale = "linear"
    least_relative: float = 0.02
    min_history: int = 20


@dataclass(slots=True)
class _State:
    moments: WeightedMoments = field(default_factory=WeightedMoments)
    products: WeightedMoments = field(default_factory=WeightedMoments)
    last: float = 0.0
    up: float = 0.0
    down: float = 0.0
    since: int = 0
    total: float = 0.0


class ChangePoint:
    """The detector; see the top of the file."""

    def __init__(self, config: ChangePointConfig) -> None:
        if config.clip - config.k >= config.h:
            raise ValueError(f"clip - k must be less than h = {config.h}: one value must not be a change point")
        self.config = config
        self._tiers = Tiers(0.7 * config.h, 0.85 * config.h, config.h, 1.5 * config.h)
        self._state = _State()

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        if not measured(value):
            return NORMAL
        config, state = self.config, self._state
        x = scaled(value, config.scale)
        floor = floor_at(state.moments.mean, config.least_relative, config.scale)
        sigma = max(math.sqrt(state.moments.variance), floor) or abs(x) or 1.0
        standardised = min(max((x - state.moments.mean) / sigma, -config.clip), config.clip)
        if state.moments.count < config.min_history:
            if learn:
                self._learn(x, standardised)
            return NORMAL
        r = min(0.9, max(0.0, state.products.mean))
        self._add(standardised * math.sqrt((1.0 - r) / (1.0 + r)), x)
        verdict = self._verdict(value)
        if learn and verdict.level in ("high", "critical"):
            self._state = _State()
            self._learn(x, 0.0)
        elif learn and abs(verdict.score) < config.h / 2.0:
            self._learn(state.moments.mean + standardised * sigma, standardised)
        return verdict

    def _add(self, z: float, x: float) -> None:
        state, config = self._state, self.config
        # Held at 2.5 h, so that a long incident is over soon after it is over.
        state.up = min(max(0.0, state.up + z - config.k), 2.5 * config.h)
        state.down = min(max(0.0, state.down - z - config.k), 2.5 * config.h)
        if state.up or state.down:
            state.since, state.total = state.since + 1, state.total + x
        else:
            state.since, state.total = 0, 0.0

    def _learn(self, x: float, standardised: float) -> None:
        state = self._state
        state.moments.learn(x, self.config.span)
        if state.moments.count > self.config.min_history:
            state.products.learn(standardised * state.last, self.config.span)
        state.last = standardised

    def _verdict(self, value: float) -> Verdict:
        state = self._state
        score = state.up if state.up >= state.down else -state.down
        level, baseline = self._tiers.level(score), unscaled(state.moments.mean, self.config.scale)
        if level == "none":
            return Verdict(score, baseline=baseline)
        now = unscaled(state.total / state.since, self.config.scale)
        moved = f"the level moved from {short(baseline)} to about {short(now)} within {state.since} windows"
        return Verdict(score, level, baseline, f"{short(value)}: {moved}")

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return asdict(self._state)

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        moments, products = WeightedMoments(**snapshot["moments"]), WeightedMoments(**snapshot["products"])
        self._state = _State(**{**snapshot, "moments": moments, "products": products})
        return self
