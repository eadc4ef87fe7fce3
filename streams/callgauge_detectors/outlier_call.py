"""Outlier call: one call far outside its series (a runaway loop, an absurd cost), named.

Of a window: its largest value and that call's event_id. Of the series: the exponential histogram of the calls before.
    z = (ln x - centre) / max(σ, floor)         over the calls' logarithms, which are the buckets' indices
    mean      centre, σ = mean and standard deviation
    median    centre, σ = median and 1.4826 MAD (where that is 0, 1.2533 mean absolute deviation)
    score     z less what the largest of the window's n calls has by chance, √(2 ln n) (the growth of a normal maximum)
    level     by the tiers, if x is also at least `least_ratio` times the largest seen before

Parameters
    method         "median" (default) or "mean".
    tiers          σ beyond a usual largest call: 3, 3.5, 4, 5.
    least_ratio    times the largest value of the baseline: heavy tails make their own large calls.
    least_sigma    floor of σ, in logarithms: 0.1 is about 10 %.
    min_count      calls in the baseline below which nothing is judged.
    baseline       windows compared with (callgauge_detectors.counts).
    shown_per      so many units of the histogram make one of those that verdicts tell (µs in a ms: 1,000).

Warm-up min_count calls. Memory one sparse histogram a block. Cost about 130 µs.

>>> detector = OutlierCall(OutlierCallConfig())
>>> for k in range(60): _ = detector.update({300: 5, 310: 8, 320: 5}, k, largest=1_050.0, event_id="a")
>>> verdict = detector.update({300: 5, 310: 8, 320: 5, 500: 1}, 60, largest=52_000.0, event_id="0b1f")
>>> verdict.level, verdict.reason.split(":")[0]
('critical', 'call 0b1f')

Source: Iglewicz, Hoaglin: How to Detect and Handle Outliers, ASQC 1993; Embrechts, Klüppelberg, Mikosch: Modelling
Extremal Events, 1997, section 3.3 (normal maxima).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from callgauge_detectors.baseline import SIGMA_PER_MAD, SIGMA_PER_MEAN_AD
from callgauge_detectors.counts import ZERO, CountsBaseline, CountsBaselineConfig
from callgauge_detectors.tiers import Tiers, limited
from callgauge_detectors.verdict import NORMAL, Counts, Verdict, short
from callgauge_detectors.versioned import Versioned
from callgauge_windows.histogram import SCALE, estimate

__all__ = ["OutlierCall", "OutlierCallConfig", "log_mean_sigma", "log_median_mad"]

#: A bucket's width in natural logarithms.
_LOG_BASE = math.log(2.0) / (1 << SCALE)


@dataclass(frozen=True, slots=True)
class OutlierCallConfig:
    """See the top of the file."""

    method: Literal["mean", "median"] = "median"
    tiers: Tiers = field(default_factory=Tiers)
    least_ratio: float = 2.0
    least_sigma: float = 0.1
    min_count: int = 200
    baseline: CountsBaselineConfig = field(default_factory=lambda: CountsBaselineConfig(block=1, reference=120))
    shown_per: float = 1.0


def log_mean_sigma(counts: Counts) -> tuple[float, float]:
    """Mean and standard deviation of the calls' logarithms."""
    n = sum(counts.values())
    total = sum(count * bucket for bucket, count in counts.items())
    squares = sum(count * bucket * bucket for bucket, count in counts.items())
    # In integers up to here: exact, in whatever order the buckets come.
    variance = (n * squares - total * total) / (n * max(1, n - 1))
    return (total / n + 0.5) * _LOG_BASE, math.sqrt(variance) * _LOG_BASE


def log_median_mad(counts: Counts) -> tuple[float, float]:
    """Median of the calls' logarithms and the σ that their median absolute deviation stands for."""
    median = _median(counts)
    deviations: Counter[float] = Counter()
    for bucket, count in counts.items():
        deviations[abs(bucket - median)] += count
    sigma = SIGMA_PER_MAD * _median(deviations)
    if not sigma:
        sigma = SIGMA_PER_MEAN_AD * sum(d * count for d, count in deviations.items()) / sum(counts.values())
    return (median + 0.5) * _LOG_BASE, sigma * _LOG_BASE


def _median(counts: Counts | Counter[float]) -> float:
    half, seen = sum(counts.values()) / 2.0, 0
    for index in sorted(counts):
        seen += counts[index]  # type: ignore[index]  # an index of the mapping itself
        if seen >= half:
            return index
    raise ValueError("no counts")


class OutlierCall(Versioned[CountsBaseline]):
    """The detector; see the top of the file."""

    def __init__(self, config: OutlierCallConfig) -> None:
        self.config = config
        super().__init__(CountsBaseline(config.baseline, config.min_count))

    def update(
        self,
        counts: Counts | None,
        at_ms: int,
        *,
        largest: float | None = None,
        event_id: str = "",
        learn: bool = True,
    ) -> Verdict:
        """Judge a window's largest call, then learn the window.

        Args:
            counts: the window's exponential histogram (`histogram_of`).
            largest: the window's largest value, in the unit of the histogram; by default its highest bucket.
            event_id: the call that it belongs to.
        """
        calls = {bucket: count for bucket, count in (counts or {}).items() if bucket != ZERO and count}
        if not calls:
            return NORMAL
        # The windows before this one: those that have left the current block, and the block itself.
        before = self.baseline.reference + self.baseline.current
        x = largest if largest is not None and math.isfinite(largest) and largest > 0 else estimate(max(calls))
        verdict = self._judge(before, x, sum(calls.values()), event_id)
        if learn:
            self.baseline.add(calls)
        return verdict

    def _judge(self, before: Counter[int], x: float, n: int, event_id: str) -> Verdict:
        config = self.config
        if before.total() < config.min_count:
            return NORMAL
        centre, sigma = (log_mean_sigma if config.method == "mean" else log_median_mad)(before)
        z = (math.log(x) - centre) / max(sigma, config.least_sigma)
        score = limited(z - math.sqrt(2.0 * math.log(n))) if z > 0 else 0.0
        usual, most = math.exp(centre), estimate(max(before))
        level = config.tiers.level(score, "above") if x >= config.least_ratio * most else "none"
        x, usual, most = (value / config.shown_per for value in (x, usual, most))
        if level == "none":
            return Verdict(score, baseline=usual)
        reason = (
            f"call {event_id or '?'}: {short(x)} is {x / usual:,.0f} times the usual {short(usual)} and "
            f"{x / most:,.1f} times the largest of {before.total():,} calls before, {z:.1f} σ"
        )
        return Verdict(score, level, usual, reason)
