"""Change point: the level has moved for good, be it by little. Two-sided CUSUM of what the value before leaves open.

    s  = clip((x - μ) / σ, ±clip)
    u  = clip((s - r s₋₁) / √(1 - r²), ±clip),   r in 0 ... 0.98 the series' lag-1 autocorrelation, s₋₁ the value before
    S⁺ = max(0, S⁺ + u - k)         S⁻ = max(0, S⁻ - u - k)         alarm when S⁺ or S⁻ > h
    μ, σ, r: exponentially weighted over `span` values, plain means at first; a value is learned `lag` windows late, and
    none that came while S⁺ or S⁻ > h/2, so that the reference does not follow the shift that it should show
    r = r̂ + (1 + 3 r̂) / n,  since the estimate r̂ of n values is too small by that

    score = S⁺ or -S⁻, whichever is larger in size, in σ; tiers are multiples of h: 0.7, 0.85, 1 (the alarm: high), 1.5

At an alarm the detector takes the new level for granted and learns μ, σ, r from scratch, so a shift alarms once. With
learn=False it stays where it is and goes on alarming.

Parameters
    k           allowance, σ: half of the smallest shift worth finding. Shifts below k are never found.
    h           decision interval, σ. k = 0.5, h = 10 alarm by chance once in 37,000 windows of independent normal
                values (measured; 70,000 by Siegmund's formula, if μ and σ were known), and find a shift of 1 σ
                after about 2h = 20 windows, one of 2 σ after 7; nine of ten are found within 60 and 14.
    clip        σ that a single window can count for; clip - k < h: no single value is a change point.
    span        windows that the reference looks back.
    lag         see above.
    min_history    windows below which nothing is judged, counted by what they tell: n (1 - r) / (1 + r).
    scale, least_relative    as in callgauge_detectors.ewma.

A series whose values follow each other closely shows a shift less: with r = 0.6 one of 2 σ is found after 16 windows
(nine of ten within 35) at one false alarm in some 6,000; with r = 0.9 `span` windows seldom tell enough to judge.

Warm-up min_history values, more of a series with r > 0, again after each alarm. Memory 10 numbers and `lag` values.
Cost about 5 µs.

ADWIN (river 0.26) finds shifts of independent values as soon and without settings, but alarmed 18 to 41 times in 10,000
unchanging windows with r = 0.6 (this: 1.6). Windows of a service are like that, so it did not earn a dependency.

>>> detector = ChangePoint(ChangePointConfig())
>>> for k in range(60): _ = detector.update(100.0 + k % 5, k)
>>> [detector.update(104.0 + k % 5, 60 + k).level == "high" for k in range(10)].index(True)
7

Source: Page, Biometrika 41 (1954) 100; Siegmund: Sequential Analysis, 1985, chapter 2 (average run length); Lu,
Reynolds, Journal of Quality Technology 33 (2001) 316 (CUSUM of residuals); Marriott, Pope, Biometrika 41 (1954) 390
(bias of r̂).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from callgauge_detectors.ewma import WeightedMoments
from callgauge_detectors.scale import Scale, floor_at, scaled, unscaled
from callgauge_detectors.tiers import Tiers
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["ChangePoint", "ChangePointConfig"]

_MOST_CORRELATED = 0.98
#: Values learned before σ and r mean anything.
_FIRST = 10


@dataclass(frozen=True, slots=True)
class ChangePointConfig:
    """See the top of the file."""

    k: float = 0.5
    h: float = 10.0
    clip: float = 4.0
    span: int = 288
    lag: int = 20
    scale: Scale = "linear"
    least_relative: float = 0.02
    min_history: int = 20


@dataclass(slots=True)
class _Sum:
    """S⁺ or S⁻, and of the windows since it was last 0 how many and the sum of their values."""

    s: float = 0.0
    windows: int = 0
    total: float = 0.0

    def add(self, step: float, x: float, most: float) -> None:
        self.s = min(max(0.0, self.s + step), most)
        self.windows, self.total = (self.windows + 1, self.total + x) if self.s else (0, 0.0)


@dataclass(slots=True)
class _State:
    moments: WeightedMoments = field(default_factory=WeightedMoments)
    products: WeightedMoments = field(default_factory=WeightedMoments)
    learned: float = 0.0
    """s of the value learned last."""
    before: float = 0.0
    """s of the value judged last."""
    waiting: list[float] = field(default_factory=list)
    up: _Sum = field(default_factory=_Sum)
    down: _Sum = field(default_factory=_Sum)


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
        x, r = scaled(value, config.scale), self._correlation()
        s = self._standardised(x)
        ready = min(state.moments.count, config.span) * (1.0 - r) / (1.0 + r) >= config.min_history
        verdict = NORMAL
        if ready:
            u = (s - r * state.before) / math.sqrt(1.0 - r * r)
            self._add(min(max(u, -config.clip), config.clip), x)
            verdict = self._verdict(value)
        else:
            state.up, state.down = _Sum(), _Sum()
        state.before = s
        if learn and verdict.level in ("high", "critical"):
            self._state = _State()
            self._learn(x)
        elif learn and abs(verdict.score) < config.h / 2.0:
            state.waiting.append(x)
            if not ready or len(state.waiting) > config.lag:
                self._learn(state.waiting.pop(0))
        return verdict

    def _correlation(self) -> float:
        """r of what was learned; the most there can be as long as nothing is known."""
        products = self._state.products
        if not products.count:
            return _MOST_CORRELATED
        bias = (1.0 + 3.0 * products.mean) / min(products.count, self.config.span)
        return min(_MOST_CORRELATED, max(0.0, products.mean + bias))

    def _sigma(self, x: float) -> float:
        moments = self._state.moments
        floor = floor_at(moments.mean, self.config.least_relative, self.config.scale)
        # From a constant 0 any change is as large as one can be.
        return max(math.sqrt(moments.variance), floor) or abs(x) / self.config.clip or 1.0

    def _standardised(self, x: float) -> float:
        s = (x - self._state.moments.mean) / self._sigma(x)
        return min(max(s, -self.config.clip), self.config.clip)

    def _add(self, u: float, x: float) -> None:
        state, config = self._state, self.config
        # Held at 2.5 h, so that a long incident is over soon after it is over.
        state.up.add(u - config.k, x, 2.5 * config.h)
        state.down.add(-u - config.k, x, 2.5 * config.h)

    def _learn(self, x: float) -> None:
        state, span = self._state, self.config.span
        s = self._standardised(x)
        if state.moments.count >= _FIRST:
            state.products.learn(s * state.learned, span)
            x = state.moments.mean + s * self._sigma(x)
        state.learned = s
        state.moments.learn(x, span)

    def _verdict(self, value: float) -> Verdict:
        state = self._state
        larger = state.up if state.up.s >= state.down.s else state.down
        score = larger.s if larger is state.up else -larger.s
        level, baseline = self._tiers.level(score), unscaled(state.moments.mean, self.config.scale)
        if level == "none":
            return Verdict(score, baseline=baseline)
        now = unscaled(larger.total / larger.windows, self.config.scale)
        moved = f"the level moved from {short(baseline)} to about {short(now)} within {larger.windows} windows"
        return Verdict(score, level, baseline, f"{short(value)}: {moved}")

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return asdict(self._state)

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._state = _State(
            WeightedMoments(**snapshot["moments"]),
            WeightedMoments(**snapshot["products"]),
            snapshot["learned"],
            snapshot["before"],
            list(snapshot["waiting"]),
            _Sum(**snapshot["up"]),
            _Sum(**snapshot["down"]),
        )
        return self
