"""The scoring of alerts against what happened, on cases that can be checked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.bench.detection.firing import Firing
from tests.bench.detection.missed import missed
from tests.bench.detection.played import Played
from tests.bench.detection.score import found_in, scores

SERIES = {
    "service@10s": [{"service": "chat"}],
    "service,model@60s": [{"service": "chat", "model": "m1"}],
    "model@10s": [{"model": "m1"}],
}
TRUTH: dict[str, Any] = {
    "kind": "timeouts",
    "start_s": 1_000.0,
    "end_s": 1_300.0,
    "seen_in": ["error_rate"],
    "series": SERIES,
    "scope": {"provider": "p"},
    "calls_before": 10,
}


def firing(at_s: float, labels: Mapping[str, str], aggregate: str = "error_rate", *, page: bool = True) -> Firing:
    return Firing("r", aggregate, labels, at_s, page, 300.0)


def played(firings: list[Firing], truth: dict[str, Any] = TRUTH) -> Played:
    return Played(1, [truth], {"set": firings}, {"set": 7})


def test_the_first_right_alert_counts() -> None:
    """Not the one before, nor one of another series, nor of another aggregate."""
    firings = [
        firing(990.0, {"service": "chat"}),
        firing(1_010.0, {"service": "code"}),
        firing(1_020.0, {"service": "chat"}, "cost_usd"),
        firing(1_100.0, {"model": "m1"}),
        firing(1_090.0, {"service": "chat", "model": "m1"}),
    ]
    [found] = found_in([TRUTH], firings)
    assert found.delay_s == 90.0


@pytest.mark.parametrize(("at_s", "seen"), [(999.0, False), (1_000.0, True), (2_200.0, True), (2_201.0, False)])
def test_an_alert_has_its_lookback_and_ten_minutes(at_s: float, seen: bool) -> None:
    """After the incident's end; then it is about something else."""
    [found] = found_in([TRUTH], [firing(at_s, {"service": "chat"})])
    assert (found.delay_s is not None) == seen


@pytest.mark.parametrize(
    ("scope", "labels", "named"),
    [
        ({"provider": "p"}, {"model": "p-large"}, True),
        ({"provider": "p"}, {"service": "chat"}, False),
        ({"service": "chat", "feature": "a"}, {"service": "chat"}, True),
        ({"model": "m1"}, {"model": "m1"}, True),
    ],
)
def test_the_cause_is_named_by_a_label(scope: dict[str, str], labels: dict[str, str], named: bool) -> None:
    """That which the incident hits, or a model of it."""
    series = {"a": [{"model": "p-large"}], "b": [{"service": "chat"}], "c": [{"model": "m1"}]}
    [found] = found_in([TRUTH | {"scope": scope, "series": series}], [firing(1_010.0, labels)])
    assert found.named == named


def test_a_cause_is_told_before_its_symptoms() -> None:
    """Of alerts at the same time."""
    symptom, cause = firing(1_010.0, {"service": "chat"}), firing(1_010.0, {"model": "m1"})
    [found] = found_in([TRUTH | {"scope": {"model": "m1"}}], [symptom, replace(cause, cause=True)])
    assert found.named


@pytest.mark.parametrize(("after_s", "soon"), [(60.0, True), (61.0, False)])
def test_a_cause_may_be_named_a_minute_later(after_s: float, soon: bool) -> None:
    """Not by the first alert, but by one soon after it."""
    series, scope = {"a": [{"model": "m1"}], "b": [{"service": "chat"}]}, {"service": "chat"}
    firings = [firing(1_010.0, {"model": "m1"}), firing(1_010.0 + after_s, {"service": "chat"})]
    result = scores([played(firings, TRUTH | {"scope": scope, "series": series})], "set", days=1.0)
    assert (result["names_the_cause"], result["names_the_cause_in_60s"]) == (0.0, float(soon))
    assert result["timeouts"]["names_the_cause_in_60s"] == float(soon)


def test_an_incident_without_calls_is_left_out() -> None:
    """Nothing happened to anybody, so nothing can be seen."""
    assert found_in([TRUTH | {"calls_before": 0}], []) == []


def test_false_alarms_are_per_series_and_time() -> None:
    """Pages per week, warnings per day; an alert about a series that something is wrong with is not false."""
    firings = [
        firing(1_100.0, {"service": "chat"}, "cost_usd"),
        firing(1_100.0, {"service": "code"}),
        firing(9_000.0, {"service": "chat"}),
        firing(9_000.0, {"service": "chat"}, page=False),
    ]
    result = scores([played(firings), played([])], "set", days=3.5)
    assert result["false_pages_per_series_week"] == pytest.approx(2 / 7, abs=1e-4)
    assert result["false_warnings_per_series_day"] == pytest.approx(1 / 49, abs=1e-4)
    assert result["timeouts"]["detected"] == 0.0
    assert result["provider_down"] == {
        "incidents": 0, "detected": None, "delay_p50_s": None, "delay_p90_s": None, "names_the_cause": None,
        "names_the_cause_in_60s": None, "told_by": {},
    }  # fmt: skip


def test_each_sort_has_its_time() -> None:
    """A timeout is hard: seen after 90 s it is in time, after 100 s it is not; other sorts did not happen."""
    hit = [played([firing(1_000.0 + delay, {"service": "chat"})]) for delay in (90, 100)]
    within = scores(hit, "set", days=1.0)["within"]
    assert [within[name] for name in ("hard_90s", "steps_300s", "slow_7200s")] == [0.5, 0.0, 0.0]


def test_what_nobody_could_know_is_told_apart() -> None:
    """A silence that is usual for 200 s counts among all, and not among those that could be known in 90 s."""
    silent = TRUTH | {"kind": "traffic_stops", "seen_in": ["calls"], "detectable_after_s": 200.0}
    seen = played([firing(1_050.0, {"service": "chat"}, "calls")], silent | {"detectable_after_s": 40.0})
    within = scores([seen, played([], silent)], "set", days=1.0)["within"]
    assert (within["hard_90s"], within["hard_90s_knowable"], within["hard_90s_knowable_share"]) == (0.5, 1.0, 0.5)


def test_what_is_missed_is_listed() -> None:
    """Whom it hit, with what traffic, and when it was told at last; those that nobody could know come last."""
    silent = TRUTH | {"kind": "sdk_dead", "scope": {"service": "chat"}, "detectable_after_s": 200.0, "severity": 1.0}
    late = played([firing(1_100.0, {"service": "chat"})], TRUTH | {"severity": 0.5})
    shapes = {"chat": "2/s cv 1 at p", "code": "1/s cv 4 at q"}
    rows = missed([replace(each, services=shapes) for each in (played([], silent), late)], "set")
    told = [(row["kind"], row["traffic"], row["delay_s"], row["knowable_s"]) for row in rows]
    assert told == [("timeouts", "2/s cv 1", 100.0, 0.0), ("sdk_dead", "2/s cv 1 at p", None, 213.0)]
    assert rows[0]["calls_per_min"] == 2.0


def test_delays_are_those_of_detected_incidents() -> None:
    """Median and 90th percentile, by the nearest rank."""
    hit = [played([firing(1_000.0 + 10 * nth, {"service": "chat"})]) for nth in range(1, 10)]
    result = scores([*hit, played([])], "set", days=1.0)["timeouts"]
    assert (result["incidents"], result["detected"]) == (10, 0.9)
    assert (result["delay_p50_s"], result["delay_p90_s"]) == (50.0, 90.0)
