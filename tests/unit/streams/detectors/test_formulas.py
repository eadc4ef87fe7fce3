"""Each detector's formula against a plain recomputation."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_detectors import tails
from callgauge_detectors.baseline import Baseline, BaselineConfig, mean_sigma, median_mad
from callgauge_detectors.burn_rate import BurnRate, BurnRateConfig
from callgauge_detectors.change_point import ChangePoint, ChangePointConfig
from callgauge_detectors.counts import CountsBaseline, CountsBaselineConfig, share_of
from callgauge_detectors.drift_distribution import (
    DriftDistribution,
    DriftDistributionConfig,
    binned,
    js,
    ks,
    psi,
)
from callgauge_detectors.drift_rate import DriftRate, DriftRateConfig, proportions_z
from callgauge_detectors.ewma import Ewma, EwmaConfig, WeightedMoments
from callgauge_detectors.exhaustion import Exhaustion, ExhaustionConfig
from callgauge_detectors.outlier_call import OutlierCall, OutlierCallConfig, log_mean_sigma, log_median_mad
from callgauge_detectors.ratio import DAY_MS, HOUR_MS, WEEK_MS, Ratio, RatioConfig
from callgauge_detectors.threshold import Limit, Op, Threshold, ThresholdConfig, band
from callgauge_detectors.tiers import Tiers
from callgauge_detectors.trend import fit
from callgauge_detectors.vectorised import Ewmas, ZScores, thresholds
from callgauge_detectors.verdict import LEVELS
from callgauge_detectors.zscore import ZScore, ZScoreConfig

MINUTE_MS = 60_000
FLOATS = st.floats(-1e6, 1e6)
COUNTS = st.dictionaries(st.integers(0, 40), st.integers(1, 500), min_size=1)


# --- tails


def tail_by_sum(density: np.ndarray, step: float) -> float:
    return float(density.sum() * step)


@pytest.mark.parametrize("nu", [6, 10, 28, 100])
@pytest.mark.parametrize("t", [1.0, 2.5, 4.0, 6.0])
def test_z_of_t_has_the_tail_of_t(nu: int, t: float) -> None:
    """Against the density of Student's t, integrated: within 0.03 σ."""
    x = np.arange(t, 4_000.0, 0.001) + 0.0005
    log_density = -(nu + 1) / 2 * np.log1p(x * x / nu)
    scale = math.gamma((nu + 1) / 2) / (math.sqrt(nu * math.pi) * math.gamma(nu / 2))
    p = 2 * scale * tail_by_sum(np.exp(log_density), 0.001)
    assert tails.z_of_t(t, nu) == pytest.approx(tails.z_of_p(p), abs=0.03)
    assert tails.z_of_t(-t, nu) == -tails.z_of_t(t, nu)


@pytest.mark.parametrize("k", [5, 9, 20])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.5])
def test_z_of_chi_square_has_the_tail_of_chi_square(k: int, ratio: float) -> None:
    """Against the density, integrated: within 0.1 σ up to 5 σ."""
    x = np.arange(ratio * k, 600.0, 0.001) + 0.0005
    log_density = (k / 2 - 1) * np.log(x) - x / 2 - math.lgamma(k / 2) - k / 2 * math.log(2)
    p = tail_by_sum(np.exp(log_density), 0.001)
    z = tails.z_of_chi_square(ratio * k, k)
    exact = tails.z_of_p(2 * p) if p < 0.5 else -tails.z_of_p(2 * (1 - p))
    assert z == pytest.approx(exact, abs=0.1)


