"""Where a plain form of a detector judges wrongly: new levels, vanished σ, lost data, odd bins, short versions."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.counts import CountsBaselineConfig, share_of
from callgauge_detectors.drift_distribution import DriftDistribution, DriftDistributionConfig, binned
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig, proportions_z
from callgauge_detectors.ewma import Clip, Ewma, EwmaConfig
from callgauge_detectors.exhaustion import Exhaustion, ExhaustionConfig
from callgauge_detectors.ratio import Ratio, RatioConfig
from callgauge_detectors.seasonal import Seasonal, SeasonalConfig
from callgauge_detectors.tails import normal_tail
from callgauge_detectors.threshold import Limit
from callgauge_detectors.trend import Trend, TrendConfig, fit

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def levels(detector: Any, values: list[Any], first: int = 0) -> list[str]:
    """The level of each window, one a minute."""
    return [detector.update(value, (first + k + 1) * MINUTE_MS).level for k, value in enumerate(values)]


# --- a new level is learned, a wild value is not


def test_a_clip_holds_back_and_lets_in() -> None:
    """
    reach 4      3  9  9  3  9 ... 9 (20 times)  9   -9
    learned      3  4  4  3  4 ... 4             9   -4
    """
    clip = Clip()
    assert [clip.of(x, 4.0) for x in (3.0, 9.0, 9.0, 3.0)] == [3.0, 4.0, 4.0, 3.0]
    assert [clip.of(9.0, 4.0) for _ in range(20)] == [4.0] * 20
    assert [clip.of(x, 4.0) for x in (9.0, -9.0)] == [9.0, -4.0]


@pytest.mark.parametrize("zeros", [300, 1_000, 2_880, 10_000, 30_000])
def test_traffic_that_comes_back_is_normal_again(zeros: int) -> None:
    """However long there was none: σ has vanished, and a clip of so many σ would never let the level in."""
    rng, detector = random.Random(1), Ewma(EwmaConfig())
    levels(detector, [rng.gauss(100, 5) for _ in range(500)] + [0.0] * zeros)
    after = levels(detector, [rng.gauss(100, 5) for _ in range(500)], 500 + zeros)
    assert after[0] == "critical"
    assert sum(level == "critical" for level in after) <= 40


@pytest.mark.parametrize("stray", [0.0, 1.0])
def test_a_service_that_is_used_for_the_first_time_is_normal_within_a_day(stray: float) -> None:
    """Seasonal, after days of nothing, with or without one stray call."""
    detector, warm_up = Seasonal(SeasonalConfig()), [0.0] * (4 * 1_440)
    warm_up[100] = stray
    assert "critical" not in levels(detector, warm_up)[-1_440:]
    rng = random.Random(2)
    used = [rng.gauss(1_000, 30) for _ in range(5 * 1_440)]
    after = levels(detector, used, len(warm_up))
    assert after[0] == "critical"
    assert "critical" not in after[-1_440:]


def test_one_wild_value_moves_an_ewma_by_no_more_than_its_clip() -> None:
    """From a constant 0 too."""
    for usual in (0.0, 100.0):
        detector = Ewma(EwmaConfig())
        levels(detector, [usual] * 100)
        assert detector.update(1e9, 101 * MINUTE_MS).level == "critical"
        baseline = detector.update(usual, 102 * MINUTE_MS).baseline
        assert baseline is not None
        assert abs(baseline - usual) < 1.0


def test_what_a_day_was_like_is_forgotten_over_a_gap() -> None:
    """λ of a busy day, then three days of nothing, then the usual."""
    rng, detector = random.Random(3), Seasonal(SeasonalConfig())
    levels(detector, [rng.gauss(100, 5) for _ in range(5 * 1_440)])
    busy = [rng.gauss(200, 5) for _ in range(300)]
    levels(detector, busy, 5 * 1_440)
    after = levels(detector, [rng.gauss(100, 5) for _ in range(300)], 8 * 1_440 + 300)
    assert after.count("critical") + after.count("high") <= 3


# --- trend


@pytest.mark.parametrize("windows", [12, 20, 30])
def test_every_rising_line_is_a_trend(windows: int) -> None:
    """Whatever its decimals: what rounding leaves is no noise."""
    rng = random.Random(4)
    for _ in range(200):
        level, slope = round(rng.uniform(0, 100), 1), round(rng.uniform(0.1, 5), 1)
        values = [level + slope * k for k in range(windows)]
        exact = fit([MINUTE_MS * k for k in range(windows)], values, MINUTE_MS, "theil_sen")
        assert exact.z == pytest.approx(
            (windows * (windows - 1) / 2 - 1) / math.sqrt(windows * (windows - 1) * (2 * windows + 5) / 18)
        )


@pytest.mark.parametrize(("windows", "times", "noise"), [(20, 5, 0.05), (20, 10, 0.05), (30, 10, 0.05), (30, 3, 0.01)])
def test_a_curved_rise_is_a_trend(windows: int, times: float, noise: float) -> None:
    """Growth by a factor is not a straight line, and no less of a rise."""
    for seed in range(20):
        rng, detector = random.Random(seed), Trend(TrendConfig(windows))
        values = [100.0 * times ** (k / (windows - 1)) * rng.gauss(1, noise) for k in range(windows)]
        assert levels(detector, values)[-1] == "critical"


# --- drift of a rate


def chances(n0: int, n1: int, p: float, sigma: float) -> float:
    """P(z >= sigma) when nothing drifts, by enumeration."""

    def binomial(n: int) -> list[float]:
        logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
        return [math.exp(log + k * math.log(p) + (n - k) * math.log1p(-p)) for k, log in enumerate(logs)]

    before, now = binomial(n0), binomial(n1)
    likely = [k for k, chance in enumerate(before) if chance > 1e-12]
    total = 0.0
    for k0 in likely:
        # z grows with k1: the first that is far enough out, and all beyond
        first = next((k1 for k1 in range(n1 + 1) if proportions_z(k0, n0, k1, n1) >= sigma), n1 + 1)
        total += before[k0] * sum(now[first:])
    return total


@pytest.mark.parametrize(("n0", "n1", "p"), [(600, 100, 0.05), (600, 100, 0.2), (1_200, 50, 0.1)])
def test_sigmas_of_a_rate_are_as_rare_as_they_say(n0: int, n1: int, p: float) -> None:
    """At 3 and at 4 σ, within a factor of two of the normal distribution; the usual normal form is off by up to ten."""
    for sigma in (3.0, 4.0):
        assert 0.4 <= chances(n0, n1, p, sigma) / normal_tail(sigma) <= 2.0


def test_a_change_as_large_as_asked_for_counts() -> None:
    """10 % to 15 % is 5 points, whatever floats make of it."""
    detector = DriftRate(DriftRateConfig(least_change=0.05))
    for k in range(30):
        detector.update(share_of(100, 1_000), k)
    found = [detector.update(share_of(150, 1_000), 30 + k).level for k in range(5)]
    assert found[-1] != "none"


# --- ratio


def test_lost_windows_are_no_fall() -> None:
    """Of a sum: 59 of 60 lost is too little to judge, a quarter lost is made up for."""
    day = RatioConfig(24 * HOUR_MS, 24 * HOUR_MS, (Limit("lt", 0.5, "critical"),))
    mostly_lost: list[float | None] = [1.0 if k % 60 == 0 else None for k in range(1_440)]
    assert set(levels(Ratio(day), [1.0] * 1_440 + mostly_lost)) == {"none"}
    hour = RatioConfig(HOUR_MS, 24 * HOUR_MS, (Limit("lt", 0.8, "high"),))
    partly: list[float | None] = [1.0] * 1_440 + [None] * 14 + [1.0] * 46
    assert set(levels(Ratio(hour), partly)) == {"none"}
    assert "high" in levels(Ratio(hour), [1.0] * 1_440 + [0.5] * 60)


def test_something_after_nothing_is_infinitely_more() -> None:
    """A reference of 0 is judged like one next to 0; `least` says what counts."""
    for least, expected in ((0.0, "high"), (1e9, "none")):
        detector = Ratio(RatioConfig(HOUR_MS, 24 * HOUR_MS, (Limit("gt", 3.0, "high"),), least=least))
        assert levels(detector, [0.0] * 1_440 + [1e6] * 60)[-1] == expected
        assert math.isfinite(detector.update(1e6, 1_501 * MINUTE_MS).score)
    assert set(levels(Ratio(RatioConfig(HOUR_MS, 24 * HOUR_MS)), [0.0] * 1_600)) == {"none"}


def test_as_much_as_before_is_a_ratio_of_one() -> None:
    """A limit of "at least as much" holds at exactly as much."""
    detector = Ratio(RatioConfig(HOUR_MS, 24 * HOUR_MS, (Limit("ge", 1.0, "high"),)))
    assert levels(detector, [2.0] * 1_500)[-1] == "high"


# --- drift of a distribution


@pytest.mark.parametrize("measure", ["psi", "js", "ks"])
@pytest.mark.parametrize("now", [{300: 50, 301: 50}, {300: 50, 399: 50}, {250: 50, 400: 50}, {300: 50, 450: 50}])
def test_a_move_into_a_gap_of_the_reference_is_seen(measure: Any, now: dict[int, int]) -> None:
    """Half of the calls somewhere else, on whatever side of what was usual."""
    detector = DriftDistribution(DriftDistributionConfig(measure))
    for k in range(60):
        assert detector.update({300: 50, 400: 50}, k).level == "none"
    assert [detector.update(now, 60 + k).level for k in range(5)][-1] == "critical"


def test_bins_of_the_reference_keep_their_weight() -> None:
    """Buckets that only the current block has open no more bins than there are gaps."""
    reference = dict.fromkeys(range(100, 200, 10), 10)
    p, q = binned(reference, dict.fromkeys(range(100, 200), 1), 10)
    assert sum(p) == sum(reference.values())
    assert sum(q) == 100
    assert max(p) <= 40


# --- versions


def test_a_version_that_was_rolled_back_is_no_reference() -> None:
    """Two windows of B are too few to compare C with: it is compared with A."""
    detector = DriftRate(DriftRateConfig(baseline=CountsBaselineConfig(pinned=True)))
    detector.begin("A")
    for k in range(200):
        detector.update(share_of(1, 20), k)
    detector.begin("B")
    for k in range(2):
        detector.update(share_of(1, 20), 200 + k)
    detector.begin("C")
    found = [detector.update(share_of(20, 20), 202 + k).level for k in range(20)]
    assert found[-1] == "critical"


def test_a_new_version_begins_with_no_window_of_the_old() -> None:
    """Also when the old one was never learned, an alert having fired all the time."""
    detector = DriftRate(DriftRateConfig())
    for k in range(5):
        detector.update(share_of(10, 10), k, learn=False)
    detector.begin("B")
    assert not detector.baseline.current


# --- exhaustion


@pytest.mark.parametrize("jitter", [0.003, 0.01, 0.02])
def test_a_gauge_that_jitters_is_not_renewed(jitter: float) -> None:
    """The share of a rate limit grows to all of it, with noise: said before it is used up."""
    config = ExhaustionConfig(
        gauge=True,
        lookback_ms=20 * MINUTE_MS,
        period_ms=24 * HOUR_MS,
        tiers_ms=(60 * MINUTE_MS, 30 * MINUTE_MS, 20 * MINUTE_MS, 10 * MINUTE_MS),
    )
    for seed in range(20):
        rng, detector = random.Random(seed), Exhaustion(config)
        used = [min(0.97, max(0.0, 0.005 * k + rng.gauss(0, jitter))) for k in range(195)]
        assert {"high", "critical"} & set(levels(detector, used))


def test_a_gauge_that_is_renewed_begins_anew() -> None:
    """From 90 % to 5 %: nothing said until half a lookback has gone by."""
    config = ExhaustionConfig(gauge=True, lookback_ms=20 * MINUTE_MS, period_ms=24 * HOUR_MS)
    detector = Exhaustion(config)
    levels(detector, [0.01 * k for k in range(90)])
    assert set(levels(detector, [0.05 + 0.001 * k for k in range(9)], 90)) == {"none"}


# --- change point


def test_the_reason_names_the_new_level() -> None:
    """Of the windows since the alarming sum was last 0, whatever the other sum did before."""
    told: list[float] = []
    for seed in range(60):
        rng, detector = random.Random(seed), ChangePoint(ChangePointConfig())
        levels(detector, [rng.gauss(100, 5) for _ in range(300)])
        for k in range(60):
            verdict = detector.update(rng.gauss(110, 5), (301 + k) * MINUTE_MS)
            if verdict.level == "high":
                told.append(float(verdict.reason.split("about ")[1].split()[0]))
                break
    assert len(told) == 60
    assert 108.0 <= sorted(told)[30] <= 112.0
    assert sorted(told)[6] > 105.0


@pytest.mark.parametrize("level", [0.001, 1.0, 1_000.0])
def test_any_level_after_a_constant_0_is_found_at_once(level: float) -> None:
    """Within 5 windows; one value alone is none."""
    detector = ChangePoint(ChangePointConfig())
    levels(detector, [0.0] * 100)
    assert "high" in levels(detector, [level] * 5, 100)
    detector = ChangePoint(ChangePointConfig())
    levels(detector, [0.0] * 100)
    assert "high" not in levels(detector, [level, 0.0, 0.0, 0.0, 0.0], 100)


def test_a_restored_detector_leaves_its_snapshot_alone() -> None:
    """The caller may keep it."""
    detector = ChangePoint(ChangePointConfig())
    levels(detector, [100.0 + k % 7 for k in range(100)])
    snapshot = detector.snapshot()
    before = json.dumps(snapshot)
    levels(ChangePoint(ChangePointConfig()).restore(snapshot), [100.0 + k % 7 for k in range(30)], 100)
    assert json.dumps(snapshot) == before
