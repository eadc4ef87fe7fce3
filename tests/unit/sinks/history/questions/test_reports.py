"""Scores, drift, comparisons, alerts, clocks, volume and sizes are those of a plain recount of real calls."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from callgauge.schema import Score, StateChange
from callgauge_history.questions.anomalies import anomalies
from callgauge_history.questions.changes import Change
from callgauge_history.questions.compare import Side, compare
from callgauge_history.questions.drift import drift_report
from callgauge_history.questions.period import Period
from callgauge_history.questions.scores import scores
from callgauge_history.questions.sizing import column_sizes, sizing
from callgauge_history.questions.skew import clock_skew
from callgauge_history.questions.volume import volume
from callgauge_windows.grouping import GroupingSet, series_id
from callgauge_windows.histogram import RELATIVE_ERROR
from tests.unit.sinks.history.questions import oracle
from tests.unit.sinks.history.questions.conftest import Filled
from tests.unit.sinks.history.questions.filled import GROUPINGS


def values_of(history: Filled, **carried: str) -> dict[tuple[str, str], list[float]]:
    """The values of each score and origin, of those that carry these labels with these values."""
    found: dict[tuple[str, str], list[float]] = {}
    for record in history.scores:
        labels = {**record.labels, "service": record.service}
        if any(labels.get(label) != value for label, value in carried.items()):
            continue
        if isinstance(record, Score):
            found.setdefault((record.name, record.origin), []).append(record.value)
        elif isinstance(record, StateChange):
            found.setdefault(("breaker_open", record.breaker), []).append(float(record.to_state == "open"))
    return found


@pytest.mark.parametrize(
    "where", [{}, {"service": "llmperf"}, {"model": "gpt-4"}, {"service": "llmperf", "feature": "bench"}], ids=str
)
def test_scores(history: Filled, where: dict[str, str]) -> None:
    """From windows and from the scores themselves; those without a label do not count under it."""
    expected = values_of(history, **where)
    found = {(each.name, each.origin): each for each in scores(history.ask, history.period, where=where)}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        numbers = found[key]
        assert (numbers.count, numbers.lowest, numbers.highest) == (len(values), min(values), max(values))
        assert numbers.mean == pytest.approx(np.mean(values), abs=1e-6)
        assert numbers.stddev == pytest.approx(np.std(values), abs=1e-3)
        for q, value in ((0.05, numbers.p05), (0.5, numbers.p50), (0.95, numbers.p95)):
            true = float(np.quantile(values, q, method="lower"))
            assert value == pytest.approx(true, rel=RELATIVE_ERROR, abs=1e-6)


def test_scores_by_label(history: Filled) -> None:
    """Each model's, of the scores that carry a model."""
    found = {(each.values[0], each.name): each.count for each in scores(history.ask, history.period, ["model"])}
    names = [
        (record.labels["model"], record.name if isinstance(record, Score) else "breaker_open")
        for record in history.scores if "model" in record.labels
    ]  # fmt: skip
    assert found == Counter(names)
    assert {each.name for each in scores(history.ask, history.period, name="thumbs")} == {"thumbs"}


def change_of(changes: tuple[Change, ...], name: str) -> Change:
    return next(change for change in changes if change.name == name)


def test_drift_of_the_real_models(history: Filled) -> None:
    """LLMDrift: the answers of GPT-4 got short when the model behind the name was swapped half-way."""
    middle = history.period.start_ms + history.period.length_ms // 2
    now = Period(middle, history.period.end_ms)
    found = drift_report(history.ask, now, where={"model": "gpt-4", "feature": "counthappynumber"})
    happy = [c for c in history.of_models if (c.model, c.feature) == ("gpt-4", "counthappynumber")]
    sides = [[c for c in happy if p.start_ms <= oracle.end_ms(c) < p.end_ms] for p in (now.before(), now)]
    assert found.calls == tuple(map(len, sides))
    length = change_of(found.changes, "output_tokens")
    medians = [oracle.percentile([c.output_tokens or 0 for c in side], 0.5) for side in sides]
    assert [length.before, length.now] == pytest.approx(medians, rel=RELATIVE_ERROR)
    assert length.significant
    short = change_of(found.changes, "score.short{origin=heuristic}")
    assert short.kind == "rate"
    labels = {"model": "gpt-4", "feature": "counthappynumber"}
    judged = [r for r in history.scores if isinstance(r, Score) and r.name == "short" and r.labels == labels]
    shares = [np.mean([r.value for r in judged if p.start_ms <= r.ts * 1000 < p.end_ms]) for p in (now.before(), now)]
    assert [short.before, short.now] == pytest.approx(shares)
    assert found.drifted == tuple(c for c in found.changes if c.significant)
    assert not any(c.name == "cost_usd" for c in found.changes)


def test_no_drift_where_nothing_changed(history: Filled) -> None:
    """The Azure trace's lengths are alike in both halves of the period."""
    middle = history.period.start_ms + history.period.length_ms // 2
    found = drift_report(history.ask, Period(middle, history.period.end_ms), where={"service": "code-assistant"})
    assert found.calls[0] + found.calls[1] == sum(c.service == "code-assistant" for c in history.of_models)
    assert not change_of(found.changes, "output_tokens").significant


