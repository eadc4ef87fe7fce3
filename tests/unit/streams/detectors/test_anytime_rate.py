"""A rate that is looked at all day: false alarms stay below what is promised, whoever looks how often."""

from __future__ import annotations

import math

import numpy as np
import pytest

from callgauge_detectors.anytime_rate import AnytimeRate, AnytimeRateConfig, AnytimeRates, log_e, share_of
from callgauge_detectors.drift_rate import proportions_z
from callgauge_detectors.tails import normal_tail
from callgauge_detectors.tiers import Tiers

MINUTE_MS = 60_000
START_MS = 1_700_006_400_000


def binomials(n: int, p: float) -> list[float]:
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def test_e_is_one_at_most_in_the_mean() -> None:
    """Over all that can come of a reference and of the calls since, whatever share both have."""
    for n0, n1 in ((7, 5), (40, 30), (300, 12)):
        for p in (0.0, 0.01, 0.2, 0.5, 0.97, 1.0):
            mean = sum(
                a * b * math.exp(log_e(k0, n0, k1, n1))
                for k0, a in enumerate(binomials(n0, p))
                for k1, b in enumerate(binomials(n1, p))
            )
            assert 0 < mean <= 1 + 1e-9


def passed_once(k0: int, n0: int, p: float, calls: int, passes: np.ndarray) -> float:
    """The chance that of so many calls, looked at after each, k1 of n1 is ever in `passes`: exactly, call by call."""
    still, ever = np.zeros(calls + 2), 0.0
    still[0] = 1.0
    for n1 in range(1, calls + 1):
        still[1:] = still[1:] * (1 - p) + still[:-1] * p
        still[0] *= 1 - p
        ever += still[: n1 + 1][passes[n1, : n1 + 1]].sum()
        still[: n1 + 1][passes[n1, : n1 + 1]] = 0.0
    return float(ever)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5])
def test_false_alarms_under_continuous_looking(p: float) -> None:
    """After each of 400 calls, exactly: E reaches 1/a with chance a at most. The two-proportion test at its 5 % is
    passed by far more."""
    n0, calls, alpha = 60, 400, 0.05
    ever, repeated = 0.0, 0.0
    for k0, weight in enumerate(binomials(n0, p)):
        if weight < 1e-6:
            continue
        evidence, z = np.full((calls + 1, calls + 1), -np.inf), np.zeros((calls + 1, calls + 1))
        for n1 in range(1, calls + 1, 1 if weight > 0.01 else 4):
            for k1 in range(n1 + 1):
                if abs(k1 - n1 * p) < 6 * math.sqrt(n1 * p * (1 - p)) + 6:  # beyond that nothing comes
                    evidence[n1, k1] = log_e(k0, n0, k1, n1)
                    z[n1, k1] = proportions_z(k0, n0, k1, n1) if weight > 0.05 else 0.0
        ever += weight * passed_once(k0, n0, p, calls, evidence >= math.log(1 / alpha))
        repeated += weight * passed_once(k0, n0, p, calls, np.abs(z) >= 1.96)
    assert ever <= alpha
    assert repeated > 2 * alpha


@pytest.mark.parametrize("p", [0.03, 0.3])
def test_false_alarms_of_a_day(p: float) -> None:
    """Of 300 series, looked at every minute for a day, no more reach a tier than the tier allows on a day."""
    tier = 1.96
    many = AnytimeRates(0, AnytimeRateConfig(least_change=0.0, tiers=Tiers(tier, 3.5, 4.0, 5.0)))
    many.room(300)
    rows, rng = np.arange(300), np.random.default_rng(7)
    told = np.zeros(300, dtype=np.bool_)
    for minute in range(1, 1_441):
        n = rng.poisson(12, 300)
        k = rng.binomial(n, p)
        shares = np.divide(k, n, out=np.full(300, np.nan), where=n > 0)
        _, levels, _ = many.update_rows(rows, shares, sizes=n.astype(float), at_ms=START_MS + minute * MINUTE_MS)
        told |= levels > 0
    assert told.mean() <= 2 * normal_tail(tier)


def test_a_swap_is_told_within_a_few_calls() -> None:
    """From 2 % to 75 %, as GPT-4's opinions in 2023; and is over soon when it is over."""
    detector, rng = AnytimeRate(AnytimeRateConfig(least_change=0.1)), np.random.default_rng(1)

    def fed(p: float, minutes: range) -> list[str]:
        shares = [share_of(int(rng.binomial(12, p)), 12) for _ in minutes]
        return [detector.update(s, START_MS + m * MINUTE_MS).level for m, s in zip(minutes, shares, strict=True)]

    assert set(fed(0.02, range(1, 121))) == {"none"}
    assert fed(0.75, range(121, 124))[-1] in ("high", "critical")
    assert "none" in fed(0.02, range(124, 136))[-3:]


def test_a_pinned_baseline_takes_the_place_of_the_time_before() -> None:
    """From the first calls, and what came before it was pinned counts no more; another one begins anew."""
    many = AnytimeRates(0, AnytimeRateConfig(least_change=0.1))
    many.room(1)
    row = np.zeros(1, dtype=np.int64)

    def look(minute: int, share: float, pinned: list[int]) -> tuple[str, float]:
        _, levels, before = many.update_rows(
            row, np.array([share]), sizes=np.array([30.0]), at_ms=START_MS + minute * MINUTE_MS,
            pinned=np.array([pinned], dtype=np.int64),
        )  # fmt: skip
        return ("none", "low", "medium", "high", "critical")[levels[0]], float(before[0])

    assert look(1, 0.5, [7, 30, 1_500]) == ("critical", 0.02)
    assert look(2, 0.5, [8, 750, 1_500]) == ("none", 0.5)
    assert many.state(0)["comparisons"][0][1:] == [750, 1_500, 15, 30]
    assert "when it was pinned" in many.reason(0, 0.5, 9.0, 0.5)
