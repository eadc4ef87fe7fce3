"""Time to exhaustion: a budget or a rate limit that will be used up before it is renewed.

    used(t)   share of the budget spent since the period began (spend), or the share seen used (gauge)
    rate      (used(t) - used(t - lookback)) / lookback
    left      (1 - used) / rate                                       ms until it is used up
    level     the worst tier with left <= its time, if that is before the period ends; "critical" when used >= 1
    score     share of the period's rest that it lasts short of: 1 - left / rest, 0 when it lasts

Parameters
    budget         in the unit of the values (dollars, tokens); 1.0 with gauge=True.
    gauge          False: values are what each window spent. True: values are the share of a rate limit seen used,
                   which falls to less than half when the provider renews it (smaller falls are jitter).
    period_ms      the budget's period, calendar (UTC): 24 h, 1 h, 60 s ...
    lookback_ms    over which the rate is taken.
    tiers_ms       ms left from which on each level holds (low, medium, high, critical).

Warm-up half a lookback. Memory two numbers a window of the lookback. Cost about 2 µs.

>>> detector = Exhaustion(ExhaustionConfig(budget=100.0))
>>> for k in range(1, 100): verdict = detector.update(0.1 if k < 60 else 1.0, 60_000 * k)
>>> verdict.level, verdict.reason
('high', '46 % of 100 used, the rest will be in 1.3 h, 21.1 h before it is renewed')

Source: the linear extrapolation of Prometheus' `predict_linear`; budgets: Site Reliability Workbook, chapter 5.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Self

from callgauge_detectors.verdict import NORMAL, Level, Verdict, measured, short

__all__ = ["Exhaustion", "ExhaustionConfig"]

_HOUR_MS = 3_600_000
_UP: tuple[Level, ...] = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class ExhaustionConfig:
    """See the top of the file."""

    budget: float = 1.0
    gauge: bool = False
    period_ms: int = 24 * _HOUR_MS
    lookback_ms: int = _HOUR_MS
    tiers_ms: tuple[int, int, int, int] = (12 * _HOUR_MS, 6 * _HOUR_MS, 2 * _HOUR_MS, _HOUR_MS // 2)


class Exhaustion:
    """The detector; see the top of the file."""

    def __init__(self, config: ExhaustionConfig) -> None:
        if config.budget <= 0:
            raise ValueError(f"budget must be positive, not {config.budget}")
        self.config = config
        self._points: deque[tuple[int, float]] = deque()
        self._period = -1
        self._spent = 0.0

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge what is left; a budget is spent whether or not an alert fires."""
        if not measured(value):
            return NORMAL
        config, period = self.config, (at_ms - 1) // self.config.period_ms
        renewed = bool(self._points) and config.gauge and value < self._points[-1][1] / 2
        if renewed or (period != self._period and not config.gauge):
            self._points.clear()
        used = value if config.gauge else self._spend(value, period)
        self._points.append((at_ms, used))
        while self._points[0][0] < at_ms - config.lookback_ms:
            self._points.popleft()
        share = used / config.budget
        rest_ms = (period + 1) * config.period_ms - at_ms
        if share >= 1.0:
            return Verdict(1.0, "critical", config.budget, f"all of {short(config.budget)} is used")
        lasted_ms = at_ms - self._points[0][0]
        grown = used - self._points[0][1]
        if grown <= 0 or lasted_ms < config.lookback_ms / 2:
            return Verdict(0.0, baseline=config.budget)
        left_ms = (config.budget - used) / grown * lasted_ms
        if left_ms >= rest_ms:
            return Verdict(0.0, baseline=config.budget)
        score = 1.0 - left_ms / rest_ms
        for level, most_ms in zip(_UP, reversed(config.tiers_ms), strict=True):
            if left_ms <= most_ms:
                return Verdict(score, level, config.budget, self._reason(share, left_ms, rest_ms))
        return Verdict(score, baseline=config.budget)

    def _spend(self, value: float, period: int) -> float:
        if period != self._period:
            self._period, self._spent = period, 0.0
        self._spent += value
        return self._spent

    def _reason(self, share: float, left_ms: float, rest_ms: float) -> str:
        return (
            f"{share:.0%} of {short(self.config.budget)} used, the rest will be in {left_ms / _HOUR_MS:.1f} h, "
            f"{(rest_ms - left_ms) / _HOUR_MS:.1f} h before it is renewed".replace("%", " %")
        )

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {"points": [list(point) for point in self._points], "period": self._period, "spent": self._spent}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._points = deque((at_ms, used) for at_ms, used in snapshot["points"])
        self._period, self._spent = snapshot["period"], snapshot["spent"]
        return self
