"""What is usual: shares, levels and sums against the hours of the days before, and what is told of them.

hours of a day     night 0 .. 7      day 8 .. 19      night
calls a minute           0                60             0          nobody is told; a stop at noon is
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest

from callgauge_detectors.counts import share_of
from callgauge_detectors.drift_rate import proportions_z
from callgauge_detectors.hourly import DAY_MS, HOUR_MS, HourlyProfiles
from callgauge_detectors.usual_level import UsualLevel, UsualLevelConfig, UsualLevels
from callgauge_detectors.usual_share import UsualShare, UsualShareConfig, UsualShares
from callgauge_detectors.usual_sum import UsualSum, UsualSumConfig
from callgauge_detectors.verdict import Verdict

MINUTE_MS = 60_000
MONDAY_MS = 1_700_438_400_000  # 20 November 2023, 00:00 UTC
ROW = np.zeros(1, dtype=np.int64)


def minutes(days: float, first_ms: int = MONDAY_MS) -> Iterator[int]:
    yield from (first_ms + k * MINUTE_MS for k in range(1, int(days * 1_440) + 1))


def hour_of(at_ms: int) -> int:
    return (at_ms - 1) // HOUR_MS % 24


def told(detector: UsualSum | UsualLevel, value_at: Callable[[int], float], times: Iterator[int]) -> list[int]:
    """The times at which something is said; nothing is learned then, as detect does it."""
    found, odd = [], False
    for at_ms in times:
        odd = detector.update(value_at(at_ms), at_ms, learn=not odd).level in ("high", "critical")
        found += [at_ms] if odd else []
    return found


def poisson(rng: random.Random, mean: float) -> float:
    return float(np.random.default_rng(rng.getrandbits(32)).poisson(mean))


def test_an_hour_counts_when_it_has_ended() -> None:
    """What is wrong in an hour is not compared with itself, and lies between the middles of hours."""
    profiles = HourlyProfiles(seasons=7, min_seasons=1)
    profiles.room(1)
    for at_ms in minutes(1):
        profiles.learn(ROW, np.array([float(hour_of(at_ms))]), at_ms)
    assert not profiles.usual(ROW, MONDAY_MS + DAY_MS)[1][0]  # 23:59: that hour has not ended
    quarter_ms = MONDAY_MS + DAY_MS + 10 * HOUR_MS + HOUR_MS // 4
    mean, known = profiles.usual(ROW, quarter_ms)
    assert known[0]
    assert float(mean[0]) == pytest.approx(9.75, abs=1e-6)
    least, greatest, _ = profiles.around(ROW, quarter_ms)
    assert (float(least[0]), float(greatest[0])) == (9.0, 10.0)


def test_the_first_days_weigh_alike_and_later_ones_fade() -> None:
    """Of seven days each has a seventh; then the newest has."""
    profiles = HourlyProfiles(seasons=7, min_seasons=1)
    profiles.room(1)
    expected = 0.0
    for day in range(20):
        profiles.learn(ROW, np.array([float(day)]), MONDAY_MS + day * DAY_MS + HOUR_MS)
        profiles.learn(ROW, np.array([0.0]), MONDAY_MS + day * DAY_MS + 2 * HOUR_MS)
        expected += (day - expected) * max(1 / (day + 1), 1 / 7)
        mean, _ = profiles.usual(ROW, MONDAY_MS + HOUR_MS // 2 + 1)
        assert float(mean[0]) == pytest.approx(expected, abs=1e-3)


def test_shares_are_told_from_the_first_minute() -> None:
    """The prior stands for what is not known yet; three failures of twenty are no page."""
    verdicts = [UsualShare(UsualShareConfig()).update(share_of(k, 20), MINUTE_MS) for k in (1, 3, 6, 12)]
    assert [verdict.level for verdict in verdicts] == ["none", "none", "high", "critical"]


def test_the_score_is_that_of_two_proportions() -> None:
    """As `drift_rate` has it, against what was learned and the prior."""
    detector = UsualShare(UsualShareConfig())
    for k in range(10):
        detector.update(share_of(2, 100), MINUTE_MS * k)
    keep = math.exp(-MINUTE_MS / DAY_MS)
    learned = sum(keep**age for age in range(10))
    k0, n0 = 2 * learned + 2, 100 * learned + 200
    verdict = detector.update(share_of(20, 100), MINUTE_MS * 10)
    assert verdict.score == pytest.approx(proportions_z(k0, n0, 20, 100))  # type: ignore[arg-type]
    assert verdict.baseline == pytest.approx(k0 / n0)


def test_many_calls_make_no_small_change_matter() -> None:
    """Significance is not enough: 4 % more is nothing, 10 % more is no page, 30 % more is."""
    detector = UsualShare(UsualShareConfig())
    for k in range(100):
        detector.update(share_of(10, 1_000), MINUTE_MS * k)
    levels = [detector.update(share_of(k, 1_000), MINUTE_MS * 100, learn=False).level for k in (50, 110, 310)]
    assert levels == ["none", "high", "critical"]


def test_what_fails_always_is_not_usual() -> None:
    """Two fifths that fail from the beginning are told, and stay told."""
    detector = UsualShare(UsualShareConfig())
    verdicts = [detector.update(share_of(40, 100), MINUTE_MS * k, learn=k > 360) for k in range(3_000)]
    assert all(verdict.level != "none" for verdict in verdicts)
    assert verdicts[-1].baseline == 0.1


def test_overlapping_lookbacks_count_calls_once() -> None:
    """Fed every 10 s with the last minute, it has learned as much as if fed every minute."""
    often = UsualShares(1, UsualShareConfig(window_ms=10_000, over_ms=60_000))
    seldom = UsualShares(1, UsualShareConfig())
    share, calls = np.array([0.02]), np.array([100.0])
    for _ in range(60):
        seldom.update_rows(ROW, share, sizes=calls)
        for _ in range(6):
            often.update_rows(ROW, share, sizes=calls)
    scores = [each.update_rows(ROW, np.array([0.2]), sizes=calls)[0][0] for each in (often, seldom)]
    assert scores[0] == pytest.approx(scores[1], rel=0.01)


def test_failures_in_bunches_weigh_less() -> None:
    """A series whose failures come six at a time knows that six are not six times one."""
    single, bunched, rng = UsualShare(UsualShareConfig()), UsualShare(UsualShareConfig()), random.Random(3)
    for k in range(3_000):
        single.update(share_of(sum(rng.random() < 0.02 for _ in range(50)), 50), MINUTE_MS * k)
        bunched.update(share_of(6 if rng.random() < 1 / 6 else 0, 50), MINUTE_MS * k)
    scores = [each.update(share_of(8, 50), MINUTE_MS * 3_000).score for each in (single, bunched)]
    assert scores[1] < 0.6 * scores[0]


def test_a_season_is_usual_and_a_step_is_not() -> None:
    """Slower by day than by night, every day; three times as slow is told at once, one and a third times is not."""
    detector, rng = UsualLevel(UsualLevelConfig(scale="log", direction="above", least_change=0.5)), random.Random(1)

    def value_at(at_ms: int) -> float:
        return (400.0 + 300.0 * (8 <= hour_of(at_ms) < 20)) * rng.lognormvariate(0, 0.1)

    told(detector, value_at, minutes(1))  # on the first day the morning is news
    assert told(detector, value_at, minutes(4, MONDAY_MS + DAY_MS)) == []
    noon_ms = MONDAY_MS + 5 * DAY_MS + 12 * HOUR_MS
    assert told(detector, value_at, minutes(0.5, MONDAY_MS + 5 * DAY_MS)) == []
    assert told(detector, lambda _: 930.0, iter([noon_ms + MINUTE_MS])) == []
    assert told(detector, lambda _: 2_100.0, iter([noon_ms + 2 * MINUTE_MS]))


def test_a_slow_drift_is_told_before_it_is_learned() -> None:
    """To three times as slow in five hours: told when it is half as slow again, or a little before."""
    detector, rng = UsualLevel(UsualLevelConfig(scale="log", direction="above", least_change=0.5)), random.Random(1)
    told(detector, lambda _: 500.0 * rng.lognormvariate(0, 0.1), minutes(3))
    begin_ms = MONDAY_MS + 3 * DAY_MS
    found = told(
        detector,
        lambda at_ms: 500.0 * (1 + 2 * (at_ms - begin_ms) / (5 * HOUR_MS)) * rng.lognormvariate(0, 0.1),
        minutes(5 / 24, begin_ms),
    )
    assert HOUR_MS / 2 < found[0] - begin_ms < 1.25 * HOUR_MS


def test_what_stays_becomes_usual() -> None:
    """Learned again, a new level is told for some hours and no longer."""
    detector, rng = UsualLevel(UsualLevelConfig(scale="log", least_change=0.5)), random.Random(1)
    for at_ms in minutes(3):
        detector.update(500.0 * rng.lognormvariate(0, 0.1), at_ms)
    later = [detector.update(1_500.0, at_ms).level for at_ms in minutes(1, MONDAY_MS + 3 * DAY_MS)]
    assert later[0] == "critical"
    assert set(later[-600:]) <= {"none", "low", "medium"}


def test_a_nightly_pause_and_a_weekend_are_usual() -> None:
    """Office hours, Monday to Friday, for three weeks: nobody is told from the second day on, and a stop at noon is."""
    five_ms = 5 * MINUTE_MS
    config = UsualSumConfig(direction="below", least_ratio=5, least=10, window_ms=five_ms, over_ms=five_ms)
    detector, rng = UsualSum(config), random.Random(2)

    def calls_at(at_ms: int) -> float:
        day = (at_ms - 1 - MONDAY_MS) // DAY_MS
        return poisson(rng, 300.0 * (8 <= hour_of(at_ms) < 18 and day % 7 < 5))

    assert told(detector, calls_at, islice(minutes(21.5), 4, None, 5)) == []
    noon_ms = MONDAY_MS + 21 * DAY_MS + 12 * HOUR_MS
    assert told(detector, lambda _: 0.0, iter([noon_ms + five_ms])) == [noon_ms + five_ms]


@pytest.mark.parametrize("per_minute", [0.05, 1.0, 3.0])
def test_few_calls_cannot_stop(per_minute: float) -> None:
    """Three calls a minute, one, or three an hour: a minute without is no news, nor are two calls at once."""
    detector, rng = UsualSum(UsualSumConfig(least=10)), random.Random(2)
    assert told(detector, lambda _: poisson(rng, per_minute), minutes(4)) == []


def test_bursts_need_more() -> None:
    """Calls that come twenty at a time: no minute without is told, but fifty minutes' worth is."""
    rng = random.Random(2)
    short, long = (UsualSum(UsualSumConfig(direction="below", least_ratio=5, least=10)) for _ in range(2))

    def bursts(mean: float) -> float:
        return 20.0 * poisson(rng, mean / 20)

    assert told(short, lambda _: bursts(60), minutes(4)) == []
    assert told(long, lambda _: bursts(3_000), minutes(4)) == []
    after_ms = MONDAY_MS + 4 * DAY_MS + MINUTE_MS
    assert told(short, lambda _: 0.0, iter([after_ms])) == []
    assert told(long, lambda _: 0.0, iter([after_ms])) == [after_ms]


