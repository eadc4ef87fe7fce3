"""The benchmark's scoring rules, on cases small enough to work out by hand.

row      0    15         40       49              60             100
         |probation|      [ window ]   too late     false alarm
"""

from __future__ import annotations

import math

import pytest

from tests.bench.nab_score import LOW_FN, LOW_FP, PROFILES, STANDARD, Profile, normalised, probation, score_file

ROWS = 100
WINDOWS = [(40, 49)]


def sigmoid(y: float) -> float:
    return 2 / (1 + math.exp(5 * y)) - 1


def score(*detections: int, profile: Profile = STANDARD) -> float:
    return normalised([score_file(detections, WINDOWS, ROWS, profile)], profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_perfect_is_100_and_silence_is_0(profile: Profile) -> None:
    """The first row of each window and nothing else; nothing at all."""
    assert score(40, profile=profile) == pytest.approx(100)
    assert score(profile=profile) == 0


def test_probation_is_a_share_of_short_files_and_750_rows_of_long_ones() -> None:
    """Detections in it neither earn nor cost."""
    assert (probation(100), probation(4032), probation(22_695)) == (15, 604, 750)
    assert score_file([0, 14], WINDOWS, ROWS, STANDARD).false_alarms == 0
    assert score_file([15], WINDOWS, ROWS, STANDARD).false_alarms == 1


def test_later_detections_in_a_window_earn_less() -> None:
    """Row i of a window of w rows that ends at r earns s(-(r-i+1)/w) / s(-1); only the best counts."""
    middle = score_file([45], WINDOWS, ROWS, STANDARD)
    assert middle.earned == pytest.approx(sigmoid(-0.5) / sigmoid(-1))
    assert score_file([45, 47, 49], WINDOWS, ROWS, STANDARD).earned == pytest.approx(middle.earned)
    assert score_file([49], WINDOWS, ROWS, STANDARD).earned == pytest.approx(sigmoid(-0.1) / sigmoid(-1))
    assert middle.found == 1
    assert middle.false_alarms == 0


def test_a_miss_costs_by_profile() -> None:
    """One window lost is -1, and -2 where misses weigh double."""
    assert score_file([], WINDOWS, ROWS, STANDARD).earned == -1
    assert score_file([], WINDOWS, ROWS, LOW_FN).earned == -2


def test_false_alarms_cost_more_the_later_after_a_window() -> None:
    """Full price before any window and beyond three window lengths, little right after one; each counts."""
    assert score_file([20, 40], WINDOWS, ROWS, STANDARD).earned == pytest.approx(1 - 0.11)
    assert score_file([20, 21, 40], WINDOWS, ROWS, STANDARD).earned == pytest.approx(1 - 0.22)
    assert score_file([40, 52], WINDOWS, ROWS, STANDARD).earned == pytest.approx(1 + 0.11 * sigmoid(3 / 9))
    assert score_file([40, 90], WINDOWS, ROWS, STANDARD).earned == pytest.approx(1 - 0.11)
    assert score_file([40, 90], WINDOWS, ROWS, LOW_FP).earned == pytest.approx(1 - 0.22)


def test_the_last_window_before_a_false_alarm_counts() -> None:
    """Its length and end measure the distance, also between two windows."""
    windows = [(20, 29), (60, 69)]
    between = score_file([20, 35, 60], windows, ROWS, STANDARD)
    assert between.earned == pytest.approx(2 + 0.11 * sigmoid(6 / 9))
    assert (between.windows, between.found, between.false_alarms) == (2, 2, 1)


def test_a_corpus_is_normalised_over_all_its_windows() -> None:
    """One file found, one missed, one without windows but with a false alarm."""
    files = [
        score_file([40], WINDOWS, ROWS, STANDARD),
        score_file([], WINDOWS, ROWS, STANDARD),
        score_file([50], [], ROWS, STANDARD),
    ]
    assert normalised(files, STANDARD) == pytest.approx(100 * (1 - 1 - 0.11 + 2) / 4)


def test_without_windows_there_is_no_score() -> None:
    """There is nothing to normalise by."""
    assert math.isnan(normalised([score_file([50], [], ROWS, STANDARD)], STANDARD))
