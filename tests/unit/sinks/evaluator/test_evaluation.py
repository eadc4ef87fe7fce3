"""Rules that need history fire on made-up data: the seeds' ones, rules by user, several conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_evaluator import largest, lookbacks, usage_totals
from callgauge_evaluator.binding import bind_history
from callgauge_evaluator.evaluation import Evaluation, RuleJudge, instants
from callgauge_evaluator.lives import Lives
from callgauge_evaluator.totals_sql import Found
from callgauge_history.store import Parameters, QueryResult, Store, StoreUnavailable
from callgauge_history.tiers import touched
from callgauge_history.tiers.usage import derive_usage
from callgauge_rules.placing import Placed, place
from callgauge_rules.rule import Rule
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.totals import MeasureTotals, Totals
from tests.unit.sinks.made_calls import T0, store_calls, store_scores, totals_range

GROUPINGS = parse_groupings("@10s model@10s service@10s")
DAY_S, HOUR_S = 86_400.0, 3_600.0


def evaluation_of(*rules: Rule, lives: Lives | None = None) -> Evaluation:
    bound, refused = bind_history([Placed(rule, None, "") for rule in rules])
    assert not refused
    judges = [RuleJudge(each) for each in bound]
    return Evaluation(lambda _: judges, lives or Lives())


def run(store: Store, evaluation: Evaluation, from_s: float, to_s: float, step_s: float = 60.0) -> list[Alert]:
    found: list[Alert] = []
    for at_ms in instants(int(from_s * 1000), int(to_s * 1000), int(step_s * 1000)):
        found += evaluation.at(store.query, at_ms)
    return found


def seed(name: str) -> Rule:
    return next(rule for rule in load_rules(Path("seeds")) if rule.name == name)


def rule(**fields: Any) -> Rule:
    return Rule.model_validate({"name": "r", "lookback": "5m"} | fields)


def test_the_seeds_place_them_here() -> None:
    """Day over day and week over week look back further than the stream holds."""
    placed = {each.rule.name for each in place(load_rules(Path("seeds")), GROUPINGS) if each.bound is None}
    assert {"cost_against_yesterday", "completion_falls"} <= placed


def test_cost_of_three_times_yesterday_fires(store: Store) -> None:
    """A dollar an hour yesterday, five today: it fires once the day so far costs more than 300 %, and not before."""
    store_calls(store, totals_range(T0 + 1, 24, 2, cost_usd=0.5) + totals_range(T0 + DAY_S + 1, 14, 2, cost_usd=2.5))
    told = run(store, evaluation_of(seed("cost_against_yesterday")), T0 + DAY_S, T0 + DAY_S + 14 * HOUR_S, HOUR_S)
    [fired] = told
    assert fired.state == "firing"
    assert (fired.at - T0 - DAY_S) / HOUR_S == 6  # a quarter of the day must be known
    assert "500 % of 24 h before" in fired.reason
    assert (fired.detector, fired.baseline) == ("ratio", 6.0)
    assert fired.points


def test_cost_as_yesterday_is_silent(store: Store) -> None:
    """Also where yesterday is not known at all."""
    store_calls(store, totals_range(T0 + DAY_S + 1, 30, 2, cost_usd=2.5))
    assert run(store, evaluation_of(seed("cost_against_yesterday")), T0 + DAY_S, T0 + 54 * HOUR_S, HOUR_S) == []


def test_a_daily_budget_that_is_overrun_fires(store: Store) -> None:
    """150 dollars of 100 a day; the next day it is over."""
    store_calls(store, totals_range(T0 + 1, 20, 2, cost_usd=5.0))
    told = run(store, evaluation_of(seed("daily_budget")), T0, T0 + DAY_S + 2 * HOUR_S, HOUR_S)
    assert [(alert.state, (alert.at - T0) / HOUR_S) for alert in told] == [("firing", 16), ("resolved", 25)]
    assert told[0].severity == "error"


def test_completion_that_falls_against_last_week_fires(store: Store) -> None:
    """Nine in ten of last week's rate, by service: one of two services falls."""
    week = totals_range(T0 + 1, 8 * 24, 20, service="good") + totals_range(T0 + 1, 8 * 24, 20, service="bad")
    for number, call in enumerate(week):
        falls = call["service"] == "bad" and call["end"] > T0 + 7.5 * DAY_S
        call["status"] = "error" if number % (4 if falls else 40) == 0 else "success"
    store_calls(store, week)
    told = run(store, evaluation_of(seed("completion_falls")), T0 + 7.4 * DAY_S, T0 + 8 * DAY_S, HOUR_S)
    assert [(alert.state, alert.labels) for alert in told] == [("firing", {"service": "bad"})]


