"""What every detector holds to, whatever its formula.

             usual                spike   usual              shifted
......................................|.........----------------------------
warm-up: none    false alarms: none   alarms or ignored      seen within so many windows
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from callgauge_detectors.anytime_rate import AnytimeRate, AnytimeRateConfig
from callgauge_detectors.baseline import BaselineConfig
from callgauge_detectors.burn_rate import BurnRate, BurnRateConfig
from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.counts import ZERO, share_of
from callgauge_detectors.drift_distribution import DriftDistribution, DriftDistributionConfig
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig
from callgauge_detectors.ewma import Ewma, EwmaConfig
from callgauge_detectors.exhaustion import Exhaustion, ExhaustionConfig
from callgauge_detectors.outlier_call import OutlierCall, OutlierCallConfig
from callgauge_detectors.ratio import HOUR_MS, Ratio, RatioConfig
from callgauge_detectors.seasonal import Seasonal, SeasonalConfig
from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from callgauge_detectors.trend import Trend, TrendConfig
from callgauge_detectors.usual_level import UsualLevel, UsualLevelConfig
from callgauge_detectors.usual_share import UsualShare, UsualShareConfig
from callgauge_detectors.usual_stop import UsualStop, UsualStopConfig
from callgauge_detectors.usual_sum import UsualSum, UsualSumConfig
from callgauge_detectors.verdict import LEVELS, Verdict
from callgauge_detectors.zscore import ZScore, ZScoreConfig

MINUTE_MS = 60_000
START_MS = 1_700_006_400_000  # an hour's start
Make = Callable[[random.Random], Any]


def values(level: float, sigma: float = 3.0) -> Make:
    return lambda rng: rng.gauss(level, sigma)


def shares(p: float, n: int = 100) -> Make:
    return lambda rng: share_of(sum(rng.random() < p for _ in range(n)), n)


def histograms(bucket: int, n: int = 60) -> Make:
    def make(rng: random.Random) -> Any:
        counts: dict[int, int] = {}
        for _ in range(n):
            index = bucket + round(rng.gauss(0, 8) / 4) * 4
            counts[index] = counts.get(index, 0) + 1
        return counts

    return make


@dataclass(frozen=True)
class Case:
    """A detector, and what it is to make of a usual, a wild and a shifted series."""

    name: str
    make: Callable[[], Any]
    usual: Make
    constant: Any
    shifted: Make
    spike: Any
    warm_up: int
    within: int
    spike_alarms: bool
    recovers: int = 1
    keeps: bool = True
    step_ms: int = MINUTE_MS
    length: int = 300
    ramp: float = 0.0
    wild: Make = field(default=lambda rng: rng.choice([0.0, -1e12, 1e12, 1e-12, 1e-300, rng.gauss(0, 1e6)]))


def value_case(name: str, make: Callable[[], Any], **kw: Any) -> Case:
    return Case(name, make, **{"usual": values(100), "constant": 100.0, "shifted": values(150), "spike": 1000.0, **kw})


def wild_counts(rng: random.Random) -> Any:
    return {0: rng.randrange(1000), 1: rng.randrange(1000), ZERO: rng.randrange(2), rng.randrange(-200, 1200): 1}


def counts_case(name: str, make: Callable[[], Any], **kw: Any) -> Case:
    defaults = {
        "usual": histograms(300),
        "constant": {300: 60},
        "shifted": histograms(380),
        "spike": {450: 60},
        "wild": wild_counts,
    }
    return Case(name, make, **{**defaults, **kw})


def wild_shares(rng: random.Random) -> Any:
    return share_of(part := rng.randrange(1000), part + rng.randrange(1000))


SHARES = {"usual": shares(0.05), "constant": share_of(5, 100), "shifted": shares(0.4), "wild": wild_shares}
HOURLY = SeasonalConfig(window_ms=HOUR_MS, follow_ms=3 * HOUR_MS)

CASES = [
    value_case(
        "threshold",
        lambda: Threshold(ThresholdConfig((Limit("gt", 130.0), Limit("gt", 500.0, "critical"), Limit("lt", 10.0)))),
        warm_up=0,
        within=1,
        spike_alarms=True,
    ),
    value_case("zscore mean", lambda: ZScore(ZScoreConfig("mean")), warm_up=20, within=1, spike_alarms=True),
    value_case("zscore median", lambda: ZScore(ZScoreConfig("median")), warm_up=20, within=1, spike_alarms=True),
    value_case("zscore log", lambda: ZScore(ZScoreConfig(scale="log")), warm_up=20, within=1, spike_alarms=True),
    value_case(
        "zscore pinned",
        lambda: ZScore(ZScoreConfig(baseline=BaselineConfig(size=100, pinned=True))),
        warm_up=20,
        within=1,
        spike_alarms=True,
    ),
    value_case("ewma", lambda: Ewma(EwmaConfig()), warm_up=20, within=1, spike_alarms=True),
    value_case("ewma log", lambda: Ewma(EwmaConfig(scale="log")), warm_up=20, within=1, spike_alarms=True),
    value_case("seasonal", lambda: Seasonal(HOURLY), warm_up=72, within=1, spike_alarms=True, step_ms=HOUR_MS),
    value_case(
        "seasonal week",
        lambda: Seasonal(SeasonalConfig("week", HOUR_MS, min_seasons=2)),
        warm_up=336,
        within=1,
        spike_alarms=True,
        step_ms=HOUR_MS,
        length=600,
    ),
    value_case(
        "trend theil_sen",
        lambda: Trend(TrendConfig(20)),
        shifted=values(100),
        ramp=4.0,
        warm_up=19,
        within=15,
        spike_alarms=False,
        keeps=False,
    ),
    value_case(
        "trend least_squares",
        lambda: Trend(TrendConfig(20, "least_squares")),
        shifted=values(100),
        ramp=4.0,
        warm_up=19,
        within=15,
        spike_alarms=False,
        keeps=False,
    ),
    value_case("change_point", lambda: ChangePoint(ChangePointConfig()), warm_up=20, within=8, spike_alarms=False),
    value_case(
        "ratio",
        lambda: Ratio(RatioConfig(HOUR_MS, HOUR_MS, (Limit("gt", 1.4), Limit("lt", 0.5)))),
        warm_up=119,
        within=60,
        spike_alarms=False,
        keeps=False,
    ),
    counts_case("drift_rate", lambda: DriftRate(DriftRateConfig()), **SHARES, spike=share_of(90, 100),
                warm_up=9, within=3, spike_alarms=True, recovers=5),
    counts_case("anytime_rate", lambda: AnytimeRate(AnytimeRateConfig()), **SHARES, spike=share_of(90, 100),
                warm_up=20, within=3, spike_alarms=True, recovers=6),
    counts_case("drift psi", lambda: DriftDistribution(DriftDistributionConfig()), warm_up=9, within=3,
                spike_alarms=True, recovers=5),
    counts_case("drift js", lambda: DriftDistribution(DriftDistributionConfig("js")), warm_up=9, within=3,
                spike_alarms=True, recovers=5),
    counts_case("drift ks", lambda: DriftDistribution(DriftDistributionConfig("ks")), warm_up=9, within=3,
                spike_alarms=True, recovers=5),
    counts_case("burn_rate", lambda: BurnRate(BurnRateConfig()), **{**SHARES, "usual": shares(0.002, 1000),
                "constant": share_of(2, 1000)}, spike=share_of(1000, 1000), warm_up=0, within=60,
                spike_alarms=False, keeps=False),
    value_case("exhaustion", lambda: Exhaustion(ExhaustionConfig(budget=1000.0)), usual=values(0.5, 0.1),
               constant=0.5, shifted=values(5.0), spike=10.0, warm_up=30, within=30, spike_alarms=False, keeps=False),
    value_case("usual_level", lambda: UsualLevel(UsualLevelConfig()), warm_up=60, within=1, spike_alarms=True),
    value_case("usual_level log", lambda: UsualLevel(UsualLevelConfig(scale="log", least_change=0.3)), warm_up=60,
               within=1, spike_alarms=True),
    value_case("usual_sum", lambda: UsualSum(UsualSumConfig(least_ratio=1.2, window_ms=HOUR_MS)), warm_up=24,
               within=1, spike_alarms=True, step_ms=HOUR_MS),
    value_case("usual_stop", lambda: UsualStop(UsualStopConfig(window_ms=HOUR_MS)), shifted=values(10), spike=0.0,
               warm_up=24, within=1, spike_alarms=True, step_ms=HOUR_MS),
    counts_case("usual_share", lambda: UsualShare(UsualShareConfig()), **SHARES, spike=share_of(90, 100),
                warm_up=0, within=1, spike_alarms=True),
    counts_case("outlier_call median", lambda: OutlierCall(OutlierCallConfig()), warm_up=3, within=1,
                shifted=histograms(420), spike_alarms=True),
    counts_case("outlier_call mean", lambda: OutlierCall(OutlierCallConfig("mean")), warm_up=3, within=1,
                shifted=histograms(420), spike_alarms=True),
]  # fmt: skip

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))


def run(case: Case, detector: Any, inputs: list[Any], first: int = 0, **kw: Any) -> list[Verdict]:
    return [detector.update(x, START_MS + (first + k + 1) * case.step_ms, **kw) for k, x in enumerate(inputs)]


def usual(case: Case, count: int, seed: int = 1) -> list[Any]:
    rng = random.Random(seed)
    return [case.usual(rng) for _ in range(count)]


def shifted(case: Case, count: int, seed: int = 2) -> list[Any]:
    rng = random.Random(seed)
    return [case.shifted(rng) + case.ramp * k if case.ramp else case.shifted(rng) for k in range(count)]


def alarms(verdicts: list[Verdict]) -> list[int]:
    """The windows that reach at least "high", the default level of an alarm."""
    return [k for k, verdict in enumerate(verdicts) if LEVELS.index(verdict.level) >= LEVELS.index("high")]


def speaks(verdicts: list[Verdict]) -> list[int]:
    return [k for k, verdict in enumerate(verdicts) if verdict.level != "none"]


@each
def test_constant_input_never_alarms(case: Case) -> None:
    """Not at any level, and every score is finite."""
    verdicts = run(case, case.make(), [case.constant] * 2_000)
    assert not speaks(verdicts)
    assert all(math.isfinite(verdict.score) for verdict in verdicts)


@each
def test_usual_input_is_quiet(case: Case) -> None:
    """Independent noise around a constant level raises no alarm."""
    assert not alarms(run(case, case.make(), usual(case, 1_000)))


@each
def test_warm_up_gives_none(case: Case) -> None:
    """Whatever comes during warm-up, wild values too, is not judged."""
    inputs = usual(case, case.warm_up)
    if inputs:
        inputs[-1] = case.spike
    assert not speaks(run(case, case.make(), inputs))


@each
def test_missing_windows_are_harmless(case: Case) -> None:
    """None, NaN and infinity (or no counts) are judged "none" and change no later verdict."""
    missing: list[Any] = [None, {}] if isinstance(case.constant, dict) else [None, math.nan, math.inf, -math.inf]
    inputs = usual(case, case.length) + shifted(case, 40)
    detector, alike = case.make(), case.make()
    for k, value in enumerate(inputs):
        at_ms = START_MS + (k + 1) * case.step_ms
        expected = alike.update(value, at_ms)
        if k % 3 == 0:
            assert detector.update(missing[k // 3 % len(missing)], at_ms - case.step_ms + 1) == Verdict(0.0)
        assert detector.update(value, at_ms) == expected


@each
def test_gap_is_harmless(case: Case) -> None:
    """After an hour, a day, a month of nothing the usual is as usual as before."""
    detector, at = case.make(), 0
    for windows in (0, 60, 1_440, 43_200):
        at += windows
        assert not alarms(run(case, detector, usual(case, case.length, seed=windows), at))
        at += case.length


@each
def test_single_spike(case: Case) -> None:
    """One wild window is an alarm or not, as the detector states, and is over soon after."""
    detector = case.make()
    run(case, detector, usual(case, case.length))
    after = run(case, detector, [case.spike, *usual(case, 60, seed=3)], case.length)
    found = alarms(after)
    assert bool(found) == case.spike_alarms
    assert all(k < case.recovers for k in found)


@each
def test_level_shift_is_seen(case: Case) -> None:
    """Within the stated number of windows, with a baseline and a reason."""
    detector = case.make()
    run(case, detector, usual(case, case.length))
    verdicts = run(case, detector, shifted(case, case.within), case.length)
    found = speaks(verdicts)
    assert found
    assert verdicts[found[0]].reason
    assert verdicts[found[0]].baseline is not None


@each
def test_learning_stops_while_firing(case: Case) -> None:
    """With learn=False the same incident is as much of an alarm after 500 windows."""
    if not case.keeps:
        pytest.skip("has no baseline that could take an incident for normal")
    detector = case.make()
    run(case, detector, usual(case, case.length))
    verdicts = run(case, detector, shifted(case, 500), case.length, learn=False)
    assert len(speaks(verdicts)) >= 500 - case.within


@each
def test_snapshot_continues_bit_for_bit(case: Case) -> None:
    """Through JSON, at any moment, and the snapshot is not tied to the detector it came from."""
    for cut in (0, 7, case.length, case.length + 3):
        inputs = usual(case, case.length) + shifted(case, 60)
        detector = case.make()
        run(case, detector, inputs[:cut])
        text = json.dumps(detector.snapshot(), allow_nan=False)
        restored = case.make().restore(json.loads(text))
        rest = run(case, detector, inputs[cut:], cut)
        assert run(case, restored, inputs[cut:], cut) == rest
        assert restored.snapshot() == detector.snapshot()
        assert json.dumps(case.make().restore(json.loads(text)).snapshot()) == text


@each
def test_same_input_same_verdicts(case: Case) -> None:
    """Nothing but the input decides."""
    inputs = usual(case, case.length) + shifted(case, 60)
    assert run(case, case.make(), inputs) == run(case, case.make(), inputs)


@pytest.mark.long
@each
def test_very_long_runs(case: Case, long: bool) -> None:
    """14,000 windows (100,000 in `make chaos`), wild ones among them: finite scores, a state that stops growing, and
    eyes still open."""
    detector, rng = case.make(), random.Random(5)
    sizes, windows = [], 100_000 if long else 14_000
    for k in range(windows):
        value = (
            case.wild(rng)
            if k % 1_000 < 3 and 1_000 <= k < windows - 10_000
            else case.usual(rng)
            if k % 8 == 0
            else case.constant
        )
        verdict = detector.update(value, START_MS + (k + 1) * case.step_ms)
        assert math.isfinite(verdict.score)
        if k in (windows // 2, windows - 1):
            sizes.append(len(json.dumps(detector.snapshot(), allow_nan=False)))
    assert sizes[1] < 1.6 * sizes[0] + 3_000  # points come and go within a bound
    assert speaks(run(case, detector, shifted(case, case.within), windows))