def test_the_kolmogorov_smirnov_distance_is_that_of_the_values(history: Filled) -> None:
    """But for the width of a bucket."""
    found = compare(
        history.ask, Side(history.period, {"model": "gpt-4"}), Side(history.period, {"model": "gpt-3.5-turbo"})
    )
    first, second = (
        np.sort([c.latency_ms for c in oracle.answered(history.of_models) if c.model == model])
        for model in ("gpt-4", "gpt-3.5-turbo")
    )
    at = np.concatenate([first, second])
    distance = np.max(
        np.abs(np.searchsorted(first, at, "right") / len(first) - np.searchsorted(second, at, "right") / len(second))
    )
    change = change_of(found.changes, "latency_ms")
    assert change.ks == pytest.approx(distance, abs=0.03)
    assert change.counts == (len(first), len(second))
    assert change.significant


def test_compare_models(history: Filled) -> None:
    """Numbers of both sides, and shares that differ: lepton refused, replicate did not."""
    lepton, replicate = (Side(history.period, {"provider": name}) for name in ("lepton", "replicate"))
    found = compare(history.ask, lepton, replicate)
    calls = [[c for c in history.of_models if c.provider == name] for name in ("lepton", "replicate")]
    for numbers, expected in zip((found.before, found.now), map(oracle.totals, calls), strict=True):
        assert {name: getattr(numbers, name) for name in expected} == expected
    errors = change_of(found.changes, "error_rate")
    assert (errors.before, errors.now) == (found.before.error_rate, found.now.error_rate)
    assert errors.significant
    assert errors.z < -4
    assert change_of(found.changes, "error.rate_limit").significant


def test_comparing_with_nothing(history: Filled) -> None:
    """A side without calls has no rates, and nothing is significant."""
    found = compare(history.ask, Side(Period(0, 60_000)), Side(history.period))
    assert found.before.calls == 0
    assert not any(change.significant for change in found.changes)
    assert change_of(found.changes, "error_rate").before is None


def test_anomalies(history: Filled) -> None:
    """By hour and rule; what never fired is left out."""
    hour = history.period.start_ms // 3_600_000 * 3_600_000
    found = anomalies(history.ask, history.period)
    assert [(a.hour_ms - hour, a.rule, a.alerts, a.series, a.open) for a in found] == [
        (0, "dear", 1, 1, 0), (0, "slow", 1, 1, 0), (3_600_000, "slow", 2, 2, 1),
    ]  # fmt: skip
    assert {a.rule for a in anomalies(history.ask, history.period, rule="dear")} == {"dear"}
    assert found[0].example == "dear!"


def test_clock_skew(history: Filled) -> None:
    """Judged by the heartbeat that took the shortest way, and by the process that is furthest off."""
    found = {each.service: each for each in clock_skew(history.ask, history.period)}
    assert [(s, e.verdict, e.ahead_ms) for s, e in found.items()] == [
        ("late", "behind", -60_020.0), ("fast", "ahead", 5_000.0), ("good", "right", -20.0),
    ]  # fmt: skip
    assert (found["fast"].processes, found["fast"].worst_host, found["fast"].heartbeats) == (2, "host-f2", 6)


def test_volume(history: Filled) -> None:
    """Calls, the busiest minute, and the series of the grouping set that has most of them."""
    found = {each.service: each for each in volume(history.ask, history.period)}
    groups = oracle.grouped(history.of_models, lambda c: c.service)
    assert found.keys() == groups.keys()
    sets = [
        GroupingSet(labels, 60_000)
        for labels in (("service", "feature", "provider", "model"), ("service", "model", "prompt_version"))
    ]
    assert all(each.name in GROUPINGS for each in sets)
    for service, calls in groups.items():
        each = found[service]
        minutes = Counter(oracle.end_ms(c) // 60_000 for c in calls)
        assert each.calls == len(calls)
        assert each.peak_calls_per_s == pytest.approx(max(minutes.values()) / 60)
        assert each.calls_per_s == pytest.approx(len(calls) / (history.period.length_ms / 1000))
        sizes = {
            of.name: len({series_id(of, [getattr(call, label) for label in of.labels]) for call in calls})
            for of in sets
        }
        assert (each.series, each.folded_calls) == (max(sizes.values()), 0)
        assert each.series == 1 or each.grouping in [name for name, size in sizes.items() if size == each.series]


def test_sizing(history: Filled) -> None:
    """Every table with rows, and what each row takes."""
    found = {each.table: each for each in sizing(history.ask)}
    assert found["calls"].rows >= len(history.calls)
    assert found["calls"].bytes_per_row == pytest.approx(found["calls"].bytes / found["calls"].rows)
    assert found["calls"].days == 2
    assert found["alerts"].days == 1  # its partitions are months
    assert found["alerts"].bytes_per_day == found["alerts"].bytes
    names = {row[0] for row in history.ask("DESCRIBE TABLE calls").rows}
    assert {each.column for each in column_sizes(history.ask, "calls")} == names