def test_error_spikes_of_a_user(store: Store) -> None:
    """By user, every minute: fires for the one whose calls fail, and is over when they do not."""
    calls = []
    for minute in range(30):
        for user in ("ada", "bob"):
            bad = user == "ada" and 10 <= minute < 15
            calls += [
                {"end": T0 + minute * 60 + at, "user_id": user, "status": "error" if bad else "success"}
                for at in range(0, 60, 15)
            ]
    store_calls(store, calls)
    spikes = rule(by=["user_id"], aggregate="error_rate", value="50%", min_count="10", severity="error")
    told = run(store, evaluation_of(spikes), T0, T0 + 30 * 60)
    assert [(alert.state, (alert.at - T0) / 60, alert.labels) for alert in told] == [
        ("firing", 13, {"user_id": "ada"}), ("resolved", 18, {"user_id": "ada"})
    ]  # fmt: skip
    assert told[0].summary.startswith("error_rate of user_id=ada over 5m is 60 % (20 calls")


def test_several_conditions_join(store: Store) -> None:
    """Errors of a user and cost of a user; both must hold."""
    conditions = [
        {"name": "fails", "aggregate": "error_rate", "lookback": "5m", "value": "50%"},
        {"name": "dear", "aggregate": "cost_usd", "lookback": "10m", "value": "1"},
    ]
    both = Rule.model_validate({"name": "r", "by": ["user_id"], "conditions": conditions})
    store_calls(store, [{"end": T0 + 30, "user_id": user, "status": "error", "cost_usd": cost}
                        for user, cost in (("ada", 2.0), ("bob", 0.5))])  # fmt: skip
    told = run(store, evaluation_of(both), T0, T0 + 60)
    assert [(alert.labels, alert.held, alert.detector) for alert in told] == [
        ({"user_id": "ada"}, ["fails", "dear"], "composite")
    ]


def test_traffic_of_a_user_that_stops(store: Store) -> None:
    """Little is the condition: it fires after the last call, and is forgotten an hour later."""
    store_calls(store, [{"end": T0 + at * 10, "user_id": "ada"} for at in range(60)])
    quiet = rule(by=["user_id"], aggregate="calls", op="lt", value="10")
    told = run(store, evaluation_of(quiet), T0 + 300, T0 + 5400, 300)
    assert [(alert.state, (alert.at - T0) / 60) for alert in told] == [("firing", 15), ("resolved", 75)]


def test_scores_of_a_month_ago(store: Store) -> None:
    """A lookback beyond what the stream holds; it is judged every half an hour or so."""
    store_scores(store, [{"ts": T0 + day * DAY_S, "name": "s", "value": 1.0} for day in range(30)])
    low = rule(aggregate="score.s.mean", lookback="30d", op="lt", value="2", min_count="10")
    bound, _ = bind_history([Placed(low, None, "")])
    assert bound[0].step_ms == 30 * 60_000
    told = run(store, evaluation_of(low), T0 + 30 * DAY_S - HOUR_S, T0 + 30 * DAY_S, 600)
    assert [(alert.state, alert.n, alert.value) for alert in told] == [("firing", 30, 1.0)]


def test_started_anywhere_it_tells_the_same(store: Store) -> None:
    """A detector that learns is made anew at each instant: what it says does not depend on when that was begun."""
    calls = totals_range(T0, 6, 120, user_id="ada", cost_usd=0.01)
    calls += totals_range(T0 + 6 * HOUR_S, 1, 120, user_id="ada", cost_usd=0.2)
    store_calls(store, calls)
    dear = rule(by=["user_id"], aggregate="cost_usd", detector="zscore", parameters={"min_history": "20"})
    whole = run(store, evaluation_of(dear), T0 + 5 * HOUR_S, T0 + 6.5 * HOUR_S, 300)
    late = run(store, evaluation_of(dear), T0 + 5.9 * HOUR_S, T0 + 6.5 * HOUR_S, 300)
    assert whole == late
    assert [alert.state for alert in whole][:1] == ["firing"]


