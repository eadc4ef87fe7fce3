"""Novelty: the series does what it has not done before, by distance to the nearest of its own past.

Each value completes a vector f in each *view* of the series (`novelty_features`: level and jump, level and time of
day, level and spread). With e the distance to the nearest remembered vector (`novelty_memory`, the newest `skip` left
out) and k the number of values learned, each view keeps

    s += (e − s) / min(k + 1, smooth)                              what is judged: one odd value is not enough
    z = clip((s − μ) / (σ + μ + 1e-9), −3, 3), 0 while k <= warm_up
    y = min(e, μ + 3 (σ + 0.01));  δ = y − μ;  a = 2 / (min(k, 20000) + 2)
    μ += a δ;  σ² += a ((1 − a) δ² − σ²)                           how novel the series usually is

With r the mean z of the views of the value itself and l that of the local ones, the score is the mean of all views' z,
but with l at most r + 0.5. `novelty_alarm` says which scores are alarms. An alarm is one verdict; in the pause after it
verdicts are "none" with the score beside them.

Two parts are for bursty series. In one that is often novel the usual distance μ is large, and what is as many times σ
above it is less of a surprise: hence μ beside σ. And the local form measures by what the newest values did: once a
bursty series has been quiet for a while, its usual traffic is far from everything, in every local view, at a level that
the series has had a thousand times. So the local views add to what the raw ones see, but raise no alarm by themselves.

Nothing is assumed about the distribution or about a season, and it is the only detector here that knows shapes; the
price is memory, so it is for series that a rule names. Warm-up: `warm_up` values; a day before time of day means much.
Memory and cost per update with 4,000 remembered: one view 48 kB and 14 µs, twelve views 352 kB and 60 µs.

>>> detector = Novelty(NoveltyConfig(memory=500))
>>> steady = {detector.update(100.0 + i % 7, 60_000 * i).level for i in range(600)}
>>> detector.update(150.0, 36_000_000).reason.split("; ")[1]
'the nearest was 105.5 around 09:26 (score 2.68)'

Sources: nearest-neighbour distance as an outlier score: Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining
Outliers from Large Data Sets, SIGMOD 2000. Weighted running mean and variance: Finch, Incremental Calculation of
Weighted Mean and Variance, 2009. The choice of views, the smoothing and the constants are our own, measured on the
development files of the Numenta Anomaly Benchmark (`tests/bench/nab.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from callgauge_detectors.novelty_alarm import AlarmRule
from callgauge_detectors.novelty_features import Clock, Features, Pair, Spread, View
from callgauge_detectors.novelty_memory import LARGEST, Memory
from callgauge_detectors.tiers import Tiers
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["SINGLE_VIEW", "TWELVE_VIEWS", "Novelty", "NoveltyConfig", "twelve_views"]

CLIP = 3.0
#: How far the local views' mean z may be above that of the others.
LOCAL_LEAD = 0.5
#: Values after which the oldest distances count less: μ and σ follow a series that changes over months.
LONGEST_MEAN = 20_000

SINGLE_VIEW: tuple[View, ...] = (Clock(0.1),)
TWELVE_VIEWS: tuple[View, ...] = tuple(
    view
    for local in (False, True)
    for view in (
        Pair(local),
        Clock(0.1, local),
        Clock(0.3, local),
        Spread(8, local),
        Spread(32, local),
        Spread(288, local),
    )
)


@dataclass(frozen=True, slots=True)
class NoveltyConfig:
    """What to look at, what to remember, and when to say so. Points are of the benchmark's standard score.

    Attributes:
        views: what is compared. Twelve instead of one: 3 points.
        threshold: of the score (-3..3) after 1,000 values. 0.9 suits one view, 0.5 the twelve (a mean of many views
            varies less). Of the twelve 10 % less costs 0.6 points and a quarter more false alarms, 5 % more nothing,
            10 % more 4.6.
        memory: vectors remembered, one a value. 2,000 costs 1 point, 6,000 gains 0.3.
        skip: newest vectors not compared with, values. None: -6 points.
        smooth: values that a distance is averaged over. 4 or 8: -0.5 points.
        warm_up: values learned before anything is judged.
        tiers: multiple of the threshold, at the time, from which on an alarm has each level.
    """

    views: tuple[View, ...] = SINGLE_VIEW
    threshold: float = 0.9
    memory: int = 4_000
    skip: int = 32
    smooth: int = 6
    warm_up: int = 100
    tiers: Tiers = Tiers(1.0, 1.25, 1.5, 2.0)  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError("novelty needs at least one view")
        if self.memory < 1 or self.skip < 0 or self.smooth < 1:
            raise ValueError("novelty needs memory >= 1, skip >= 0 and smooth >= 1")


def twelve_views() -> NoveltyConfig:
    """The full form."""
    return NoveltyConfig(views=TWELVE_VIEWS, threshold=0.5)


class _View:
    """How novel a series usually is in one view; the formulas are at the top of this file."""

    __slots__ = ("mean", "smoothed", "variance")

    def __init__(self) -> None:
        self.smoothed = self.mean = self.variance = 0.0

    def z(self, e: float, k: int, config: NoveltyConfig, *, learn: bool) -> float:
        e = min(e, 1.0)  # more than the whole range away only while nothing is learned
        self.smoothed += (e - self.smoothed) / min(k + 1, config.smooth)
        sigma = math.sqrt(self.variance)
        z = 0.0
        if k > config.warm_up:
            z = min(max((self.smoothed - self.mean) / (sigma + self.mean + 1e-9), -CLIP), CLIP)
        if learn:
            delta = min(e - self.mean, CLIP * (sigma + 0.01))
            a = 2 / (min(k, LONGEST_MEAN) + 2)
            self.mean += a * delta
            self.variance += a * ((1 - a) * delta * delta - self.variance)
        return z


class Novelty:
    """The detector; see the top of this file."""

    def __init__(self, config: NoveltyConfig | None = None) -> None:
        self.config = config or NoveltyConfig()
        self._features = Features(self.config.views)
        even, clocks = self._features.even, self._features.clocks
        self._views = [_View() for _ in self.config.views]
        self._alarm = AlarmRule(self.config.threshold)
        self._origin: float | None = None
        self._learned = 0
        # The view, and the column of its level, that names the nearest known value; a Clock knows the time of day too.
        ordered: list[View] = [*even, *clocks]
        self._is_local = [view.local for view in ordered]
        self._locals = sum(self._is_local)
        raw = [place for place, local in enumerate(self._is_local) if not local]
        self._named = next((place for place in raw if isinstance(ordered[place], Clock)), raw[0] if raw else None)
        self._level_column = 0
        if self._named is not None:
            self._level_column = self._named if self._named < len(even) else self._named + len(even)
        self._has_clock = bool(clocks)
        weights = [clock.weight for clock in clocks]
        self._memory = Memory(self.config.memory, self.config.skip, len(even), weights, self._named or 0)

    @property
    def bytes(self) -> int:
        """Size of the remembered numbers; a thread has as much again, once, to compare in."""
        return self._memory.bytes

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the next value, then learn it.

        With `learn` False the value still counts as the newest (smoothing, features, the pause), but is not
        remembered and moves no range, mean or running median.

        Args:
            value: of the window; None, NaN or an infinity is judged "none" and changes nothing.
            at_ms: event time, for the time of day (UTC). It may repeat or go back.
            learn: False while an alert is firing.
        """
        if not measured(value):
            return NORMAL
        if self._origin is None:
            self._origin = value
        x = min(max(value - self._origin, -LARGEST), LARGEST)
        row = self._features.push(x, at_ms, learn=learn)
        if learn:
            self._memory.widen(row)
        distances, place = self._memory.distances(row)
        verdict = self._judge(value, at_ms, self._score(distances, learn=learn), place)
        if learn:
            self._memory.add(row)
            self._learned += 1
        return verdict

    def _judge(self, value: float, at_ms: int, score: float, place: int) -> Verdict:
        over = self._alarm.judge(score)
        baseline = self._level_at(place) if self._learned > self.config.warm_up else None
        if not over:
            return Verdict(score, baseline=baseline)
        return Verdict(score, self.config.tiers.level(over), baseline, self._reason(value, at_ms, score, place))

    def _score(self, distances: Sequence[float], *, learn: bool) -> float:
        config, k = self.config, self._learned
        raw = local = 0.0
        for view, e, is_local in zip(self._views, distances, self._is_local, strict=True):
            z = view.z(e, k, config, learn=learn)
            if is_local:
                local += z
            else:
                raw += z
        if not self._memory.moved:
            return 0.0
        raws = len(distances) - self._locals
        if raws:
            local = min(local, self._locals * (raw / raws + LOCAL_LEAD))
        return (raw + local) / len(distances)

    def _level_at(self, place: int) -> float | None:
        """The level (mean of two values, or of the window of a Spread) of the nearest known vector."""
        if self._named is None or self._origin is None or place < 0:
            return None
        return self._origin + self._memory.at(place, self._level_column)

    def _reason(self, value: float, at_ms: int, score: float, place: int) -> str:
        level = self._level_at(place)
        known = min(self._learned - self.config.skip, self.config.memory)
        told = f"{short(value)} at {_clock(at_ms)} UTC is farther than usual from all {known:,} remembered values"
        if level is not None:
            told += f"; the nearest was {short(level)}"
            if self._has_clock and self._named is not None:
                sine, cosine = (self._memory.at(place, column) for column in (-2, -1))
                told += f" around {_clock(round(math.atan2(sine, cosine) / (2 * math.pi) * 86_400_000))}"
        return f"{told} (score {score:.2f})"

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able: about 6 bytes for each remembered number."""
        return {
            "origin": self._origin,
            "learned": self._learned,
            "features": self._features.snapshot(),
            "memory": self._memory.snapshot(),
            "views": [[view.smoothed, view.mean, view.variance] for view in self._views],
            "alarm": self._alarm.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self.

        Raises:
            ValueError: when it is of other views or of another memory.
        """
        if len(snapshot["views"]) != len(self._views):
            raise ValueError(f"the snapshot has {len(snapshot['views'])} views, the config {len(self._views)}")
        self._memory.restore(snapshot["memory"])
        self._features.restore(snapshot["features"])
        for view, numbers in zip(self._views, snapshot["views"], strict=True):
            view.smoothed, view.mean, view.variance = numbers
        self._alarm.restore(snapshot["alarm"])
        self._origin, self._learned = snapshot["origin"], snapshot["learned"]
        return self


def _clock(at_ms: int) -> str:
    """Hours and minutes, UTC."""
    minutes = at_ms // 60_000 % 1_440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
