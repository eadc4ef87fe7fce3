"""Drift rules whose baseline is pinned to marks: the time before a deploy, however long ago it was."""

from __future__ import annotations

from typing import Any

from callgauge_evaluator.binding import bind_history
from callgauge_evaluator.evaluation import Evaluation, RuleJudge
from callgauge_evaluator.lives import Lives
from callgauge_history.store import Store
from callgauge_rules.placing import place
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import parse_groupings
from tests.unit.sinks.made_calls import T0, store_calls

HOUR_S = 3_600.0
RULE = """
rules:
  - name: errors_since_the_deploy
    by: [service]
    aggregate: error_rate
    lookback: 1h
    detector: drift_rate
    min_count: 10
    parameters: {pinned: true, least_change: 0.05, block: 2, reference: 2, least_blocks: 1}
"""
[PLACED] = place(rules_in("r", RULE.encode()), parse_groupings("service@10s"))


def judged(store: Store, hours: list[int]) -> dict[int, tuple[int, str]]:
    """Hour -> how many alerts are told then, and why, each judged for itself."""
    [rule], _ = bind_history([PLACED])
    found = {}
    for hour in hours:
        evaluation = Evaluation(lambda _: [RuleJudge(rule)], Lives())
        told = evaluation.at(store.query, int((T0 + hour * HOUR_S) * 1000))
        found[hour] = (len(told), told[0].reason if told else "")
    return found


def fill(store: Store, fails: Any) -> None:
    calls = []
    for hour in range(60):
        calls += [
            {"end": T0 + hour * HOUR_S + at * 30, "status": "error" if at < fails(hour) else "success"}
            for at in range(100)
        ]
    store_calls(store, calls)


def mark(store: Store, hour: float, service: str = "chat") -> None:
    at = int(T0 + hour * HOUR_S)
    store.command(
        f"INSERT INTO marks (mark_id, effective_from, text, service) VALUES ('m{at}', {at}, 'new', '{service}')"
    )


def test_it_is_judged_from_history() -> None:
    """Since only the history knows the marks."""
    assert (PLACED.bound, PLACED.why) == (None, "its baseline is pinned to marks, which the stream does not know")


def test_a_deploy_is_compared_with_the_time_before_it(store: Store) -> None:
    """Also days later, when a rolling baseline has long become used to it; and not before the mark."""
    fill(store, lambda hour: 2 if hour < 20 else 20)
    mark(store, 20)
    found = judged(store, [20, 23, 30, 58])
    assert [count for count, _ in found.values()] == [0, 1, 1, 1]
    assert all("20.0 % of 200 calls after 2.0 % of" in why for count, why in found.values() if count)


def test_the_next_deploy_has_another_baseline(store: Store) -> None:
    """What was there before it is normal now; marks of other services do not matter."""
    fill(store, lambda hour: 2 if hour < 20 else 20)
    mark(store, 20)
    mark(store, 50, "other")
    assert judged(store, [55])[55][0] == 1
    mark(store, 40)
    assert [count for count, _ in judged(store, [41, 43, 55]).values()] == [0, 0, 0]


def test_without_calls_since_the_mark_nothing_is_judged(store: Store) -> None:
    """A mark within the last step; one that begins where the step ends is not in force yet."""
    fill(store, lambda hour: 2 if hour < 18 else 50)
    mark(store, 20)
    assert judged(store, [20])[20][0] == 1
    mark(store, 19.5)
    assert judged(store, [20])[20][0] == 0
