"""Drift of a distribution: latency, tokens or cost of the calls are spread otherwise than before.

From the exponential histograms of the current block (q, m calls) and of the reference (p, n calls):
    psi    Σ_b (q_b - p_b) ln(q_b / p_b)                                   population stability index, 0 ... ∞
    js     ½ Σ p_b log2(p_b / a_b) + ½ Σ q_b log2(q_b / a_b), a = (p + q) / 2     Jensen-Shannon divergence, 0 ... 1 bit
    ks     max over bucket edges |P(x) - Q(x)|                             Kolmogorov-Smirnov distance, 0 ... 1
psi and js over at most `bins` bins of about equal weight in the reference, each count + ½ so that none is empty; ks
over all buckets (exact at every edge; the histogram's relative error of 1.1 % is all that is lost).

    score = the statistic; its tier counts only if chance does not explain it, by at least `least_z` σ:
    psi / (1/n + 1/m) and js * 8 ln 2 / (1/n + 1/m) are χ² with bins - 1 degrees of freedom under no drift, and ks has
    Kolmogorov's distribution

Parameters
    measure      "psi" (default), "js" or "ks".
    tiers        of the statistic, by measure if not given: psi 0.1 0.25 0.5 1,
                 js 0.02 0.05 0.1 0.2, ks 0.1 0.15 0.2 0.3 (js is about psi / (8 ln 2) for small drift).
    bins         bins of psi and js.
    least_z      σ that chance must be away.
    min_count    calls in the current block and in the reference below which nothing is judged.
    least_change relative change of the mean below which nothing is said, e.g. 30%; 0: any.
    only_pinned  nothing is said where no baseline is pinned (`callgauge quality pin`): what is pinned takes the place
                 of the reference, in its coarser buckets.
    baseline     windows compared (callgauge_detectors.counts).
    shown_per    so many units of the histogram make one of those that verdicts tell (µs in a ms: 1,000).

Warm-up: 5 blocks of windows and min_count calls on both sides. Memory one sparse histogram a block (about 8 KB for 25).
Cost about 130 µs at 60 calls a window.

>>> detector = DriftDistribution(DriftDistributionConfig())
>>> for k in range(30): _ = detector.update({300: 30, 310: 40, 320: 30}, k)
>>> detector.update({400: 100}, 30).level
'critical'

Sources: Yurdakul: Statistical properties of the population stability index, Western Michigan University, 2018; Lin,
IEEE Trans. Inf. Theory 37 (1991) 145; Kolmogorov-Smirnov: callgauge_detectors.tails.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from callgauge_detectors.counts import ZERO, CountsBaseline, CountsBaselineConfig
from callgauge_detectors.tails import kolmogorov_tail, z_of_chi_square, z_of_p
from callgauge_detectors.tiers import Tiers
from callgauge_detectors.verdict import NORMAL, Counts, Level, Verdict, short
from callgauge_detectors.versioned import Versioned
from callgauge_windows.histogram import SCALE, estimate, quantile

__all__ = ["DriftDistribution", "DriftDistributionConfig", "PinnedCounts", "binned", "compared", "js", "ks", "psi"]

Measure = Literal["psi", "js", "ks"]
Shares = list[float]
_TIERS: dict[Measure, Tiers] = {
    "psi": Tiers(0.1, 0.25, 0.5, 1.0),
    "js": Tiers(0.02, 0.05, 0.1, 0.2),
    "ks": Tiers(0.1, 0.15, 0.2, 0.3),
}


@dataclass(frozen=True, slots=True)
class DriftDistributionConfig:
    """See the top of the file."""

    measure: Measure = "psi"
    tiers: Tiers | None = None
    bins: int = 10
    least_z: float = 4.0
    min_count: int = 50
    baseline: CountsBaselineConfig = field(default_factory=CountsBaselineConfig)
    shown_per: float = 1.0
    least_change: float = 0.0
    only_pinned: bool = False


class PinnedCounts(NamedTuple):
    """A pinned baseline: what it was and is compared with, whatever came since.

    Attributes:
        number: names it.
        counts: buckets of OpenTelemetry's `scale`, no finer than those of windows.
        mean: of its calls.
    """

    number: int
    counts: Counts
    scale: int
    mean: float


def binned(reference: Counts, current: Counts, bins: int) -> tuple[list[int], list[int]]:
    """Both histograms' counts in at most `bins` bins of about equal weight in the reference."""
    total, seen, p, q = sum(reference.values()), 0, [0], [0]
    for bucket in sorted(reference.keys() | current.keys()):
        # A bin is closed before a bucket that would take it further past its quantile than it is short of it. What only
        # the current block has shares no bin with what the reference has much of.
        weight = reference.get(bucket, 0)
        opened = p[-1] or (q[-1] and weight)
        if opened and seen + weight / 2 > total * len(p) / bins and len(p) < bins:
            p.append(0)
            q.append(0)
        p[-1] += weight
        q[-1] += current.get(bucket, 0)
        seen += weight
    return p, q


def psi(p: Shares, q: Shares) -> float:
    """Population stability index of two lists of positive shares."""
    return sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))