def test_scores_know_no_user() -> None:
    """Such a rule is named, with the reason, and not judged."""
    by_user = rule(by=["user_id"], aggregate="score.s.mean", value="1")
    bound, refused = bind_history([Placed(by_user, None, "")])
    assert (bound, refused) == ([], {"r": "scores do not know the user_id of their call"})


def test_a_baseline_that_only_the_stream_knows_is_refused() -> None:
    """Such a rule would be silent for ever: the reason is told instead."""
    entry = {"by": ["user_id"], "aggregate": "output_tokens_mean", "detector": "drift_distribution"}
    bound, refused = bind_history([Placed(rule(**entry, parameters={"only_pinned": "true"}), None, "")])
    assert (bound, refused["r"].partition(" compares")[0]) == ([], "only_pinned")
    assert bind_history([Placed(rule(**entry), None, "")])[1] == {}


def test_a_rule_that_asks_too_much_silences_no_other(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the others are judged."""
    store_calls(store, [{"end": T0 + 1}])
    wrong = rule(name="wrong", aggregate="calls", value="0", by=["user_id"])
    evaluation = evaluation_of(wrong, rule(aggregate="calls", value="0"))

    def ask(sql: str, parameters: Parameters | None = None) -> QueryResult:
        return store.query("SELECT nothing FROM nowhere" if "user_id" in sql else sql, parameters)

    told = evaluation.at(ask, int(T0 * 1000) + 60_000)
    assert [alert.rule for alert in told] == ["r"]
    assert "wrong cannot be judged" in caplog.text


@pytest.mark.parametrize("at_once", [20, 0], ids=["one by one", "at once"])
def test_alerts_on_costs_of_users_are_the_same_from_usage(
    store: Store, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also the call that they name, of which usage knows nothing."""
    calls = [
        {"end": T0 + 60 * at, "user_id": f"u{at % 3}", "cost_usd": 0.001 * (at * 7 % 31), "output_tokens": at * 5 % 17}
        for at in range(300)
    ]
    store_calls(store, calls)
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    derive_usage(store, int(store.query("SELECT toUnixTimestamp64Milli(now64(3))").rows[0][0]))
    monkeypatch.setattr(usage_totals, "LEAST_CALLS", 1)
    monkeypatch.setattr(largest, "_ONE_BY_ONE", at_once)
    rules = [
        rule(name="spending", by=["user_id"], aggregate="cost_usd", lookback="2h", value="0.6"),
        rule(name="tokens", by=["user_id", "service"], aggregate="output_tokens", lookback="1h", value="150", op="lt"),
    ]
    answers: list[Any] = []

    def asked_of_usage(*question: Any) -> Any:
        answers.append(usage_totals.usage_totals(*question))
        return answers[-1]

    monkeypatch.setattr(lookbacks, "usage_totals", asked_of_usage)
    from_s, to_s = T0 + 7_200, T0 + 18_000
    found = run(store, evaluation_of(*rules), from_s, to_s, 600)
    assert {(each.rule, each.state) for each in found} >= {("spending", "firing"), ("tokens", "firing")}
    assert all(each.event_id for each in found if each.n)
    assert answers
    assert all(answers)
    monkeypatch.setattr(lookbacks, "usage_totals", lambda *_: None)
    assert run(store, evaluation_of(*rules), from_s, to_s, 600) == found


def test_an_alert_is_told_although_its_call_cannot_be_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is decided by then: an error there must not lose the transition."""
    store_calls(store, [{"end": T0 + 30, "user_id": "ada", "cost_usd": 2.0}])
    of_cost = rule(by=["user_id"], aggregate="cost_usd", value="1")
    [alert] = run(store, evaluation_of(of_cost), T0, T0 + 60)
    assert alert.event_id
    monkeypatch.setattr(lookbacks, "usage_totals", lambda *_: [Found(("ada",), 0, _spent(2_000_000_000))])

    def slow(*_: object) -> dict[tuple[str, ...], str]:
        raise StoreUnavailable("it takes too long")

    monkeypatch.setattr(largest, "_largest", slow)
    assert run(store, evaluation_of(of_cost), T0, T0 + 60) == [
        alert.model_copy(update={"event_id": "", "event_ids": []})
    ]


def _spent(nano: int) -> Totals:
    totals = Totals(measures={"cost": MeasureTotals(sum=nano)})
    totals.counts["n"] = 1
    return totals