def test_kolmogorov_tail_is_that_of_simulated_samples() -> None:
    """5 % and 1 % points of two samples of 100, against 4,000 pairs of samples."""
    rng = np.random.default_rng(3)
    distances = []
    for _ in range(4_000):
        a, b = np.sort(rng.random(100)), np.sort(rng.random(100))
        both = np.concatenate([a, b])
        cdf = np.searchsorted(a, both, side="right") - np.searchsorted(b, both, side="right")
        distances.append(np.abs(cdf).max() / 100)
    for p in (0.05, 0.01):
        assert tails.kolmogorov_tail(float(np.quantile(distances, 1 - p)), 100, 100) == pytest.approx(p, rel=0.4)
    assert tails.kolmogorov_tail(0.0, 10, 10) == 1.0


def test_normal_tail_and_its_inverse() -> None:
    """z_of_p undoes the two-sided normal tail, far out too."""
    for z in (0.5, 2.0, 5.0, 10.0, 30.0):
        assert tails.z_of_p(2 * tails.normal_tail(z)) == pytest.approx(z, rel=1e-9)


# --- threshold, tiers


@given(FLOATS, FLOATS)
def test_threshold_is_the_comparison(value: float, limit: float) -> None:
    """Of the six comparisons, those that Python's operators say hold."""
    ops: dict[Op, bool] = {"gt": value > limit, "ge": value >= limit, "lt": value < limit, "le": value <= limit,
                           "eq": value == limit, "ne": value != limit}  # fmt: skip
    for op, holds in ops.items():
        verdict = Threshold(ThresholdConfig((Limit(op, limit, "low"),))).update(value, 0)
        assert (verdict.level == "low") is holds


def test_threshold_answers_the_worst_level() -> None:
    """Several levels in one rule, in whatever order they are written; a band watches both sides."""
    detector = Threshold(ThresholdConfig((Limit("gt", 1.0, "critical"), Limit("gt", 0.5, "low"), Limit("lt", 0.1))))
    assert [detector.update(x, 0).level for x in (2.0, 0.7, 0.3, 0.0)] == ["critical", "low", "none", "high"]
    assert [Threshold(band(1, 2)).update(x, 0).level for x in (0.5, 1.5, 2.5)] == ["high", "none", "high"]


def test_tiers() -> None:
    """3, 3.5, 4 and 5 σ, each from its limit on, in the watched direction."""
    levels = [Tiers().level(z) for z in (2.99, 3, 3.5, 4, 5, -5)]
    assert levels == ["none", "low", "medium", "high", "critical", "critical"]
    assert [Tiers().level(z, "below") for z in (5, -5)] == ["none", "critical"]


# --- baselines, z-score, EWMA


@given(st.lists(FLOATS, min_size=2, max_size=60))
def test_statistics_of_a_baseline(values: list[float]) -> None:
    """Mean and σ, median and MAD, as NumPy has them."""
    array = np.array(values)
    scale = float(np.abs(array).max()) + 1e-9
    assert mean_sigma(array) == pytest.approx((array.mean(), array.std(ddof=1)), abs=1e-9 * scale)
    median, sigma = median_mad(array)
    deviations = np.abs(array - np.median(array))
    assert median == pytest.approx(np.median(array), abs=1e-9 * scale)
    expected = 1.4826022 * np.median(deviations) or 1.2533141 * deviations.mean()
    assert sigma == pytest.approx(expected, rel=1e-6, abs=1e-9 * scale)


