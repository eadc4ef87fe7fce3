"""Silences: told when they are longer than those that end by themselves.

one by one     . . . . . . . .              |  told after 15 missing calls
in bursts      :::     ::       ::::        |  told after more than the longest of the pauses
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import pytest

from callgauge_detectors.hourly import DAY_MS, HOUR_MS
from callgauge_detectors.usual_stop import UsualStop, UsualStopConfig, UsualStops

TEN_MS = 10_000
MONDAY_MS = 1_700_438_400_000  # 20 November 2023, 00:00 UTC
DAY, CRITICAL = 8_640, 4
CONFIG = UsualStopConfig(window_ms=TEN_MS)


def gamma_counts(rng: np.random.Generator, per_s: float, gap_cv: float, days: float) -> np.ndarray:
    """Calls in each ten seconds."""
    shape, seconds = 1 / gap_cv**2, days * 86_400
    gaps = rng.gamma(shape, 1 / (shape * per_s), int(1.2 * seconds * per_s) + 1_000)
    times = np.cumsum(gaps)
    return np.bincount((times[times < seconds] // 10).astype(int), minlength=int(seconds // 10)).astype(float)


def fed(detector: UsualStops, counts: np.ndarray, first: int = 0) -> Iterator[np.ndarray]:
    """The levels of each window, of counts of windows by series; nothing is learned while something is said."""
    rows = np.arange(counts.shape[1])
    odd = np.zeros(len(rows), dtype=bool)
    for at, values in enumerate(counts, first + 1):
        _, levels, _ = detector.update_rows(rows, values, at_ms=MONDAY_MS + TEN_MS * at, learn=~odd)
        odd = levels >= CRITICAL
        yield levels


def told_after_s(detector: UsualStops, first: int, windows: int = 360) -> list[float]:
    """After how many seconds without any calls each series is told of."""
    levels = np.array(list(fed(detector, np.zeros((windows, 2)), first)))
    return [10.0 * (1 + int(np.flatnonzero(of >= CRITICAL)[0])) for of in levels.T]


def test_bursts_are_waited_for_and_single_calls_are_not() -> None:
    """One call a second each: the steady one is missed within half a minute, the bursty one within some; neither is
    told of before."""
    rng = np.random.default_rng(5)
    counts = np.column_stack([gamma_counts(rng, 1.0, cv, 1.6) for cv in (1.0, 3.0)])
    detector = UsualStops(2, CONFIG)
    assert all((levels < CRITICAL).all() for levels in fed(detector, counts))
    steady_s, bursty_s = told_after_s(detector, len(counts))
    assert steady_s <= 30
    assert 60 <= bursty_s <= 240


def test_a_service_with_three_calls_an_hour_is_missed_in_hours() -> None:
    """Never on a usual day, and after some hours of nothing."""
    rng = np.random.default_rng(6)
    counts = np.column_stack([rng.poisson(3 / 360, 3 * DAY // 2) for _ in range(2)]).astype(float)
    detector = UsualStops(2, CONFIG)
    assert all((levels < CRITICAL).all() for levels in fed(detector, counts))
    assert all(3 * 3_600 < after_s < 9 * 3_600 for after_s in told_after_s(detector, len(counts), 4_000))


def test_pauses_at_fixed_times_are_usual() -> None:
    """A batch every ten minutes: it may be a minute late, or three, but not for ever."""
    batch = np.zeros(60)
    batch[:3] = 40
    counts = np.tile(batch, 216)[:, None].repeat(2, axis=1)
    detector = UsualStops(2, CONFIG)
    assert all((levels < CRITICAL).all() for levels in fed(detector, counts))
    assert all(180 < after_s < 1_800 for after_s in told_after_s(detector, len(counts)))


def test_nights_and_weekends_are_usual() -> None:
    """Office hours, Monday to Friday: nobody is told from the second day on; a stop on a Monday at noon is."""
    rng = np.random.default_rng(7)
    five = 30
    at = np.arange(21 * DAY // five)
    day, hour = at // (DAY // five), at % (DAY // five) / (DAY // five / 24)
    counts = rng.poisson(150.0 * ((hour >= 8) & (hour < 18) & (day % 7 < 5))).astype(float)
    detector = UsualStop(UsualStopConfig(window_ms=five * TEN_MS))
    odd, found = False, []
    for place, value in enumerate(counts.tolist(), 1):
        odd = detector.update(value, MONDAY_MS + place * five * TEN_MS, learn=not odd).level == "critical"
        found += [place] if odd else []
    assert found == []
    until_noon = [MONDAY_MS + 21 * DAY_MS + k * five * TEN_MS for k in range(1, 145)]
    for at_ms in until_noon:
        detector.update(float(rng.poisson(150.0)) if at_ms > until_noon[95] else 0.0, at_ms)
    assert detector.update(0.0, until_noon[-1] + five * TEN_MS).level == "critical"


def test_the_formula_written_out() -> None:
    """CUSUM, maxima of hours, Gumbel by moments, the chance of a window: as at the top of the file."""
    rest, detector = CONFIG.rest, UsualStop(CONFIG)
    missing, lately, mean, judged = 0.0, 0.0, 0.0, 0
    maxima: list[float] = []
    usual: dict[int, list[float]] = {}
    open_hour, values, largest = -1, [0.0], 0.0
    for place, x in enumerate(gamma_counts(np.random.default_rng(8), 0.3, 2.5, 1.2).tolist(), 1):
        at_ms = MONDAY_MS + place * TEN_MS
        hour, of_hour = (at_ms - 1) // HOUR_MS, (at_ms - 1) % HOUR_MS / HOUR_MS
        enough = len(maxima) >= 8
        sigma = float(np.std(maxima)) if enough else 0.0
        beta = max(1.0, sigma * math.sqrt(6) / math.pi, 0.1 * float(np.mean(maxima)) if enough else 0.0)
        mu = float(np.mean(maxima)) - 0.5772156649 * beta if enough else 0.0
        mu = max(mu, math.log(max(1.0, min(mean, 1.0) * 360)))
        around = [usual.get((hour + step) % 24, []) for step in (0, 1 if of_hour > 0.5 else -1)]
        known = all(around)
        expected = min(lately, *(1.3 * float(np.mean(each)) for each in around)) if known else lately
        missing += (1 - rest) * expected - x * math.log(1 / rest) - (mean if expected < 0.1 * mean else 0.0)
        missing = max(0.0, missing)
        missing = min(missing, mu + beta * (22 - math.log(360))) if enough else missing
        verdict = detector.update(x, at_ms)
        if verdict.score < -1.0:
            p = math.exp(-(missing - mu) / beta) / 360
            assert verdict.score == pytest.approx(NormalDist().inv_cdf(p), abs=2e-3)
            assert verdict.baseline == pytest.approx(expected)
            judged += 1
        if hour != open_hour:  # an hour is learned with the first window after it
            if open_hour >= 0:
                usual.setdefault(open_hour % 24, []).append(float(np.mean(values)))
                maxima.append(largest)
            open_hour, values, largest = hour, [], 0.0
        values.append(x)
        largest = max(largest, min(missing, mu + 4 * beta) if enough else missing)
        lately += (x - lately) * max(min(1 / 180, max(1 / DAY, mean / (50 * beta))), 1 / place)
        mean += (x - mean) * max(1 / DAY, 1 / place)
    assert judged > 20


def test_a_share_that_goes_on_is_no_number_of_calls() -> None:
    """1 would mean that nothing is looked for."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        UsualStopConfig(rest=1.0)