def js(p: Shares, q: Shares) -> float:
    """Jensen-Shannon divergence of two lists of positive shares, bits."""
    return sum(
        0.5 * (a * math.log2(2 * a / (a + b)) + b * math.log2(2 * b / (a + b))) for a, b in zip(p, q, strict=True)
    )


def ks(reference: Counts, current: Counts) -> float:
    """Largest distance of the two cumulative distributions."""
    n, m = sum(reference.values()), sum(current.values())
    distance, below_p, below_q = 0.0, 0, 0
    for bucket in sorted(reference.keys() | current.keys()):
        below_p += reference.get(bucket, 0)
        below_q += current.get(bucket, 0)
        distance = max(distance, abs(below_p / n - below_q / m))
    return distance


def _smoothed(counts: list[int]) -> Shares:
    total = sum(counts) + 0.5 * len(counts)
    return [(count + 0.5) / total for count in counts]


def compared(before: Counter[int], now: Counter[int], measure: Measure = "psi", bins: int = 10) -> tuple[float, float]:
    """The statistic, and how many σ chance is away from explaining it. Neither histogram is empty."""
    n, m = before.total(), now.total()
    if measure == "ks":
        distance = ks(before, now)
        return distance, z_of_p(kolmogorov_tail(distance, n, m))
    p, q = map(_smoothed, binned(before, now, bins))
    if len(p) < 2:
        # All calls of the reference are in one bucket: two bins, that bucket and any other.
        p, q = map(_smoothed, ([n, 0], [now[max(before)], m - now[max(before)]]))
    statistic: Callable[[Shares, Shares], float] = psi if measure == "psi" else js
    score = statistic(p, q)
    per_psi = 1.0 if measure == "psi" else 8.0 * math.log(2.0)
    return score, z_of_chi_square(score * per_psi / (1.0 / n + 1.0 / m), len(p) - 1)


class DriftDistribution(Versioned[CountsBaseline]):
    """The detector; see the top of the file. Counts are `histogram_of(zero_count, buckets)`."""

    def __init__(self, config: DriftDistributionConfig) -> None:
        self.config = config
        super().__init__(CountsBaseline(config.baseline, config.min_count))
        self._tiers = config.tiers or _TIERS[config.measure]

    def update(
        self, counts: Counts | None, at_ms: int, *, learn: bool = True, pinned: PinnedCounts | None = None
    ) -> Verdict:
        """Judge the block that ends with this window.

        Args:
            pinned: the baseline in force; None: there is none.
        """
        if not counts or not sum(counts.values()):
            return NORMAL
        self.baseline.add(counts, learn=learn)
        now = self.baseline.current
        if pinned is not None:
            return self._judge_pinned(pinned, now)
        before = self.baseline.reference
        if self.config.only_pinned or min(now.total(), before.total()) < self.config.min_count:
            return NORMAL
        median = _median(before) / self.config.shown_per
        score, z = self._compare(before, now)
        level = self._level(score, z, _mean(before), _mean(now))
        if level == "none":
            return Verdict(score, baseline=median)
        median_now = _median(now) / self.config.shown_per
        reason = (
            f"{self.config.measure} {score:.2f} between {now.total():,} calls (median {short(median_now)}) and "
            f"{before.total():,} before (median {short(median)}), {min(z, 37.0):.1f} σ"
        )
        return Verdict(score, level, median, reason)

    def _judge_pinned(self, pinned: PinnedCounts, now: Counter[int]) -> Verdict:
        before, mean_now, per = Counter(pinned.counts), _mean(now), self.config.shown_per
        if min(now.total(), before.total()) < self.config.min_count or not pinned.mean:
            return NORMAL
        score, z = self._compare(before, _coarser(now, SCALE - pinned.scale))
        level = self._level(score, z, pinned.mean, mean_now)
        reason = (
            f"a mean of {short(mean_now / per)} over {now.total():,} calls after {short(pinned.mean / per)} over "
            f"{before.total():,} when it was pinned, {self.config.measure} {score:.2f}, {min(z, 37.0):.1f} σ"
        )
        return Verdict(score, level, pinned.mean / per, reason if level != "none" else "")

    def _level(self, score: float, z: float, mean_before: float, mean_now: float) -> Level:
        changed = abs(mean_now - mean_before) >= (self.config.least_change - 1e-12) * mean_before
        return self._tiers.level(score, "above") if changed and z >= self.config.least_z else "none"

    def _compare(self, before: Counter[int], now: Counter[int]) -> tuple[float, float]:
        return compared(before, now, self.config.measure, self.config.bins)


def _coarser(counts: Counter[int], doublings: int) -> Counter[int]:
    """The same counts in buckets each of which is 2^doublings of these, as OpenTelemetry merges them."""
    found: Counter[int] = Counter()
    for bucket, count in counts.items():
        found[bucket if bucket == ZERO else bucket >> doublings] += count
    return found


def _mean(counts: Counter[int]) -> float:
    return sum(estimate(bucket) * count for bucket, count in counts.items() if bucket != ZERO) / counts.total()


def _median(counts: Counter[int]) -> float:
    positive = {bucket: count for bucket, count in counts.items() if bucket != ZERO}
    return quantile(counts[ZERO], positive, 0.5) or 0.0
