"""Seasonal baseline: a value unusual for its hour of the day, or of the week.

    b  = hour of the window's end, in 0 ... 23 or 0 ... 167 (Monday 00:00 first; `offset_h` moves it to local time)
    r  = x - μ_b - λ                                            distance from that hour's level
    z  = r / max(σ, floor),   σ² = (k_b v_b + K v) / (k_b + K)  mean r² of that hour, leaning on that of all hours
    λ += (1 - ρ) r                                              what today differs by, followed within an hour or so
    learning: μ_b, v_b and v exponentially weighted over `seasons` days (or weeks), x clipped at `clip` σ as in
              callgauge_detectors.ewma

λ lets a busy day be busy: without it every window of a holiday would be an anomaly. A fall or a rise that comes
within a window or two is still seen in full. While no values come λ decays: what a day was like says nothing of the day
after a gap.

Parameters
    season         "day" (24 buckets) or "week" (168).
    window_ms      width of a window: how many values an hour has.
    seasons        days (weeks) that the baseline looks back.
    min_seasons    times an hour must have been seen before it is judged.
    follow_ms      time constant of λ: ρ = exp(-window / follow); 0 switches it off (λ = 0).
    clip, scale, direction, tiers, least_relative    as in callgauge_detectors.ewma.
    offset_h       hours to add to UTC.

Warm-up 3 days (weeks). Memory 8 numbers a bucket. Cost about 2 µs.

>>> detector = Seasonal(SeasonalConfig(window_ms=3_600_000, follow_ms=0))
>>> hour = 3_600_000
>>> for h in range(1, 24 * 7): _ = detector.update(50.0 if h % 24 < 8 else 200.0, h * hour)
>>> detector.update(200.0, 24 * 7 * hour).level, detector.update(50.0, (24 * 7 + 1) * hour).level
('critical', 'none')

Source: the seasonal part of Holt-Winters (Winters, Management Science 6 (1960) 324) with hours as the period;
Brutlag, LISA 2000, section 3, for deviations kept by season.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from callgauge_detectors.ewma import Clip, WeightedMoments
from callgauge_detectors.scale import Scale, floor_at, scaled, unscaled
from callgauge_detectors.tiers import Direction, Tiers, limited
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["Seasonal", "SeasonalConfig"]

_HOUR_MS = 3_600_000
#: 1 January 1970 was a Thursday.
_EPOCH_HOUR_OF_WEEK = 72
#: How many values of its own an hour's variance needs to weigh as much as that of all hours.
_POOL = 20


@dataclass(frozen=True, slots=True)
class SeasonalConfig:
    """See the top of the file."""

    season: Literal["day", "week"] = "day"
    window_ms: int = 60_000
    seasons: int = 14
    min_seasons: int = 3
    follow_ms: int = 3_600_000
    clip: float = 4.0
    scale: Scale = "linear"
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)
    least_relative: float = 0.02
    offset_h: int = 0


@dataclass(slots=True)
class _Hour:
    moments: WeightedMoments = field(default_factory=WeightedMoments)
    squares: WeightedMoments = field(default_factory=WeightedMoments)
    seen: int = 0
    last: int = -1


class Seasonal:
    """The detector; see the top of the file."""

    def __init__(self, config: SeasonalConfig) -> None:
        self.config = config
        self._span = max(2.0, config.seasons * _HOUR_MS / config.window_ms)
        self._rho = math.exp(-config.window_ms / config.follow_ms) if config.follow_ms else 0.0
        # An exponential mean of the residuals is added to, so its share of the newest is 1 - rho.
        self._hours = [_Hour() for _ in range(24 if config.season == "day" else 168)]
        self._squares, self._clip = WeightedMoments(), Clip()
        self._today, self._last_ms = 0.0, 0

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        if not measured(value):
            return NORMAL
        config = self.config
        if config.follow_ms and (missing_ms := at_ms - self._last_ms - config.window_ms) > 0:
            self._today *= math.exp(-missing_ms / config.follow_ms)
        self._last_ms = at_ms
        at_hour = (at_ms - 1) // _HOUR_MS + config.offset_h
        hour = self._hours[(at_hour + _EPOCH_HOUR_OF_WEEK) % len(self._hours)]
        x = scaled(value, config.scale)
        ready = hour.seen > config.min_seasons or (hour.seen == config.min_seasons and hour.last != at_hour)
        if not ready:
            if learn:
                self._learn(hour, at_hour, x, x - hour.moments.mean - self._today)
            return NORMAL
        floor = floor_at(hour.moments.mean, config.least_relative, config.scale)
        own, pooled, k = hour.squares.mean, self._squares.mean, hour.squares.count
        sigma = max(math.sqrt((k * own + _POOL * pooled) / (k + _POOL)), floor)
        expected = hour.moments.mean + self._today
        r = x - expected
        z = limited(r / sigma) if sigma else limited(r * math.inf) if r else 0.0
        if learn:
            reach = config.clip * sigma
            # Both what the hour is like and what today differs by move no further than `clip` σ at a time.
            inside, usual = self._clip.of(r, reach), x - hour.moments.mean
            usual = usual if self._clip.is_open else min(max(usual, -reach), reach)
            self._today += (1.0 - self._rho) * inside if config.follow_ms else 0.0
            self._learn(hour, at_hour, hour.moments.mean + usual, inside)
        return self._verdict(value, z, unscaled(expected, config.scale))

    def _learn(self, hour: _Hour, at_hour: int, x: float, residual: float) -> None:
        if hour.moments.count:
            hour.squares.learn(residual * residual, self._span)
            self._squares.learn(residual * residual, self._span * len(self._hours))
        hour.moments.learn(x, self._span)
        if hour.last != at_hour:
            hour.seen, hour.last = hour.seen + 1, at_hour

    def _verdict(self, value: float, z: float, baseline: float) -> Verdict:
        level = self.config.tiers.level(z, self.config.direction)
        if level == "none":
            return Verdict(z, baseline=baseline)
        side, of = "above" if z > 0 else "below", self.config.season
        return Verdict(
            z,
            level,
            baseline,
            f"{short(value)} is {abs(z):.1f} σ {side} {short(baseline)}, usual at this hour of the {of}",
        )

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        hours = [[*_numbers(hour.moments), *_numbers(hour.squares), hour.seen, hour.last] for hour in self._hours]
        today = {"today": self._today, "last_ms": self._last_ms, "run": self._clip.run}
        return today | {"squares": _numbers(self._squares), "hours": hours}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._today, self._last_ms, self._clip = snapshot["today"], snapshot["last_ms"], Clip(snapshot["run"])
        self._squares = WeightedMoments(*snapshot["squares"])
        self._hours = [_Hour(WeightedMoments(*h[:3]), WeightedMoments(*h[3:6]), *h[6:]) for h in snapshot["hours"]]
        return self


def _numbers(moments: WeightedMoments) -> list[float]:
    return [moments.count, moments.mean, moments.variance]
