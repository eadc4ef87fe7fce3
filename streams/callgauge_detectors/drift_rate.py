"""Drift of a rate: a share of calls (errors, refusals, answers in the asked style) that has changed.

With k1 of n1 calls in the current block and k0 of n0 in the reference, p = (k0 + k1) / (n0 + n1):
    z = ±√(2 Σ observed ln(observed / expected))        signed root of the likelihood ratio of the two-proportion test
    score = z, 0 unless |p1 - p0| >= least_change and there are enough calls

The usual normal form, (p1 - p0) / √(p (1 - p) (1/n0 + 1/n1)), claims too much as far out as tiers are: of 100 calls
after 2,400 at 5 %, chance passes its "4 σ" 6 times as often as 4 σ, its "5 σ" 34 times; and 3 of 20 after 0 of 1,000 is
12 σ to it, 4.9 σ to the likelihood ratio and 4.3 σ to the exact test.

Parameters
    least_change    share, e.g. 0.05: five calls in a hundred. With many calls anything is significant.
    min_count       calls in the current block and in the reference below which nothing is judged.
    baseline        windows compared (callgauge_detectors.counts): 5 against the 120 before.
    direction, tiers    as in callgauge_detectors.zscore.

Warm-up: 5 blocks of windows and min_count calls on both sides. Memory two numbers a block. Cost about 8 µs.

>>> detector = DriftRate(DriftRateConfig())
>>> for k in range(30): _ = detector.update(share_of(2, 100), k)
>>> detector.update(share_of(60, 100), 30).level
'critical'

Source: NIST/SEMATECH e-Handbook, 7.3.3 (two proportions); Wilks, Ann. Math. Stat. 9 (1938) 60 (likelihood ratio).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from callgauge_detectors.counts import CountsBaseline, CountsBaselineConfig, share_of
from callgauge_detectors.tiers import Direction, Tiers, limited
from callgauge_detectors.verdict import NORMAL, Counts, Verdict
from callgauge_detectors.versioned import Versioned

__all__ = ["DriftRate", "DriftRateConfig", "proportions_z", "share_of"]


@dataclass(frozen=True, slots=True)
class DriftRateConfig:
    """See the top of the file."""

    least_change: float = 0.05
    min_count: int = 50
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)
    baseline: CountsBaselineConfig = field(default_factory=CountsBaselineConfig)


def proportions_z(k0: int, n0: int, k1: int, n1: int) -> float:
    """How many σ k1 of n1 is above k0 of n0."""
    p, change = (k0 + k1) / (n0 + n1), k1 / n1 - k0 / n0
    if not 0.0 < p < 1.0 or not change:
        return 0.0
    cells = ((k0, n0 * p), (n0 - k0, n0 * (1.0 - p)), (k1, n1 * p), (n1 - k1, n1 * (1.0 - p)))
    likelihood_ratio = sum(seen * math.log(seen / expected) for seen, expected in cells if seen)
    return math.copysign(math.sqrt(max(0.0, 2.0 * likelihood_ratio)), change)


class DriftRate(Versioned[CountsBaseline]):
    """The detector; see the top of the file. Counts are `share_of(part, whole)`."""

    def __init__(self, config: DriftRateConfig) -> None:
        self.config = config
        super().__init__(CountsBaseline(config.baseline, config.min_count))

    def update(self, counts: Counts | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the block that ends with this window."""
        if not counts or not sum(counts.values()):
            return NORMAL
        self.baseline.add(counts, learn=learn)
        now, before = self.baseline.current, self.baseline.reference
        k1, n1, k0, n0 = now[1], now.total(), before[1], before.total()
        if min(n0, n1) < self.config.min_count:
            return NORMAL
        p0, p1 = k0 / n0, k1 / n1
        if abs(p1 - p0) < self.config.least_change - 1e-12:  # 0.15 - 0.10 is a little less than 0.05
            return Verdict(0.0, baseline=p0)
        z = limited(proportions_z(k0, n0, k1, n1))
        level = self.config.tiers.level(z, self.config.direction)
        if level == "none":
            return Verdict(z, baseline=p0)
        reason = f"{p1:.1%} of {n1:,} calls after {p0:.1%} of {n0:,}, {abs(z):.1f} σ".replace("%", " %")
        return Verdict(z, level, p0, reason)