@pytest.mark.parametrize("method", ["mean", "median"])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_vectorised_equals_one_by_one(method: str, scale: str) -> None:
    """Scores and levels of many series at once, with gaps and pauses in learning, from the first window on."""
    config = ZScoreConfig(method, scale, baseline=BaselineConfig(size=40))  # type: ignore[arg-type]
    together, alone = ZScores(5, config), [ZScore(config) for _ in range(5)]
    rng = np.random.default_rng(4)
    for k in range(150):
        values = rng.normal(100, 10, 5) * np.array([1, 1, 1, 0, 50])
        values[rng.random(5) < 0.1] = np.nan
        learn = rng.random(5) < 0.9
        scores, levels = together.update(values, learn=learn)
        one_by_one = [d.update(v, k, learn=bool(on)) for d, v, on in zip(alone, values, learn, strict=True)]
        assert scores == pytest.approx([verdict.score for verdict in one_by_one], rel=1e-9, abs=1e-9)
        assert [LEVELS[level] for level in levels] == [verdict.level for verdict in one_by_one]
        if k == 70:
            together = ZScores(5, config).restore(together.snapshot())


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_vectorised_ewma_equals_one_by_one(scale: str) -> None:
    """Clipped values and new levels too; a series that comes later, and one whose state is put back elsewhere."""
    config = EwmaConfig(span=30, scale=scale)  # type: ignore[arg-type]
    together, alone = Ewmas(2, config), [Ewma(config) for _ in range(5)]
    together.room(5)
    rng = np.random.default_rng(4)
    order = np.arange(5)
    for k in range(300):
        values = rng.normal(100, 10, 5) * np.array([1, 1, 1, 0, 50]) + (300 if k > 200 else 0)
        values[rng.random(5) < 0.1] = np.nan
        values[rng.random(5) < 0.03] *= 20
        learn = rng.random(5) < 0.9
        rows = np.flatnonzero(rng.random(5) < 0.8)
        scores, levels, baselines = together.update_rows(order[rows], values[rows], learn=learn[rows])
        one_by_one = [alone[row].update(values[row], k, learn=bool(learn[row])) for row in rows]
        assert scores == pytest.approx([verdict.score for verdict in one_by_one], rel=1e-9, abs=1e-9)
        assert [LEVELS[level] for level in levels] == [verdict.level for verdict in one_by_one]
        expected = [math.nan if verdict.baseline is None else verdict.baseline for verdict in one_by_one]
        assert baselines == pytest.approx(expected, rel=1e-9, nan_ok=True)
        if k == 150:
            states = [together.state(row) for row in range(5)]
            assert states[0] == pytest.approx(alone[0].snapshot())
            order = order[::-1].copy()
            for row, state in zip(order.tolist(), states, strict=True):
                together.put(row, state)


def test_states_of_vectorised_zscores_are_those_of_single_ones() -> None:
    """Each can go on where the other ended."""
    config = ZScoreConfig("mean", baseline=BaselineConfig(size=10, min_history=3))
    together, alone = ZScores(1, config), ZScore(config)
    together.room(3)
    for k in range(25):
        scores, _, _ = together.update_rows(np.array([2]), np.array([float(k % 7)]))
        assert scores[0] == pytest.approx(alone.update(float(k % 7), k).score)
        if k == 13:
            alone = ZScore(config).restore(together.state(2))
            together.put(2, None)
            assert together.state(2)["values"] == []
            together.put(2, alone.snapshot())


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
def test_vectorised_thresholds_equal_one_by_one(values: list[float]) -> None:
    """NaN and infinity are level 0."""
    config = ThresholdConfig((Limit("gt", 1.0, "critical"), Limit("ge", 0.5, "low"), Limit("lt", 0.1)))
    one_by_one = [LEVELS.index(Threshold(config).update(value, 0).level) for value in values]
    assert thresholds(np.array(values), config).tolist() == one_by_one


def test_pinned_baseline_keeps_its_first_values() -> None:
    """A new version starts anew and keeps the old one's values to compare with; the same version changes nothing."""
    baseline = Baseline(BaselineConfig(size=3, min_history=1, pinned=True))
    for value in (1.0, 2.0, 3.0, 4.0):
        baseline.learn(value)
    assert baseline.values.tolist() == [1.0, 2.0, 3.0]
    assert baseline.begin("b")
    assert not baseline.begin("b")
    baseline.learn(9.0)
    assert (baseline.values.tolist(), baseline.previous.tolist()) == ([9.0], [1.0, 2.0, 3.0])


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), st.integers(2, 60))
def test_weighted_moments_are_weighted_sums(values: list[float], span: int) -> None:
    """Mean and variance of the values with the weights that the recursion stands for."""
    moments, weights = WeightedMoments(), np.empty(0)
    for k, value in enumerate(values):
        moments.learn(value, span)
        a = max(2 / (span + 1), 1 / (k + 1))
        weights = np.append(weights * (1 - a), a)
    mean = weights @ np.array(values)
    assert moments.mean == pytest.approx(mean, abs=1e-6)
    assert moments.variance == pytest.approx(weights @ (np.array(values) - mean) ** 2, rel=1e-6, abs=1e-6)


