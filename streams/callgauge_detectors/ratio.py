"""Ratio: a period against the same period earlier, or against a budget.

    current      total (or mean) of the newest `period_ms`, or of the calendar period so far (aligned, UTC)
    reference    the same span `lag_ms` earlier, or `budget` for a whole period
    score        current / reference - 1;   level by the limits on current / reference

    previous hour                  period 1 h, lag 1 h
    same hour yesterday            period 1 h, lag 24 h
    same weekday last week         period 1 h or 24 h, lag 7 d
    cost > 300 % of yesterday      period 24 h aligned, lag 24 h, limits gt 3
    completion -10 % of the week   period 1 h, lag 7 d, mean, limits lt 0.9
    daily cost > 1.5 x budget      period 24 h aligned, budget, limits gt 1.5

Parameters
    window_ms       width of a window.
    combine         "sum" of the windows (calls, cost), "mean" of them (rates, percentiles).
    limits          as in callgauge_detectors.threshold, on the ratio.
    least           change in the series' unit below which nothing is said: three times next to nothing is nothing. It
                    also says what counts after a reference of 0, of which everything is infinitely many times.
    min_coverage    share of the windows of both spans that must have values (not with a budget); a sum is then taken as
                    if the missing ones were like the others: lost data must not look like a fall.
                    Where nothing happening is a value, as with calls or cost, give 0 for such a window, not None.
Time is cut into 24 buckets a period, or windows if they are wider; only full buckets count, so a span ends up to 1/24
of a period before now, and an aligned period is compared with another from a quarter on.

Warm-up lag + period (none with a budget). Memory (lag + period) * 24 / period buckets of two numbers: 600 for an hour
against yesterday, 4,056 against last week. Cost about 10 µs, once a bucket; 1 µs otherwise.

>>> hour = 3_600_000
>>> detector = Ratio(RatioConfig(period_ms=hour, lag_ms=24 * hour, limits=(Limit("gt", 3.0, "high"),)))
>>> for k in range(1, 25 * 60): _ = detector.update(1.0, k * 60_000)
>>> levels = [detector.update(5.0, k * 60_000).level for k in range(25 * 60, 26 * 60)]
>>> levels.index("high")  # 60 + 4 t > 180: half an hour
30

Source: comparison with an offset as in Prometheus (`x / x offset 1d`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from callgauge_detectors.tiers import limited
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short

__all__ = ["DAY_MS", "HOUR_MS", "WEEK_MS", "Ratio", "RatioConfig"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
_BUCKETS = 24


@dataclass(frozen=True, slots=True)
class RatioConfig:
    """See the top of the file. With a budget, `lag_ms` is not used."""

    period_ms: int = HOUR_MS
    lag_ms: int = DAY_MS
    limits: tuple[Limit, ...] = (Limit("gt", 3.0, "high"),)
    combine: Literal["sum", "mean"] = "sum"
    aligned: bool = False
    budget: float | None = None
    least: float = 0.0
    min_coverage: float = 0.75
    window_ms: int = 60_000


@dataclass(slots=True)
class _Bucket:
    count: int = 0
    total: float = 0.0


class Ratio:
    """The detector; see the top of the file."""

    def __init__(self, config: RatioConfig) -> None:
        self.config = config
        self._bucket_ms = max(config.period_ms // _BUCKETS, config.window_ms)
        if config.period_ms % self._bucket_ms or config.lag_ms % self._bucket_ms:
            raise ValueError("period_ms and lag_ms must be multiples of period_ms / 24, and of the window")
        self._threshold = Threshold(ThresholdConfig(config.limits))
        self._span = config.period_ms // self._bucket_ms
        self._windows = max(1, self._bucket_ms // config.window_ms)
        self._lag = 0 if config.budget is not None else config.lag_ms // self._bucket_ms
        self._buckets: dict[int, _Bucket] = {}
        self._last = NORMAL
        self._judged_to = 0

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Take a window in and judge the full buckets.

        `learn` makes no difference: yesterday is what it was, and today's current is judged, not learned.
        """
        if measured(value):
            bucket = self._buckets.setdefault((at_ms - 1) // self._bucket_ms, _Bucket())
            bucket.count += 1
            bucket.total += value
        end = at_ms // self._bucket_ms
        if end != self._judged_to:
            self._judged_to = end
            self._last = self._judge(end)
        return self._last if measured(value) else NORMAL

    def _judge(self, end: int) -> Verdict:
        config = self.config
        for bucket in [b for b in self._buckets if b < end - self._lag - self._span]:
            del self._buckets[bucket]
        start = (end - 1) // self._span * self._span if config.aligned else end - self._span
        current, covered = self._combined(start, end)
        reference: float | None = config.budget
        if reference is None:
            reference, covered_before = self._combined(start - self._lag, end - self._lag)
            enough = max(config.min_coverage * (end - start), self._span / 4) * self._windows
            if min(covered, covered_before) < enough:
                return NORMAL
        if current is None or reference is None or abs(current - reference) < config.least:
            return Verdict(0.0, baseline=reference)
        if not reference and not current:
            return Verdict(0.0, baseline=reference)  # nothing after nothing has no ratio
        ratio = limited(current / reference if reference else math.copysign(math.inf, current))
        verdict, score = self._threshold.update(ratio, 0), ratio - 1.0
        if verdict.level == "none":
            return Verdict(score, baseline=reference)
        against = "of the budget" if config.budget is not None else f"of {config.lag_ms / HOUR_MS:g} h before"
        times = f"{ratio:.0%} ".replace("%", " %") if reference else "infinitely many times what there was "
        return Verdict(score, verdict.level, reference, f"{short(current)} is {times}{against}, {short(reference)}")

    def _combined(self, start: int, end: int) -> tuple[float | None, int]:
        """The sum or mean of a span's windows, and of how many windows it is."""
        parts = [self._buckets[b] for b in range(start, end) if b in self._buckets]
        if not parts:
            return None, 0
        total, count = sum(part.total for part in parts), sum(part.count for part in parts)
        covered = sum(min(part.count, self._windows) for part in parts)
        if self.config.combine == "mean":
            return total / count, covered
        windows = (end - start) * self._windows
        whole = self.config.budget is not None or covered == windows
        return (total if whole else total / covered * windows), covered

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        last = self._last
        return {
            "buckets": [[b, part.count, part.total] for b, part in self._buckets.items()],
            "judged_to": self._judged_to,
            "last": [last.score, last.level, last.baseline, last.reason],
        }

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._buckets = {b: _Bucket(count, total) for b, count, total in snapshot["buckets"]}
        self._judged_to = snapshot["judged_to"]
        self._last = Verdict(*snapshot["last"])
        return self
