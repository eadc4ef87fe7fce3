"""An answer is the same from windows, from tiers, and from both where buckets of a tier are dirty."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callgauge.errors import QuestionError
from callgauge.units import nanodollars
from callgauge_evaluator import tier_totals, usage_totals
from callgauge_evaluator.binding import HistoryRule, bind_history
from callgauge_evaluator.lookbacks import ask_totals
from callgauge_evaluator.totals_sql import Cut, Found, rows_of, totals_sql
from callgauge_history.questions import source
from callgauge_history.questions import summary as summary_module
from callgauge_history.questions import usage as usage_question
from callgauge_history.questions.changes import Side
from callgauge_history.questions.compare import compare
from callgauge_history.questions.errors import error_breakdown
from callgauge_history.questions.percentiles import percentiles
from callgauge_history.questions.period import Period
from callgauge_history.questions.scores import scores
from callgauge_history.questions.series import series
from callgauge_history.questions.summary import summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.questions.usage import usage
from callgauge_history.questions.volume import volume
from callgauge_history.store import Ask
from callgauge_history.tiers import touched
from callgauge_history.tiers.counting import counts_table
from callgauge_history.tiers.job import derive
from callgauge_history.tiers.ladder import BASES, TIERS
from callgauge_history.tiers.segments import Coverage
from callgauge_history.tiers.usage import derive_usage
from callgauge_rules.bound import BoundCondition
from callgauge_rules.placing import Placed
from callgauge_rules.rule import Rule
from callgauge_windows.totals import Totals
from tests.unit.sinks.history.questions import oracle
from tests.unit.sinks.history.questions.conftest import Filled

QUESTIONS: dict[str, Callable[[Ask, Period], Any]] = {
    "summary": lambda ask, p: summary(ask, p).numbers,
    "of a model": lambda ask, p: summary(ask, p, {"model": "gpt-4"}).numbers,
    "by": lambda ask, p: summary_by(ask, p, ["provider", "model"]),
    "busiest": lambda ask, p: summary_by(ask, p, ["provider", "model"], limit=2),
    "percentiles": lambda ask, p: percentiles(ask, p, "ttft", ["model"]),
    "minutes": lambda ask, p: series(ask, p, "latency_p95_ms", 60_000, ["model"]),
    "half hours": lambda ask, p: series(ask, p, "error_rate", 1_800_000, ["service"]),
    "top": lambda ask, p: top(ask, p, "feature"),
    "top users": lambda ask, p: top(ask, p, "user_id", order="tokens"),
    "usage": lambda ask, p: usage(ask, p, ["user_id", "model"], step="hour", zone="Asia/Kolkata"),
    "errors": lambda ask, p: error_breakdown(ask, p),
    "scores": lambda ask, p: scores(ask, p, ["service"]),
    "compare": lambda ask, p: compare(ask, Side(p), Side(p, {"model": "gpt-4"})),
    "volume": lambda ask, p: volume(ask, p),
}
HALF_HOUR_MS = 1_800_000
COUNTED_TOO = ("tier_progress", "usage_1h", "usage_1d", "calls_1h", *(counts_table(tier.name) for tier in TIERS))


@pytest.fixture(scope="module")
def answers(history: Filled) -> Iterator[dict[Any, Any]]:
    """What the windows and calls alone say; then the tiers are derived, and taken away at the end."""
    given = {(name, part): QUESTIONS[name](history.ask, part) for name in QUESTIONS for part in parts(history.period)}
    for base in BASES:
        derive(history.store, base)
    derive_usage(history.store, int(history.ask("SELECT toUnixTimestamp64Milli(now64(3))").rows[0][0]))
    yield given
    for table in (*COUNTED_TOO, *(tier.table(base) for base in BASES for tier in TIERS)):
        history.store.command(f"TRUNCATE TABLE {table}")


def parts(whole: Period) -> list[Period]:
    """All of it, and a part that cuts a minute, an hour and a day."""
    return [whole, Period(whole.start_ms + 1_230_000, whole.end_ms - 2_345_678)]


@pytest.mark.parametrize("dirty", ["nothing", "an hour"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_the_same_answer(
    history: Filled, answers: dict[Any, Any], name: str, dirty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever part of it the tiers may give."""
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    if dirty == "an hour":
        found = touched.touched_buckets
        an_hour = history.period.start_ms + HALF_HOUR_MS

        def touched_hour(*args: Any) -> touched.Touched:
            clean = found(*args)
            widths = {tier.name: tier.width_ms for tier in TIERS}
            buckets = {tier: [an_hour // widths[tier] * widths[tier]] for tier in clean.buckets}
            return dataclasses.replace(clean, buckets=buckets)

        monkeypatch.setattr(touched, "touched_buckets", touched_hour)
    for part in parts(history.period):
        assert QUESTIONS[name](history.ask, part) == answers[name, part]


def test_the_busiest_are_the_same(history: Filled, answers: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are many rows they are looked for first."""
    assert answers
    by = ["service", "feature", "provider", "model"]
    expected = {limit: summary_by(history.ask, history.period, by, limit=limit) for limit in (1, 3, 100)}
    monkeypatch.setattr(summary_module, "_MANY_ROWS", 0)
    assert {limit: summary_by(history.ask, history.period, by, limit=limit) for limit in expected} == expected


def test_the_tiers_are_read(history: Filled, answers: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The coarsest in the middle, finer ones at the edges."""
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    assert answers
    found = summary(history.ask, history.period)
    assert found.tiers == ("1m", "1h")
    whole_days = Period(history.period.start_ms // 86_400_000 * 86_400_000, history.period.end_ms + 86_400_000)
    assert "1d" in summary(history.ask, whole_days).tiers
    assert summary(history.ask, whole_days).numbers.calls == len(history.of_models)


def test_where_windows_are_gone(history: Filled, answers: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges are widened to what is still kept, and steps that are not are refused."""
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    assert answers
    kept = {"1m": history.period.end_ms, "1h": history.period.end_ms - 600_000, "1d": 0}
    found = touched.coverages

    def only_kept(*args: Any) -> Any:
        return [dataclasses.replace(each, kept_from_ms=kept[each.name]) for each in found(*args)]

    monkeypatch.setattr(source, "coverages", only_kept)
    part = Period(history.period.start_ms + 1_230_000, history.period.end_ms - 65_000)
    given = summary(history.ask, part)
    hour = 3_600_000
    assert given.period == Period(part.start_ms // hour * hour, part.end_ms // 60_000 * 60_000 + 60_000)
    assert set(given.tiers) <= {"1h", "1m"}
    inside = [c for c in history.of_models if given.period.start_ms <= oracle.end_ms(c) < given.period.end_ms]
    assert given.numbers.calls == len(inside)
    with pytest.raises(QuestionError, match="multiples of 3600 s"):
        series(history.ask, part, "calls", 60_000)


RULES: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "errors by model": ("error_rate", ("model",), {}),
    "a percentile of all": ("latency_p95_ms", (), {}),
    "cost of a provider's features": ("cost_usd", ("feature",), {"provider": "openai"}),
    "by a user": ("calls", ("user_id",), {}),
    "steps of traces": ("calls", ("operation",), {}),
    "hits of a level of a cache": ("cache_hit_rate.exact", ("model",), {}),
}
OF_USERS: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "calls by user": ("calls", ("user_id",), {}),
    "errors by user and service": ("error_rate", ("user_id", "service"), {"environment": ""}),
    "of one user": ("errors", ("model",), {"user_id": "user-1"}),
    "cost by user": ("cost_usd", ("user_id",), {}),
    "tokens by user and model": ("tokens", ("user_id", "model"), {}),
    "output tokens of one user": ("output_tokens", (), {"user_id": "user-1"}),
}
#: By user, but not from usage.
NOT_COUNTED: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "mean cost": ("cost_mean_usd", ("user_id",), {}),
    "percentiles": ("output_tokens_p95", ("user_id",), {}),
    "by session": ("calls", ("session_id",), {}),
    "errors of a type": ("error_rate.timeout", ("user_id",), {}),
    "steps of traces": ("calls", ("user_id", "operation"), {}),
}


@pytest.mark.parametrize("late", ["nothing", "windows", "usage"])
@pytest.mark.parametrize("in_steps", [False, True], ids=["whole", "in steps"])
@pytest.mark.parametrize("name", RULES)
def test_rules_see_the_same(
    history: Filled, answers: dict[Any, Any], name: str, in_steps: bool, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules from history read the tiers where these hold the calls, and tell the same of them."""
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    monkeypatch.setattr(tier_totals, "LEAST_CALLS", 1)
    assert answers
    if late == "usage":
        monkeypatch.setattr(tier_totals, "_derived_until", lambda _, begin_ms: begin_ms + 2 * HALF_HOUR_MS)
    if late == "windows":
        counts = tier_totals.calls_of_hours

        def one_more(*args: Any) -> dict[int, int]:
            found = counts(*args)
            return found | {max(found): found[max(found)] + 1}

        monkeypatch.setattr(tier_totals, "calls_of_hours", one_more)
    aggregate, by, where = RULES[name]
    rule, condition = _rule(aggregate, by, where)
    begin_ms, end_ms = (at // HALF_HOUR_MS * HALF_HOUR_MS for at in (history.period.start_ms, history.period.end_ms))
    cut = Cut(begin_ms, end_ms, HALF_HOUR_MS if in_steps else end_ms - begin_ms)
    sql = totals_sql(condition, by, where, cut)
    expected = {found[:2]: found.totals for found in rows_of(condition, by, history.ask(sql).rows)}
    given = {found[:2]: found.totals for found in ask_totals(rule, condition, history.ask, cut)}
    assert _without_examples(given) == _without_examples(expected)
    held = tier_totals.tier_totals(history.ask, condition, by, where, cut)
    assert (held is None) is (name in ("by a user", "hits of a level of a cache"))  # older windows hold none of these


@pytest.mark.parametrize("late", ["nothing", "an hour"])
@pytest.mark.parametrize("step_ms", [0, 3_600_000, 86_400_000], ids=["whole", "hours", "days"])
@pytest.mark.parametrize("name", OF_USERS)
def test_rules_by_user_see_the_same(
    history: Filled, answers: dict[Any, Any], name: str, step_ms: int, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read usage, and what is not derived from the calls."""
    monkeypatch.setattr(touched, "OVERLAP_MS", -60_000)
    monkeypatch.setattr(usage_totals, "LEAST_CALLS", 1)
    assert answers
    if late == "an hour":
        an_hour = Coverage("usage_1h", 3_600_000, frozenset({history.period.start_ms // 3_600_000 * 3_600_000}), 0)
        monkeypatch.setattr(usage_question, "usage_coverage", lambda *_, **__: [an_hour])
    begin_ms, end_ms = history.period.start_ms + 1_234_567, history.period.end_ms - 2_345_678
    if step_ms:
        begin_ms, end_ms = begin_ms // step_ms * step_ms, -(-end_ms // step_ms) * step_ms
    cut = Cut(begin_ms, end_ms, step_ms or end_ms - begin_ms)
    rule, condition = _rule(*OF_USERS[name])
    sql = totals_sql(condition, *OF_USERS[name][1:], cut)
    expected = [_sums(condition, each) for each in rows_of(condition, OF_USERS[name][1], history.ask(sql).rows)]
    assert [_sums(condition, each) for each in ask_totals(rule, condition, history.ask, cut)] == expected
    assert expected
    assert usage_totals.usage_totals(history.ask, condition, *OF_USERS[name][1:], cut) is not None


@pytest.mark.parametrize("name", NOT_COUNTED)
def test_what_usage_does_not_know(
    history: Filled, answers: dict[Any, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read from the calls."""
    monkeypatch.setattr(usage_totals, "LEAST_CALLS", 1)
    assert answers
    _, condition = _rule(*NOT_COUNTED[name])
    cut = Cut.whole(history.period.start_ms, history.period.end_ms)
    assert usage_totals.usage_totals(history.ask, condition, *NOT_COUNTED[name][1:], cut) is None


@pytest.mark.parametrize("less", [0, 1])
def test_values_that_windows_cut_are_read_from_the_calls(
    history: Filled, answers: dict[Any, Any], less: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usage adds up costs as they came; windows, and rules, cut a single one that is too large."""
    dearest = max(nanodollars(call.cost_usd or 0.0) for call in history.of_models if call.user_id)
    monkeypatch.setattr(usage_totals, "LEAST_CALLS", 1)
    monkeypatch.setitem(usage_totals._LIMITS, "cost_nano", dearest - less)
    assert answers
    _, condition = _rule("cost_usd", ("user_id",), {})
    cut = Cut.whole(history.period.start_ms, history.period.end_ms)
    held = usage_totals.usage_totals(history.ask, condition, ("user_id",), {}, cut)
    assert (held is None) is bool(less)


def _rule(aggregate: str, by: tuple[str, ...], where: dict[str, str]) -> tuple[HistoryRule, BoundCondition]:
    entry = {"name": "r", "aggregate": aggregate, "lookback": "12h", "value": "0", "by": list(by), "where": where}
    [rule], _ = bind_history([Placed(Rule.model_validate(entry), None, "")])
    return rule, rule.bound.main


def _sums(condition: BoundCondition, found: Found) -> tuple[Any, ...]:
    """What the condition looks at."""
    return (*found[:2], *(found.totals.sum_of(name) for name in condition.sums))


def _without_examples(found: dict[Any, Totals]) -> dict[Any, Totals]:
    """Of equally large events the tiers may name another one."""
    for totals in found.values():
        for measure in totals.measures.values():
            measure.max_event_id = ""
    return found
