"""Z-score: a value many standard deviations from its own recent past.

    z = (x - centre) / max(σ, floor)
    mean      centre, σ = mean and sample standard deviation of the baseline
    median    centre, σ = median and 1.4826 MAD (where that is 0, 1.2533 mean absolute deviation)

Parameters
    method            "median" (default: half of the baseline may be wild) or "mean" (sharper on clean, normal data).
    scale             "linear" or "log" (callgauge_detectors.scale).
    direction         "both", "above" or "below".
    tiers             σ of each level: 3, 3.5, 4, 5.
    least_relative    floor of σ as a share of the baseline: a series that hardly varies needs at least 3 times this
                      much of a change.
    least             floor of σ in the series' unit (linear scale only).
    baseline          which values to compare with: the newest 288 windows, judged from 20 on.

Warm-up 20 values. Memory 8 bytes a value of the baseline. Cost about 8 µs (mean), 11 µs (median) at 288 values.

>>> detector = ZScore(ZScoreConfig(method="mean"))
>>> for k in range(40): _ = detector.update(100.0 + k % 5, 60_000 * k)
>>> detector.update(140.0, 2_400_000).level
'critical'

Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17; Iglewicz, Hoaglin: How to Detect and Handle
Outliers, ASQC 1993 (modified z-score).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from callgauge_detectors.baseline import Baseline, BaselineConfig, mean_sigma, median_mad
from callgauge_detectors.scale import Scale, floor_at, scaled, unscaled
from callgauge_detectors.tiers import Direction, Tiers, limited
from callgauge_detectors.verdict import NORMAL, Verdict, measured, short
from callgauge_detectors.versioned import Versioned

__all__ = ["ZScore", "ZScoreConfig", "reason_of"]


@dataclass(frozen=True, slots=True)
class ZScoreConfig:
    """See the top of the file."""

    method: Literal["mean", "median"] = "median"
    scale: Scale = "linear"
    direction: Direction = "both"
    tiers: Tiers = field(default_factory=Tiers)
    least_relative: float = 0.02
    least: float = 0.0
    baseline: BaselineConfig = field(default_factory=BaselineConfig)


def reason_of(config: ZScoreConfig, value: float, z: float, baseline: float, windows: int) -> str:
    """One line: value, score, baseline."""
    side = "above" if z > 0 else "below"
    what = f"the {config.method} of the last {windows} windows"
    return f"{short(value)} is {abs(z):.1f} σ {side} {short(baseline)}, {what}"


class ZScore(Versioned[Baseline]):
    """The detector; see the top of the file."""

    def __init__(self, config: ZScoreConfig) -> None:
        self.config = config
        super().__init__(Baseline(config.baseline))

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value, then learn it."""
        if not measured(value):
            return NORMAL
        x = scaled(value, self.config.scale)
        verdict = self._judge(value, x) if self.baseline.ready else NORMAL
        if learn:
            self.baseline.learn(x)
        return verdict

    def _judge(self, value: float, x: float) -> Verdict:
        config = self.config
        centre, sigma = (mean_sigma if config.method == "mean" else median_mad)(self.baseline.values)
        sigma = max(sigma, floor_at(centre, config.least_relative, config.scale))
        if config.scale == "linear":
            sigma = max(sigma, config.least)
        distance = x - centre
        # From a constant 0 there is no scale to measure by: any change is the largest there is.
        z = limited(distance / sigma) if sigma else limited(distance * float("inf")) if distance else 0.0
        level, baseline = config.tiers.level(z, config.direction), unscaled(centre, config.scale)
        if level == "none":
            return Verdict(z, baseline=baseline)
        return Verdict(z, level, baseline, reason_of(config, value, z, baseline, len(self.baseline.values)))