def test_ewma_forgets_a_shift_in_the_end() -> None:
    """With learning on, a new level is normal after a few spans, though wild values hardly move the mean."""
    detector = Ewma(EwmaConfig(span=20))
    verdicts = [detector.update(100.0 if k < 100 else 500.0, k) for k in range(300)]
    assert verdicts[100].level == "critical"
    assert verdicts[-1].level == "none"


# --- trend, change point


@given(st.floats(-10, 10), st.integers(8, 40))
def test_slope_of_a_line_is_found(slope: float, n: int) -> None:
    """Per window and per hour, by both methods, with a gap in the middle; significant unless flat."""
    at = [MINUTE_MS * (k if k < n // 2 else k + 7) for k in range(n)]
    values = [1_000.0 + slope * t / MINUTE_MS for t in at]
    for method in ("theil_sen", "least_squares"):
        found = fit(at, values, MINUTE_MS, method)
        assert found.per_window == pytest.approx(slope, abs=1e-7)
        assert found.per_hour == pytest.approx(60 * slope, abs=1e-5)
        if abs(slope) > 1e-3:
            assert math.copysign(1, found.z) == math.copysign(1, slope)


def test_slopes_against_plain_loops() -> None:
    """Theil-Sen and Mann-Kendall by a double loop, least squares by np.polyfit; no autocorrelation in this sample."""
    rng = random.Random(8)
    x = [100 + 0.4 * k + (-1) ** k * rng.uniform(0, 4) for k in range(25)]
    at = [MINUTE_MS * k for k in range(25)]
    pairs = [(i, j) for i in range(25) for j in range(i + 1, 25)]
    s = sum((x[j] > x[i]) - (x[j] < x[i]) for i, j in pairs)
    robust = fit(at, x, MINUTE_MS, "theil_sen")
    assert robust.per_window == pytest.approx(np.median([(x[j] - x[i]) / (j - i) for i, j in pairs]))
    assert robust.z == pytest.approx((s - 1) / math.sqrt(25 * 24 * 55 / 18))
    (slope, _), covariance = np.polyfit(range(25), x, 1, cov=True)
    plain = fit(at, x, MINUTE_MS, "least_squares")
    assert plain.per_window == pytest.approx(slope)
    assert plain.z == pytest.approx(tails.z_of_t(slope / math.sqrt(covariance[0, 0]), 23), rel=1e-6)


@pytest.mark.parametrize(("shift", "within"), [(1.0, 60), (2.0, 14), (3.0, 9)])
def test_change_point_delay(shift: float, within: int) -> None:
    """Shifts of 1, 2 and 3 σ are found within these windows in nine of ten series."""
    found = 0
    for seed in range(40):
        rng = random.Random(seed)
        detector = ChangePoint(ChangePointConfig())
        for k in range(300):
            detector.update(rng.gauss(100, 5), k)
        found += any(detector.update(rng.gauss(100 + 5 * shift, 5), 300 + k).level == "high" for k in range(within))
    assert found >= 36


def test_change_point_alarms_seldom_by_chance() -> None:
    """50,000 windows of independent normal values: at most three alarms."""
    rng, detector = random.Random(6), ChangePoint(ChangePointConfig())
    assert sum(detector.update(rng.gauss(100, 5), k).level == "high" for k in range(50_000)) <= 3


def following(rng: random.Random, r: float) -> Iterator[float]:
    """Normal values, mean 0, variance 1, lag-1 autocorrelation r."""
    value = rng.gauss(0, 1)
    while True:
        yield value
        value = r * value + rng.gauss(0, math.sqrt(1 - r * r))


@pytest.mark.parametrize(("r", "within"), [(0.3, 18), (0.6, 50)])
def test_change_point_delay_where_values_follow_each_other(r: float, within: int) -> None:
    """A shift of 2 σ is found within these windows in nine of ten series; the reference does not run after it."""
    found = 0
    for seed in range(40):
        values, detector = following(random.Random(seed), r), ChangePoint(ChangePointConfig())
        for k in range(400):
            detector.update(100 + 5 * next(values), k)
        found += any(detector.update(110 + 5 * next(values), 400 + k).level == "high" for k in range(within))
    assert found >= 36


@pytest.mark.parametrize(("r", "most"), [(0.3, 8), (0.6, 16), (0.9, 40)])
def test_change_point_alarms_seldom_where_values_follow_each_other(r: float, most: int) -> None:
    """In 40,000 windows in which nothing happens."""
    values, detector = following(random.Random(6), r), ChangePoint(ChangePointConfig())
    assert sum(detector.update(100 + 5 * next(values), k).level == "high" for k in range(40_000)) <= most


# --- counts, drift


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_proportions_z_is_antisymmetric(n0: int, n1: int, data: st.DataObject) -> None:
    """Exchanging the two samples changes the sign and nothing else; equal shares give 0."""
    k0, k1 = data.draw(st.integers(0, n0)), data.draw(st.integers(0, n1))
    assert proportions_z(k0, n0, k1, n1) == pytest.approx(-proportions_z(k1, n1, k0, n0), rel=1e-9, abs=1e-9)
    assert proportions_z(k0, n0, k0, n0) == 0.0


def test_small_counts_are_not_overstated() -> None:
    """3 of 20 after 0 of 1,000: near the exact (hypergeometric) 4.3 σ, where the normal approximation says 12."""
    p = math.comb(20, 3) / math.comb(1_020, 3)
    assert tails.z_of_p(2 * p) == pytest.approx(4.3, abs=0.1)
    assert proportions_z(0, 1_000, 3, 20) == pytest.approx(4.9, abs=0.1)


def test_drift_rate_needs_a_least_change() -> None:
    """Among 100,000 calls two points are sure, and no alarm; six points are one."""
    for share, level in ((0.07, "none"), (0.11, "critical")):
        detector = DriftRate(DriftRateConfig())
        for k in range(100):
            detector.update(share_of(500, 10_000), k)
        for k in range(5):
            verdict = detector.update(share_of(round(share * 10_000), 10_000), 100 + k)
        assert verdict.level == level


@given(COUNTS, COUNTS)
@settings(deadline=None)
def test_drift_measures_against_numpy(reference: dict[int, int], current: dict[int, int]) -> None:
    """Each in its range, 0 for equal histograms, ks and psi as recomputed."""
    p, q = np.zeros(41), np.zeros(41)
    for array, counts in ((p, reference), (q, current)):
        for bucket, count in counts.items():
            array[bucket] = count
    assert ks(reference, current) == pytest.approx(np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max())
    assert ks(reference, reference) == 0.0
    a, b = (np.array(x) + 0.5 for x in binned(reference, current, 10))
    assert a.sum() - 0.5 * len(a) == p.sum()
    assert b.sum() - 0.5 * len(b) == q.sum()
    assert len(a) <= 10
    a, b = a / a.sum(), b / b.sum()
    assert psi(list(a), list(b)) == pytest.approx(((b - a) * np.log(b / a)).sum())
    middle = (a + b) / 2
    expected = (a * np.log2(a / middle)).sum() / 2 + (b * np.log2(b / middle)).sum() / 2
    assert js(list(a), list(b)) == pytest.approx(expected, abs=1e-12)
    assert -1e-12 <= expected <= 1.0


@pytest.mark.parametrize("measure", ["psi", "js", "ks"])
def test_distribution_drift_is_not_claimed_of_chance(measure: str) -> None:
    """300 blocks of 60 calls from one distribution: never, though their psi is often above 0.25."""
    rng = random.Random(9)
    detector = DriftDistribution(
        DriftDistributionConfig(measure, baseline=CountsBaselineConfig(block=1))  # type: ignore[arg-type]
    )
    verdicts = [detector.update(Counter(round(rng.gauss(300, 20)) for _ in range(60)), k) for k in range(300)]
    assert all(verdict.level == "none" for verdict in verdicts)


@given(st.lists(COUNTS, min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_counts_baseline_holds_the_newest_windows(windows: list[dict[int, int]], block: int, reference: int) -> None:
    """Current = the newest `block` windows, reference = the full blocks before them, exactly."""
    baseline = CountsBaseline(CountsBaselineConfig(block, reference, least_blocks=1))
    for window in windows:
        baseline.add(window)
    left = windows[: max(0, len(windows) - block)]
    blocks = [left[k : k + block] for k in range(0, len(left) - block + 1, block)][-reference:]
    assert baseline.current == sum((Counter(w) for w in windows[-block:]), Counter())
    assert baseline.reference == sum((Counter(w) for part in blocks for w in part), Counter())


def test_pinned_counts_compare_with_the_version_before() -> None:
    """After `begin` the old version's calls are the reference, at once."""
    detector = DriftRate(DriftRateConfig(baseline=CountsBaselineConfig(pinned=True)))
    detector.begin("0314")
    for k in range(10):
        detector.update(share_of(98, 100), k)
    assert detector.begin("0613")
    assert detector.update(share_of(23, 100), 10).level == "critical"


# --- ratio, burn rate, exhaustion


@pytest.mark.parametrize(("lag_ms", "period_ms"), [(HOUR_MS, HOUR_MS), (DAY_MS, HOUR_MS), (WEEK_MS, HOUR_MS)])
def test_ratio_is_that_of_the_two_spans(lag_ms: int, period_ms: int) -> None:
    """Against plain sums over the same two spans, at full hours."""
    rng = random.Random(11)
    values = [rng.uniform(1, 5) for _ in range((lag_ms + 3 * period_ms) // MINUTE_MS)]
    detector = Ratio(RatioConfig(period_ms, lag_ms))
    for k, value in enumerate(values):
        verdict = detector.update(value, (k + 1) * MINUTE_MS)
    n, lag = period_ms // MINUTE_MS, lag_ms // MINUTE_MS
    assert verdict.score == pytest.approx(sum(values[-n:]) / sum(values[-n - lag : -lag]) - 1)
    assert verdict.baseline == pytest.approx(sum(values[-n - lag : -lag]))


def test_daily_budget_counts_from_midnight() -> None:
    """1.5 times the budget is passed when it is spent, not before, and the next day starts at nothing."""
    detector = Ratio(RatioConfig(DAY_MS, aligned=True, budget=100.0, limits=(Limit("gt", 1.5),)))
    levels = [detector.update(10.0, (k + 1) * HOUR_MS).level for k in range(30)]
    assert [k for k, level in enumerate(levels) if level == "high"] == list(range(15, 24))


def test_completion_ten_percent_below_last_week() -> None:
    """A mean, against the same weekday a week ago."""
    detector = Ratio(RatioConfig(HOUR_MS, WEEK_MS, (Limit("lt", 0.9),), "mean", window_ms=10 * MINUTE_MS))
    week = 7 * 24 * 6
    levels = [detector.update(0.95 if k < week + 12 else 0.8, (k + 1) * 10 * MINUTE_MS).level for k in range(week + 20)]
    assert "high" not in levels[: week + 12]
    assert levels[-1] == "high"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), min_size=1, max_size=120))
@settings(deadline=None)
def test_burn_rate_is_the_lesser_of_both_windows(cells: list[tuple[int, int]]) -> None:
    """Against plain fractions over the last hour and 5 minutes, with gaps."""
    detector = BurnRate(BurnRateConfig(slo=0.9))
    minute, seen, verdict = 0, [], None
    for bad, gap in cells:
        minute += gap
        seen.append((minute, bad))
        verdict = detector.update(share_of(bad, 50), minute * MINUTE_MS)
    burns = []
    for width in (60, 5):
        inside = [bad for at, bad in seen if at > minute - width]
        burns.append(Fraction(sum(inside), 50 * len(inside)) * 10)
    assert verdict is not None
    assert verdict.level in LEVELS
    if verdict.level in ("none", "critical"):
        assert verdict.score == pytest.approx(float(min(burns)))
    assert (verdict.level == "critical") is (float(min(burns)) >= 14.4)


def test_burn_rate_ends_soon_after_the_incident() -> None:
    """The short window: no critical alarm six minutes after the last error."""
    detector = BurnRate(BurnRateConfig(slo=0.99))
    bad = [0] * 120 + [80] * 30 + [0] * 30
    levels = [detector.update(share_of(b, 100), (k + 1) * MINUTE_MS).level for k, b in enumerate(bad)]
    critical = [k for k, level in enumerate(levels) if level == "critical"]
    assert 120 < critical[0] < 135
    assert critical[-1] < 156


def test_exhaustion_of_a_rate_limit_gauge() -> None:
    """Used 1 % a minute of an hourly limit that is renewed at 100 min: predicted, and forgotten when renewed."""
    config = ExhaustionConfig(gauge=True, period_ms=DAY_MS, lookback_ms=20 * MINUTE_MS)
    detector = Exhaustion(config)
    verdicts = [detector.update(0.01 * k, (k + 1) * MINUTE_MS) for k in range(80)]
    assert verdicts[9].level == "none"
    assert verdicts[70].level == "critical"  # 30 min left
    assert verdicts[40].level == "high"  # an hour left
    assert detector.update(0.01, 81 * MINUTE_MS).level == "none"
    assert detector.update(1.0, 82 * MINUTE_MS).level == "critical"


# --- outlier calls


@given(COUNTS)
def test_log_statistics_against_numpy(counts: dict[int, int]) -> None:
    """Of the buckets' indices, one for each call."""
    indices = np.repeat(list(counts), list(counts.values())).astype(float)
    width = math.log(2) / 32
    mean, sigma = log_mean_sigma(counts)
    assert mean == pytest.approx((indices.mean() + 0.5) * width)
    assert sigma == pytest.approx(indices.std(ddof=1) * width if len(indices) > 1 else 0.0, abs=1e-9)
    median, robust = log_median_mad(counts)
    lower = np.sort(indices)[(len(indices) - 1) // 2]
    assert median == pytest.approx((lower + 0.5) * width)
    deviations = np.sort(np.abs(indices - lower))
    mad = deviations[(len(indices) - 1) // 2]
    assert robust == pytest.approx((1.4826022 * mad or 1.2533141 * deviations.mean()) * width, rel=1e-6)


def test_outlier_is_named_and_a_busy_window_is_not_one() -> None:
    """A hundred times as many calls have a larger largest one, by chance; one absurd call is an outlier."""
    rng = random.Random(12)
    detector = OutlierCall(OutlierCallConfig())

    def window(n: int) -> Counter[int]:
        return Counter(round(rng.gauss(600, 20)) for _ in range(n))

    for k in range(100):
        assert detector.update(window(30), k, event_id="usual").level == "none"
    assert detector.update(window(3_000), 100, event_id="busy").level == "none"
    verdict = detector.update(window(30) + Counter({900: 1}), 101, event_id="runaway")
    assert verdict.level == "critical"
    assert verdict.reason.startswith("call runaway: ")
