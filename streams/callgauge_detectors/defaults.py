"""Default detectors by kind of signal: chosen once, for all data.

    traffic         calls, tokens, cost per window     8 σ three windows in a row: rises by z-score on the linear scale,
                                                       falls by EWMA on the log scale
    size            tokens or cost per call            the same
    latency         a p95 over the last 5 minutes,     trend over 20 of them: 3.5 σ, and a rise of at least twice the
                    each 30 s                          level
    share           errors, refusals, a wanted style   drift of a rate by at least 5 points
    distribution    latency, tokens, cost of calls     psi of at least 1
    call            the largest call of a window       outlier call

A fall cannot be many σ on the linear scale, where σ is as large as the usual value, nor a rise by a factor on the log
scale of a series that is often near 0; EWMA learns clipped values, so that an outage does not hide the next. Real
traffic has heavy tails: at 4 σ one window in a few hundred is "anomalous" on production traces, against one in 16,000
of a normal distribution. So the tiers for what comes in bursts are higher than those for statistics that are normal
by construction, and a psi of 0.25, which textbooks call significant, is a usual half hour of a chat service. A
lookback that slides makes neighbours alike, hence the large least change of the trend: on three days of unchanging
log-normal latencies (0.2, 0.5 and 5 calls/s) it never fired. tests/bench/detect.py counts the false alarms of every
choice on traffic where nothing is wrong, and what each sees of planted incidents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from callgauge_detectors.drift_distribution import DriftDistribution, DriftDistributionConfig
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig
from callgauge_detectors.ewma import Ewma, EwmaConfig
from callgauge_detectors.outlier_call import OutlierCall, OutlierCallConfig
from callgauge_detectors.tiers import Tiers
from callgauge_detectors.trend import Trend, TrendConfig
from callgauge_detectors.verdict import CountsDetector, Detector, Level
from callgauge_detectors.zscore import ZScore, ZScoreConfig

__all__ = ["BURSTY", "DEFAULTS", "Default", "Kind"]

Kind = Literal["traffic", "size", "latency", "share", "distribution", "call"]

#: σ of each level for what comes in bursts.
BURSTY = Tiers(5.0, 6.0, 8.0, 12.0)


@dataclass(frozen=True)
class Default:
    """A detector and when what it says is an alarm.

    Attributes:
        make: a new detector for windows of that many ms.
        least: level from which on a window counts.
        for_windows: windows in a row.
    """

    name: str
    make: Callable[[int], Detector | CountsDetector]
    least: Level = "high"
    for_windows: int = 1


_BURSTY = (
    Default("rise", lambda _: ZScore(ZScoreConfig("mean", direction="above", tiers=BURSTY)), for_windows=3),
    Default("fall", lambda _: Ewma(EwmaConfig(288, scale="log", direction="below", tiers=BURSTY)), for_windows=3),
)

DEFAULTS: dict[Kind, tuple[Default, ...]] = {
    "traffic": _BURSTY,
    "size": _BURSTY,
    "latency": (
        Default(
            "trend",
            lambda ms: Trend(TrendConfig(20, least_change=2.0, direction="above", window_ms=ms)),
            least="medium",
        ),
    ),
    "share": (Default("drift_rate", lambda _: DriftRate(DriftRateConfig())),),
    "distribution": (Default("drift psi", lambda _: DriftDistribution(DriftDistributionConfig()), "critical"),),
    "call": (Default("outlier_call", lambda _: OutlierCall(OutlierCallConfig())),),
}