def test_a_loop_is_a_surge_whatever_the_unit() -> None:
    """Five times as much, in calls or in dollars, is; twice as much is not."""
    for unit in (1.0, 0.002):
        detector, rng = UsualSum(UsualSumConfig(direction="above")), random.Random(2)
        told(detector, lambda _, rng=rng, unit=unit: unit * poisson(rng, 60), minutes(2))  # type: ignore[misc]
        at_ms = MONDAY_MS + 2 * DAY_MS + MINUTE_MS
        assert told(detector, lambda _, unit=unit: 120 * unit, iter([at_ms])) == []  # type: ignore[misc]
        assert told(detector, lambda _, unit=unit: 300 * unit, iter([at_ms])) == [at_ms]  # type: ignore[misc]


def test_many_are_judged_as_each_alone() -> None:
    """Rows neither mix nor depend on their company; what is not there is not judged."""
    rng = np.random.default_rng(5)
    many = UsualLevels(4, UsualLevelConfig())
    alone = [UsualLevel(UsualLevelConfig()) for _ in range(4)]
    for at_ms in minutes(0.2):
        values = rng.normal(100, 5, 4) * (1 + (rng.random(4) < 0.02))
        values[rng.random(4) < 0.1] = np.nan
        learn = rng.random(4) < 0.9
        rows = rng.permutation(4)
        scores, levels, baselines = many.update_rows(rows, values[rows], at_ms=at_ms, learn=learn[rows])
        for place, row in enumerate(rows.tolist()):
            verdict = alone[row].update(float(values[row]), at_ms, learn=bool(learn[row]))
            expected = Verdict(0.0) if np.isnan(baselines[place]) else verdict
            assert (verdict.score, verdict.level) == (expected.score, expected.level)
            assert float(scores[place]) == verdict.score
            assert bool(levels[place]) == (verdict.level != "none")
