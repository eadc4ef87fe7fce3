"""When a novelty score is an alarm.

score   ....x.....x.........x..........
alarm       |--pause--|     |            the second is within the pause
"""

from __future__ import annotations

import pytest

from callgauge_detectors.novelty_alarm import AlarmRule


def judged_at(row: int, score: float, *earlier: int, threshold: float = 1.0) -> float:
    """The verdict on `score` at `row`, after scores of 100 at earlier rows and 0 at all others."""
    rule = AlarmRule(threshold)
    for i in range(row):
        rule.judge(100.0 if i in earlier else 0.0)
    return rule.judge(score)


@pytest.mark.parametrize(("row", "bar"), [(0, 0.15**0.25), (150, 0.15**0.25), (1_000, 1.0), (16_000, 2.0)])
def test_the_bar_rises_with_the_fourth_root(row: int, bar: float) -> None:
    """From 150 values on; the verdict is the multiple of the bar."""
    assert judged_at(row, bar * 1.2) == pytest.approx(1.2)
    assert judged_at(row, bar * 0.99) == 0


def test_the_bar_stops_where_scores_can_still_reach_it() -> None:
    """At 30,000 values."""
    assert judged_at(40_000, 30**0.25 + 1e-9) == pytest.approx(1)


@pytest.mark.parametrize(("first", "pause"), [(100, 30), (2_000, 105), (10_000, 150)])
def test_the_pause_is_a_twentieth_of_the_past(first: int, pause: int) -> None:
    """Between 30 and 150 values; it is counted to the value in question."""
    assert judged_at(first + pause, 100.0, first) == 0
    assert judged_at(first + pause + 1, 100.0, first) > 0


def test_alarms_raise_the_bar_for_a_while() -> None:
    """By three quarters each, half as much 200 values later."""
    raised = 1.2**0.25 * (1 + 0.75 * 0.5)
    assert judged_at(1_200, raised * 1.01, 1_000) == pytest.approx(1.01)
    assert judged_at(1_200, raised * 0.99, 1_000) == 0
    twice = 1.2**0.25 * (1 + 0.75 * 0.5 * 1.5)
    assert judged_at(1_200, twice * 0.99, 800, 1_000) == 0
    assert judged_at(1_200, twice * 1.01, 800, 1_000) == pytest.approx(1.01)


def test_a_restored_rule_continues() -> None:
    """Count, last alarm and raised bar are its state."""
    rule = AlarmRule(1.0)
    for i in range(500):
        rule.judge(5.0 if i == 480 else 0.0)
    other = AlarmRule(1.0)
    other.restore(rule.snapshot())
    assert [rule.judge(1.0) for _ in range(200)] == [other.judge(1.0) for _ in range(200)]
