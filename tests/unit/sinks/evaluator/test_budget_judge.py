"""Budgets as alerts: the highest level that is reached is on, until a higher one is or the period is over."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_evaluator.budget_judge import BudgetJudge
from callgauge_evaluator.evaluation import Evaluation
from callgauge_evaluator.lives import Lives
from callgauge_history.budgets.budget import Budget
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls, totals_range

HOUR_S = 3_600.0


def judge(**fields: Any) -> BudgetJudge:
    return BudgetJudge(Budget.model_validate({"name": "day", "limit": "10", "period": "day"} | fields))


def evaluation(judged: BudgetJudge, lives: Lives) -> Evaluation:
    return Evaluation(lambda _: [judged], lives)


def run(store: Store, judging: Evaluation, hours: range) -> list[Alert]:
    found: list[Alert] = []
    for hour in hours:
        found += judging.at(store.query, int((T0 + hour * HOUR_S) * 1000))
    return found


def told(alerts: list[Alert]) -> list[tuple[Any, ...]]:
    return [(a.state, a.labels["level"], a.labels["period"], a.severity, (a.at - T0) / HOUR_S) for a in alerts]


def test_the_highest_level_is_on(store: Store) -> None:
    """A dollar an hour of ten a day: each level in turn, and only one at a time. The next day's is another alert."""
    store_calls(store, totals_range(T0 + 1, 30, 1, user_id="ada", cost_usd=1.0))
    store_calls(store, totals_range(T0 + 1, 30, 1, user_id="bob", cost_usd=0.1))
    found = run(store, evaluation(judge(by="user_id"), Lives()), range(1, 31))
    assert {alert.labels["user_id"] for alert in found} == {"ada"}
    lasted = {"50%": ("info", 5, 8), "80%": ("warning", 8, 10), "100%": ("error", 10, 15), "150%": ("critical", 15, 24)}
    expected = [("firing", level, "2026-11-02", severity, at) for level, (severity, at, _) in lasted.items()]
    expected += [("resolved", level, "2026-11-02", severity, at) for level, (severity, _, at) in lasted.items()]
    assert sorted(told(found)) == sorted([*expected, ("firing", "50%", "2026-11-03", "info", 29)])
    assert len({alert.alert_id for alert in found}) == 5
    over = [alert for alert in found if alert.state == "resolved"]
    assert [(alert.labels["level"], alert.reason) for alert in over] == [
        ("50%", "80% is reached: the alert of that level goes on"),
        ("80%", "100% is reached: the alert of that level goes on"),
        ("100%", "150% is reached: the alert of that level goes on"),
        ("150%", "2026-11-02 is over"),
    ]
    assert [alert.value for alert in over] == [pytest.approx(8.0), pytest.approx(10.0), pytest.approx(15.0), None]


def test_levels_reached_at_once_are_one_alert(store: Store) -> None:
    """Far over at the first look: the highest alone, whatever the severities of the others."""
    store_calls(store, [{"end": T0 + 1, "user_id": "ada", "cost_usd": 17.0}])
    found = run(store, evaluation(judge(by="user_id"), Lives()), range(1, 25))
    assert told(found) == [
        ("firing", "150%", "2026-11-02", "critical", 1),
        ("resolved", "150%", "2026-11-02", "critical", 24),
    ]


def test_levels_of_one_severity_are_told_apart(store: Store) -> None:
    """Each level that somebody asked for is told when it is reached."""
    store_calls(store, totals_range(T0 + 1, 3, 1, cost_usd=0.6))
    found = run(store, evaluation(judge(levels=["5%", "12.5%", 0.4]), Lives()), range(1, 4))
    assert [alert.labels["level"] for alert in found if alert.state == "firing"] == ["5%", "12.5%"]


def test_costs_that_are_adjusted_go_back_a_level(store: Store) -> None:
    """Below a level again: its alert ends, and the lower one fires anew, as another episode."""
    [call] = store_calls(store, [{"end": T0 + 1, "cost_usd": 9.0}])
    judging = evaluation(judge(), Lives())
    [high] = run(store, judging, range(1, 2))
    store.command(
        "INSERT INTO cost_adjustments (event_id, event_time, service, model, cost_nano, cost_nano_before, delta_nano) "
        "SELECT event_id, event_time, service, model, 6000000000, 9000000000, -3000000000 FROM calls "
        f"WHERE event_id = '{call.event_id}'"
    )
    found = {alert.state: alert for alert in run(store, judging, range(2, 3))}
    assert found["resolved"].alert_id == high.alert_id
    assert found["resolved"].reason == "its costs were adjusted: so much is not spent any more"
    assert found["resolved"].value == pytest.approx(6.0)
    assert (found["firing"].labels["level"], found["firing"].seq) == ("50%", 0)


def test_alerts_of_a_former_version_end(store: Store) -> None:
    """It told each level that was reached. After an upgrade the lower ones end, and the highest goes on as it is."""
    store_calls(store, [{"end": T0 + 1, "cost_usd": 9.0}])
    [high] = run(store, evaluation(judge(), Lives()), range(1, 2))
    [low] = run(store, evaluation(judge(levels=["50%"]), Lives()), range(1, 2))
    after = evaluation(judge(), Lives([low, high], int(T0 * 1000) + 3_600_000))
    [ended] = run(store, after, range(2, 4))
    assert (ended.state, ended.alert_id, ended.seq) == ("resolved", low.alert_id, low.seq + 1)


def test_the_summary_says_who_spent_what(store: Store) -> None:
    """In dollars, with the share and the level."""
    store_calls(store, [{"end": T0 + 1, "user_id": "ada", "cost_usd": 8.5}])
    [alert] = run(store, evaluation(judge(by="user_id", runbook="https://example.com"), Lives()), range(1, 2))
    assert alert.summary == "user_id=ada has spent $8.5 of $10 in 2026-11-02: 85% of the budget day (alert at 80%)"
    assert (alert.rule, alert.value, alert.threshold) == ("budget_day", 8.5, 8.0)
    assert (alert.detector, alert.runbook, alert.n) == ("budget", "https://example.com", 1)


def test_a_restart_tells_nothing_again(store: Store) -> None:
    """What is on the topic was told."""
    store_calls(store, [{"end": T0 + 1, "cost_usd": 9.0}])
    before = run(store, evaluation(judge(), Lives()), range(1, 3))
    assert len(before) == 1
    again = evaluation(judge(), Lives(before, int(T0 * 1000) + 2 * 3_600_000))
    assert run(store, again, range(3, 5)) == []


def test_tokens_of_a_service(store: Store) -> None:
    """Another unit, and a label in `where`."""
    store_calls(store, [{"end": T0 + 1, "service": s, "input_tokens": 90, "output_tokens": 20} for s in ("a", "b")])
    tokens = judge(of="tokens", limit="100", where={"service": "a"}, levels=["100%"])
    found = run(store, evaluation(tokens, Lives()), range(1, 2))
    assert [alert.summary for alert in found] == [
        "all calls, service=a have spent 110 tokens of 100 tokens in 2026-11-02: 110% of the budget day (alert at 100%)"
    ]
