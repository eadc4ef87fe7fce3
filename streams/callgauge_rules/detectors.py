"""The detectors that a rule can name: how each is configured, what it is fed with, and how far back it remembers.

value        the aggregate, once every `every`
share        how many of how many calls, of an aggregate that is a share of them
histogram    the values of the calls, of an aggregate of a measured quantity
call         the same, and the call with the largest value
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from callgauge.near_names import unknown
from callgauge_detectors.anytime_rate import AnytimeRate, AnytimeRateConfig
from callgauge_detectors.burn_rate import BurnRate, BurnRateConfig
from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.drift_distribution import DriftDistribution, DriftDistributionConfig
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig
from callgauge_detectors.ewma import Ewma, EwmaConfig
from callgauge_detectors.exhaustion import Exhaustion, ExhaustionConfig
from callgauge_detectors.novelty import SINGLE_VIEW, TWELVE_VIEWS, Novelty, NoveltyConfig, twelve_views
from callgauge_detectors.outlier_call import OutlierCall, OutlierCallConfig
from callgauge_detectors.ratio import Ratio, RatioConfig
from callgauge_detectors.seasonal import Seasonal, SeasonalConfig
from callgauge_detectors.threshold import Threshold, ThresholdConfig
from callgauge_detectors.trend import Trend, TrendConfig
from callgauge_detectors.usual_level import UsualLevel, UsualLevelConfig
from callgauge_detectors.usual_share import UsualShare, UsualShareConfig
from callgauge_detectors.usual_stop import UsualStop, UsualStopConfig
from callgauge_detectors.usual_sum import UsualSum, UsualSumConfig
from callgauge_detectors.zscore import ZScore, ZScoreConfig
from callgauge_rules.parameters import Parameters

__all__ = ["DETECTORS", "DETECTORS_MEANT", "THRESHOLD", "DetectorKind", "detector"]

Feed = Literal["value", "share", "histogram", "call"]

THRESHOLD = "threshold"
_DAY_MS = 86_400_000
_WORDS = {
    **dict.fromkeys(("z_score", "z-score", "sigma", "stddev", "anomaly"), "zscore"),
    **dict.fromkeys(("mad", "median", "modified_zscore"), "robust_zscore"),
    **dict.fromkeys(("cusum", "changepoint", "page_hinkley"), "change_point"),
    **dict.fromkeys(("psi", "ks", "js", "distribution_drift"), "drift_distribution"),
    **dict.fromkeys(("rate_drift",), "drift_rate"),
    **dict.fromkeys(("sequential", "sprt", "msprt", "anytime", "always_valid"), "anytime_rate"),
    **dict.fromkeys(("compare", "change", "week_over_week", "day_over_day"), "ratio"),
    **dict.fromkeys(("slo", "error_budget"), "burn_rate"),
    **dict.fromkeys(("budget", "forecast"), "exhaustion"),
    **dict.fromkeys(("outlier",), "outlier_call"),
    **dict.fromkeys(("baseline", "learned", "usual"), "usual_level"),
    **dict.fromkeys(("traffic", "surge"), "usual_sum"),
    **dict.fromkeys(("absence", "silence", "gap", "no_data", "stop"), "usual_stop"),
    **dict.fromkeys(("limit", "static"), THRESHOLD),
}
#: What other systems call a detector.
DETECTORS_MEANT: Mapping[str, str] = MappingProxyType(_WORDS)


@dataclass(frozen=True)
class DetectorKind:
    """One detector, as rules know it.

    Attributes:
        make: makes one of its config.
        feeds: see the top of this file.
        remembers_ms: of a config, and of how often it is fed, how far back what it knows reaches.
        adds: it adds up what it is fed with, so no call may be in two windows.
        saved: what it knows is a few numbers, and saved: the stream judges by it however far back it reaches.
    """

    name: str
    config: type[Any]
    make: Callable[[Any], Any]
    remembers_ms: Callable[[Any, int], int]
    feeds: Feed = "value"
    adds: bool = False
    saved: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def parameters(self) -> Parameters:
        """What it can be told."""
        return Parameters(self.name, self.config, self.fixed, self.choices)

    @property
    def about(self) -> str:
        """One sentence: the first of its file."""
        lines = (sys.modules[self.config.__module__].__doc__ or "").splitlines()
        return lines[0].rstrip(".")


def detector(name: object) -> DetectorKind:
    """The detector of this name.

    Raises:
        ValueError: there is none.
    """
    if not isinstance(name, str) or name not in DETECTORS:
        raise ValueError(unknown(name, "detector", DETECTORS, DETECTORS_MEANT))
    return DETECTORS[name]


def _windows_of(baseline: Any, every_ms: int) -> int:
    return int(baseline.block * (baseline.reference + 1) * every_ms)


def _spent_ms(config: ExhaustionConfig) -> int:
    return config.lookback_ms if config.gauge else max(config.period_ms, config.lookback_ms)


_BY_SEASONS: Callable[[Any, int], int] = lambda config, _: config.seasons * _DAY_MS  # noqa: E731

_VIEWS: dict[str, dict[str, dict[str, Any]]] = {
    "views": {
        "single": {"views": SINGLE_VIEW},
        "twelve": {"views": TWELVE_VIEWS, "threshold": twelve_views().threshold},
    }
}
_BY_SIZE: Callable[[Any, int], int] = lambda config, every_ms: config.baseline.size * every_ms  # noqa: E731
_BY_SPAN: Callable[[Any, int], int] = lambda config, every_ms: config.span * every_ms  # noqa: E731
_BY_BLOCKS: Callable[[Any, int], int] = lambda config, every_ms: _windows_of(config.baseline, every_ms)  # noqa: E731

#: By name.
DETECTORS: dict[str, DetectorKind] = {
    kind.name: kind
    for kind in (
        DetectorKind(THRESHOLD, ThresholdConfig, Threshold, lambda *_: 0),
        DetectorKind("zscore", ZScoreConfig, ZScore, _BY_SIZE, fixed={"method": "mean"}),
        DetectorKind("robust_zscore", ZScoreConfig, ZScore, _BY_SIZE, fixed={"method": "median"}),
        DetectorKind("ewma", EwmaConfig, Ewma, _BY_SPAN),
        DetectorKind(
            "seasonal",
            SeasonalConfig,
            Seasonal,
            lambda config, _: config.seasons * _DAY_MS * (7 if config.season == "week" else 1),
        ),
        DetectorKind("trend", TrendConfig, Trend, lambda config, every_ms: config.windows * every_ms),
        DetectorKind("change_point", ChangePointConfig, ChangePoint, _BY_SPAN),
        DetectorKind(
            "novelty", NoveltyConfig, Novelty, lambda config, every_ms: config.memory * every_ms, choices=_VIEWS
        ),
        DetectorKind(
            "anytime_rate",
            AnytimeRateConfig,
            AnytimeRate,
            lambda config, _: (config.reach + config.reference) * config.block_ms,
            "share",
            adds=True,
        ),
        DetectorKind("drift_rate", DriftRateConfig, DriftRate, _BY_BLOCKS, "share", adds=True),
        DetectorKind(
            "drift_distribution", DriftDistributionConfig, DriftDistribution, _BY_BLOCKS, "histogram", adds=True
        ),
        DetectorKind(
            "ratio",
            RatioConfig,
            Ratio,
            lambda config, _: config.period_ms + (config.lag_ms if config.budget is None else 0),
            adds=True,
        ),
        DetectorKind(
            "burn_rate",
            BurnRateConfig,
            BurnRate,
            lambda config, _: max(pair.long_ms for pair in config.pairs),
            "share",
            adds=True,
        ),
        DetectorKind("exhaustion", ExhaustionConfig, Exhaustion, lambda config, _: _spent_ms(config), adds=True),
        DetectorKind("outlier_call", OutlierCallConfig, OutlierCall, _BY_BLOCKS, "call", adds=True),
        DetectorKind("usual_level", UsualLevelConfig, UsualLevel, _BY_SEASONS, saved=True),
        DetectorKind("usual_sum", UsualSumConfig, UsualSum, _BY_SEASONS, saved=True),
        DetectorKind("usual_stop", UsualStopConfig, UsualStop, _BY_SEASONS, saved=True),
        DetectorKind(
            "usual_share", UsualShareConfig, UsualShare, lambda config, _: 3 * config.memory_ms, "share", saved=True
        ),
    )
}
