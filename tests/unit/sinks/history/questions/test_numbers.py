"""Summaries, percentiles, series, usage, errors and caches are those of a plain recount of real calls."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from callgauge.errors import QuestionError
from callgauge_history.questions.caches import cache_hits
from callgauge_history.questions.errors import error_breakdown
from callgauge_history.questions.percentiles import percentiles
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import MEASURES_OVER_TIME, series
from callgauge_history.questions.source import MINUTE_MS, choose
from callgauge_history.questions.summary import Summary, summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.questions.usage import usage
from callgauge_history.store import Parameters, QueryResult
from callgauge_windows.histogram import RELATIVE_ERROR
from tests.unit.sinks.history.questions import oracle
from tests.unit.sinks.history.questions.conftest import Filled

MEASURED = {
    "latency": "latency_ms",
    "ttft": "time_to_first_token_ms",
    "output_tokens": "output_tokens",
    "cost": "cost_usd",
}


def near(value: float | None, true: float | None) -> bool:
    """Within the histogram's error; values are rounded to integers before they are counted."""
    if value is None or true is None:
        return value is true
    return abs(value - true) <= RELATIVE_ERROR * abs(true) + 1e-3


@pytest.mark.parametrize(
    ("where", "from_windows"),
    [
        ({}, True),
        ({"model": "gpt-4"}, True),
        ({"service": ["llmperf", "agent"]}, True),
        ({"provider": "lepton"}, True),
        ({"environment": ""}, False),
        ({"user_id": "user-4"}, False),
        ({"user_id": "user-4", "model": "gpt-4"}, False),
    ],
    ids=str,
)
def test_summary(history: Filled, where: dict[str, str], from_windows: bool) -> None:
    """From windows where a grouping set has the labels, and else from the calls: the same numbers."""
    calls = [
        c for c in history.of_models
        if all(getattr(c, label) in ([value] if isinstance(value, str) else value) for label, value in where.items())
    ]  # fmt: skip
    assert calls
    found = summary(history.ask, history.period, where)
    assert bool(found.grouping) == from_windows
    assert found.period == history.period
    if from_windows:
        assert where.keys() <= {*found.grouping.partition("@")[0].split(",")}
    expected = oracle.totals(calls)
    assert {name: getattr(found.numbers, name) for name in expected} == expected
    latencies = oracle.latencies(calls)
    for q in (0.5, 0.95, 0.99):
        assert near(getattr(found.numbers, f"latency_p{q * 100:.0f}_ms"), oracle.percentile(latencies, q))
    assert found.numbers.latency_mean_ms == pytest.approx(np.mean(latencies), abs=1e-3)


def test_summary_of_part_of_the_period(history: Filled) -> None:
    """A period that cuts minutes is widened to whole ones, and says so."""
    period = Period(history.period.start_ms + 1_234_567, history.period.start_ms + 5_000_001)
    found = summary(history.ask, period)
    assert found.period == period.widened(60_000)
    calls = [c for c in history.of_models if found.period.start_ms <= oracle.end_ms(c) < found.period.end_ms]
    assert found.numbers.calls == len(calls)
    assert found.numbers.cost_usd == oracle.cost_usd(calls)


def test_summary_of_nothing(history: Filled) -> None:
    """Zero calls, and None for what was not measured."""
    numbers = summary(history.ask, Period(0, 60_000)).numbers
    assert (numbers.calls, float(numbers.cost_usd)) == (0, 0.0)
    assert numbers.latency_p95_ms is numbers.error_rate is None


@pytest.mark.parametrize("by", [("model",), ("provider", "model"), ("prompt_version", "model"), ("user_id",)], ids=str)
def test_summary_by(history: Filled, by: tuple[str, ...]) -> None:
    """Each combination of values once."""
    found = {each.values: each for each in summary_by(history.ask, history.period, by)}
    groups = oracle.grouped(history.of_models, lambda c: tuple(getattr(c, label) for label in by))
    assert found.keys() == groups.keys()
    for values, calls in groups.items():
        expected = oracle.totals(calls)
        assert {name: getattr(found[values], name) for name in expected} == expected


@pytest.mark.parametrize("measure", MEASURED)
def test_percentiles(history: Filled, measure: str) -> None:
    """Of every measure, within the proven error of NumPy's."""
    groups = oracle.grouped(history.of_models, lambda c: (c.model,))
    found = {each.values: each for each in percentiles(history.ask, history.period, measure, ["model"], qs=(0, 0.9, 1))}
    assert found.keys() == groups.keys()
    for values, calls in groups.items():
        measured = oracle.answered(calls) if measure == "latency" else calls
        numbers = [getattr(c, MEASURED[measure]) for c in measured if getattr(c, MEASURED[measure]) is not None]
        assert found[values].count == len(numbers)
        assert all(near(found[values].at[q], oracle.percentile(numbers, q)) for q in (0, 0.9, 1)), values


