"""Budgets as alerts: one for each level and period, over when the period is."""

from __future__ import annotations

from typing import Any

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


def test_one_alert_for_each_level_and_period(store: Store) -> None:
    """A dollar an hour of ten a day; it goes on the next day, where each is another alert."""
    store_calls(store, totals_range(T0 + 1, 30, 1, user_id="ada", cost_usd=1.0))
    store_calls(store, totals_range(T0 + 1, 30, 1, user_id="bob", cost_usd=0.1))
    found = run(store, evaluation(judge(by="user_id"), Lives()), range(1, 31))
    assert {alert.labels["user_id"] for alert in found} == {"ada"}
    levels = {"50%": ("info", 5), "80%": ("warning", 8), "100%": ("error", 10), "150%": ("critical", 15)}
    expected = [("firing", level, "2026-11-02", *more) for level, more in levels.items()]
    expected += [("resolved", level, "2026-11-02", severity, 24) for level, (severity, _) in levels.items()]
    assert sorted(told(found)) == sorted([*expected, ("firing", "50%", "2026-11-03", "info", 29)])
    assert len({alert.alert_id for alert in found}) == 5


def test_the_summary_says_who_spent_what(store: Store) -> None:
    """In dollars, with the share and the level."""
    store_calls(store, [{"end": T0 + 1, "user_id": "ada", "cost_usd": 8.5}])
    half, most = run(store, evaluation(judge(by="user_id", runbook="https://example.com"), Lives()), range(1, 2))
    by_level = {alert.labels["level"]: alert for alert in (half, most)}
    assert by_level["80%"].summary == (
        "user_id=ada has spent $8.5 of $10 in 2026-11-02: 85% of the budget day (alert at 80%)"
    )
    assert (by_level["80%"].rule, by_level["80%"].value, by_level["80%"].threshold) == ("budget_day", 8.5, 8.0)
    assert (by_level["80%"].detector, by_level["80%"].runbook, by_level["80%"].n) == (
        "budget",
        "https://example.com",
        1,
    )


def test_a_restart_tells_nothing_again(store: Store) -> None:
    """What is on the topic was told."""
    store_calls(store, [{"end": T0 + 1, "cost_usd": 9.0}])
    before = run(store, evaluation(judge(), Lives()), range(1, 3))
    assert len(before) == 2
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