def test_windows_and_calls_give_the_same_percentiles(history: Filled) -> None:
    """A logarithm finds the bucket that exact comparisons find."""
    source = choose(history.ask, history.period)
    for column in ("latency_histogram", "ttft_histogram", "cost_histogram", "output_tokens_histogram"):
        from_windows, from_calls = (
            history.ask(f"SELECT sumMap(r.{column}) FROM {each.rows([column])} AS r", each.all_parameters).rows
            for each in (source, choose(history.ask, history.period, where={"environment": ""}))
        )
        assert from_windows == from_calls


@pytest.mark.parametrize("step_s", [10, 60, 1_800, 86_400])
def test_series(history: Filled, step_s: int) -> None:
    """Each step's calls, in order; the sum is all of them."""
    found = series(history.ask, history.period, "calls", step_s * 1000, ["model"])
    expected = Counter((c.model, oracle.end_ms(c) // (step_s * 1000) * step_s * 1000) for c in history.of_models)
    assert {(line.values[0], at): value for line in found for at, value in line.points} == expected
    assert all(list(line.points) == sorted(line.points) for line in found)
    assert [line.calls for line in found] == sorted((line.calls for line in found), reverse=True)


@pytest.mark.parametrize("measure", MEASURES_OVER_TIME)
def test_every_series(history: Filled, measure: str) -> None:
    """Whatever can be shown over time can be asked for, from windows and from calls, with the same answer."""
    lines = [
        series(history.ask, history.period, measure, 3_600_000, where=where) for where in ({}, {"environment": ""})
    ]
    for from_windows, from_calls in zip(lines[0][0].points, lines[1][0].points, strict=True):
        assert from_windows[0] == from_calls[0]
        assert from_windows[1] == pytest.approx(from_calls[1])


@pytest.mark.parametrize("label", ["user_id", "feature", "model"])
@pytest.mark.parametrize("order", ["cost", "calls", "tokens", "errors"])
def test_top(history: Filled, label: str, order: str) -> None:
    """The dearest first; the share is that of all."""
    groups = oracle.grouped(history.of_models, lambda c: getattr(c, label))
    groups.pop("", None) if label == "user_id" else None
    sums = {value: oracle.totals(calls) for value, calls in groups.items()}
    keys = {
        "cost": lambda t: t["cost_usd"], "calls": lambda t: t["calls"], "errors": lambda t: t["errors"],
        "tokens": lambda t: t["input_tokens"] + t["output_tokens"],
    }  # fmt: skip
    expected = sorted(sums, key=lambda value: (-keys[order](sums[value]), value))[:3]
    found = top(history.ask, history.period, label, order=order, limit=3)  # type: ignore[arg-type]
    assert [each.value for each in found] == expected
    whole = sum(float(t["cost_usd"]) for t in sums.values())
    assert all(each.cost_usd == sums[each.value]["cost_usd"] for each in found)
    assert found[0].share == pytest.approx(float(found[0].cost_usd) / whole)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("step", ["hour", "day", "month"])
def test_usage(history: Filled, zone: str, step: str) -> None:
    """By user and feature, in the days and months of a time zone."""
    patterns = {"hour": "%Y-%m-%d %H:00:00", "day": "%Y-%m-%d", "month": "%Y-%m-01"}

    def key(call: object) -> tuple[str, tuple[str, str]]:
        at = datetime.fromtimestamp(oracle.end_ms(call) / 1000, UTC).astimezone(ZoneInfo(zone))  # type: ignore[arg-type]
        return at.strftime(patterns[step]), (call.user_id, call.feature)  # type: ignore[attr-defined]

    groups = oracle.grouped(history.of_models, key)
    found = usage(history.ask, history.period, ["user_id", "feature"], step=step, zone=zone)  # type: ignore[arg-type]
    assert {(each.start, each.values): (each.calls, each.cost_usd) for each in found} == {
        at: (len(calls), oracle.cost_usd(calls)) for at, calls in groups.items()
    }
    assert [each.start for each in found] == sorted(each.start for each in found)


def test_usage_of_one_user(history: Filled) -> None:
    """Only this user's."""
    [found] = usage(history.ask, history.period, [], {"user_id": "user-4"}, step="month", zone="Asia/Tokyo")
    calls = [c for c in history.of_models if c.user_id == "user-4"]
    assert (found.calls, found.cost_usd, found.start) == (len(calls), oracle.cost_usd(calls), "2026-03-01")
    assert found.input_tokens == sum(c.input_tokens or 0 for c in calls)


def test_error_breakdown(history: Filled) -> None:
    """The real 429s of lepton, and the errors of bedrock that name no type."""
    found = {(e.provider, e.error_type): (e.errors, e.calls) for e in error_breakdown(history.ask, history.period)}
    errors = Counter((c.provider, c.error_type or "other") for c in history.of_models if c.status == "error")
    by_provider = Counter(c.provider for c in history.of_models)
    assert found == {key: (count, by_provider[key[0]]) for key, count in errors.items()}
    assert {("lepton", "rate_limit"), ("bedrock", "other")} <= found.keys()


def test_cache_hits_of_known_levels_are_read_from_windows(history: Filled) -> None:
    """The same as the calls hold, without reading these."""
    asked: list[str] = []

    def ask(sql: str, parameters: Parameters | None = None) -> QueryResult:
        asked.append(sql)
        return history.ask(sql, parameters)

    hits = [call for call in history.of_models if call.cache_hit]
    unknown = {oracle.end_ms(call) // MINUTE_MS for call in hits if call.cache_level is None}
    minute = next(at for at in (oracle.end_ms(call) // MINUTE_MS for call in hits) if at not in unknown)
    period = Period(minute * MINUTE_MS, (minute + 1) * MINUTE_MS)
    calls = [call for call in history.of_models if oracle.end_ms(call) // MINUTE_MS == minute]
    found = cache_hits(ask, period, ["model"])
    assert {each.values[0]: (each.calls, each.exact, each.semantic) for each in found} == {
        model: (len(of), *(sum(c.cache_hit and c.cache_level == level for c in of) for level in ("exact", "semantic")))
        for model, of in oracle.grouped(calls, lambda call: call.model).items()
    }
    assert sum(each.hits for each in found) > 0
    assert not any("FROM calls " in sql for sql in asked)
    assert found == cache_hits(ask, period, ["model"], {"cache_level": ["exact", "semantic", ""]})
    assert any("FROM calls " in sql for sql in asked)


def test_cache_hits(history: Filled) -> None:
    """By level; what the emitter did not tell is unknown."""
    [found] = cache_hits(history.ask, history.period)
    levels = Counter(c.cache_level for c in history.of_models if c.cache_hit)
    assert (found.exact, found.semantic, found.unknown) == (levels["exact"], levels["semantic"], levels[None])
    assert found.hit_rate == sum(levels.values()) / len(history.of_models)
    read, sent = (sum(getattr(c, n) or 0 for c in history.of_models) for n in ("cache_read_tokens", "input_tokens"))
    assert found.cached_token_share == pytest.approx(read / sent)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda ask, p: summary(ask, p, {"modle": "x"}), "did you mean model"),
        (lambda ask, p: summary_by(ask, p, ["model; DROP TABLE calls"]), "no label"),
        (lambda ask, p: percentiles(ask, p, "speed"), "speed is no measure"),
        (lambda ask, p: percentiles(ask, p, qs=(95,)), "shares between 0 and 1"),
        (lambda ask, p: series(ask, p, "nope"), "nope is no number"),
        (lambda ask, p: series(ask, p, step_ms=1_500), "whole seconds"),
        (lambda ask, p: series(ask, Period(0, 10**12), step_ms=1_000), "at most 11,000"),
        (lambda ask, p: top(ask, p, order="size"), "size is no order"),  # type: ignore[arg-type]
        (lambda ask, p: usage(ask, p, ["variant"]), "variant is no label"),
        (lambda ask, p: usage(ask, p, zone="Mars/Base"), "no time zone"),
        (lambda ask, p: Period(5, 5), "empty"),
    ],
)
def test_wrong_questions(history: Filled, question: object, words: str) -> None:
    """Told in one line that says what to ask instead."""
    with pytest.raises(QuestionError, match=words) as told:
        question(history.ask, history.period)  # type: ignore[operator]
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "value", ["o'clock", "back\\slash", "tab\there", "{x:String}", "'; DROP TABLE calls; --", "é\n\0"]
)
def test_values_are_never_sql(history: Filled, value: str) -> None:
    """Whatever a value holds, it is compared, and finds nothing."""
    for where in ({"model": value}, {"user_id": [value, "'"]}):
        assert isinstance(found := summary(history.ask, history.period, where), Summary)
        assert found.numbers.calls == 0
    assert summary(history.ask, history.period).numbers.calls == len(history.of_models)
    assert math.isfinite(float(found.numbers.cost_usd))
