"""A detector that learns is fed with each window once, in order, and says in detect what it says by itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Alert, Histogram, Measure, WindowRow
from callgauge_detectors.counts import share_of
from callgauge_detectors.verdict import LEVELS
from callgauge_rules.bound import BoundRule
from callgauge_rules.lifecycle import State, Timing, step
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.histogram import bucket_of
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress

TIMEOUT_MS = 60_000
START = 1_700_000_000_000 // 60_000 * 6


def rules_of(tmp_path: Path, *fields: str) -> list[BoundRule]:
    path = tmp_path / "rules.yaml"
    lines = [f"  - {{name: rule{at}, by: [model], {each}}}" for at, each in enumerate(fields)]
    path.write_text("rules:\n" + "\n".join(lines))
    return bind(load_rules(path), parse_groupings("model@10s"))


def row(window: int, latency_ms: float, n: int = 10, errors: int = 0, *, model: str = "b", block: int = 0) -> Any:
    """n calls of a model that take so long; the failed ones besides."""
    micros = round(latency_ms * 1_000)
    histogram = Histogram(scale=5, buckets={str(int(bucket_of(np.array([micros]))[0])): n})
    latency = Measure(
        count=n, sum=n * micros, sum_sq=0, min=micros, max=micros, max_event_id=f"{model}{window}", histogram=histogram
    )
    message = WindowRow(
        grouping="model@10s", series_id=ord(model), window_start_ms=(START + window) * WINDOW_MS, window_ms=WINDOW_MS,
        source="s0", block=block, epoch="e", n=n + errors, labels={"model": model},
        errors={"other": errors} if errors else {}, measures={"latency": latency},
    )  # fmt: skip
    return decode_window_record(encode(message))


def passed(window: int) -> Any:
    """The record that says that a window has ended."""
    return progress((START + window + 1) * WINDOW_MS, "s0")


def run(rules: list[BoundRule], records: Sequence[Any], **more: Any) -> list[Alert]:
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, judges_late=False, **more)
    clock_ms, found = 0, []
    for at, record in enumerate(records):
        is_row = record.kind == "row"
        clock_ms = max(clock_ms, record.window_start_ms if is_row else record.sources[0].watermark_ms)
        found += engine.take(at, clock_ms, record)
    return found


def steady(windows: int, *, seed: int = 1, model: str = "b") -> Iterator[Any]:
    rng = random.Random(seed)
    for window in range(windows):
        yield row(window, rng.gauss(500, 20), model=model)
        yield passed(window)


ZSCORE = "aggregate: latency_mean_ms, lookback: 10s, detector: zscore, parameters: {size: 60, min_history: 20}"


@pytest.mark.parametrize("detector", ["zscore", "robust_zscore", "ewma"])
def test_a_spike_is_told_with_its_evidence(tmp_path: Path, detector: str) -> None:
    """Value, baseline, score, the last values, the slowest call; and the end of it."""
    rules = rules_of(tmp_path, f"aggregate: latency_mean_ms, lookback: 10s, detector: {detector}")
    records = [*steady(100), row(100, 3_000), passed(100), row(101, 500), passed(101)]
    fired, resolved = run(rules, records)
    assert (fired.state, fired.detector, fired.value, fired.event_id) == ("firing", detector, 3_000.0, "b100")
    assert fired.baseline == pytest.approx(500, abs=10)
    assert fired.score is not None
    assert fired.score > 50
    assert (fired.threshold, fired.op) == (4.0, "")
    assert "above" in fired.reason
    assert fired.summary == f"latency_mean_ms of model=b over 10s is 3 s (10 calls; alert when {detector} says so)"
    assert len(fired.points) == 60
    assert fired.points[-1] == [fired.at, 3_000.0]
    assert [at for at, _ in fired.points] == [fired.at - 10 * back for back in range(59, -1, -1)]
    assert (resolved.state, resolved.value) == ("resolved", 500.0)


def test_severity_follows_the_level(tmp_path: Path) -> None:
    """A score of 4 σ is a warning, of 5 critical: told once more when it gets worse."""
    severities = "severities: {high: warning, critical: critical}"
    rules = rules_of(tmp_path, f"{ZSCORE}, {severities}")
    records = [*steady(100), row(100, 590), passed(100), row(101, 3_000), passed(101)]
    alerts = run(rules, records)
    assert [(alert.state, alert.severity, alert.seq) for alert in alerts] == [
        ("firing", "warning", 0),
        ("firing", "critical", 1),
    ]


def test_an_incident_is_not_learned(tmp_path: Path) -> None:
    """It goes on as long as the values are high, and not for ever."""
    rules = rules_of(tmp_path, ZSCORE)
    high = [record for at in range(100, 400) for record in (row(at, 3_000), passed(at))]
    assert [alert.state for alert in run(rules, [*steady(100), *high])] == ["firing"]
    longer = [record for at in range(100, 2_400) for record in (row(at, 3_000 + at % 5), passed(at))]
    assert [alert.state for alert in run(rules, [*steady(100), *longer])] == ["firing", "resolved"]


def test_a_late_row_changes_nothing(tmp_path: Path) -> None:
    """Neither what was said of its window, nor what was learned of it."""
    rules = rules_of(tmp_path, ZSCORE)
    late = [row(at, 9_000, n=500, block=9) for at in range(50, 100)]
    records = [*steady(100), *late, row(100, 3_000), passed(100)]
    (fired,) = run(rules, records)
    (undisturbed,) = run(rules, [*steady(100), row(100, 3_000), passed(100)])
    assert (fired.value, fired.baseline, fired.score) == (undisturbed.value, undisturbed.baseline, undisturbed.score)


def test_windows_are_judged_in_order_however_the_watermark_jumps(tmp_path: Path) -> None:
    """Each at its end, once, whether it is told of ten at once or one by one."""
    rules = rules_of(tmp_path, ZSCORE)
    last = [(row(at, value), passed(at)) for at, value in ((100, 3_000), (101, 500), (102, 2_000))]
    records = [*steady(100), *(record for pair in last for record in pair)]
    one_by_one = run(rules, records)
    at_once = run(rules, [record for record in records if record.kind != "progress"] + [passed(102)])
    told = [[(a.state, a.at, a.value, a.score) for a in alerts] for alerts in (at_once, one_by_one)]
    assert told[0] == told[1]
    assert len(told[1]) == 3


def test_what_was_learned_of_a_series_rests_while_it_is_quiet(tmp_path: Path) -> None:
    """
    calls     x x x x . . . . (forgotten) . . . x        the spike after the pause is one
    """
    rules = rules_of(tmp_path, ZSCORE)
    others = [record for at in range(100, 160) for record in (row(at, 500, model="c"), passed(at))]
    (fired,) = run(rules, [*steady(100), *others, row(160, 3_000), passed(160)])
    assert (fired.labels, fired.value) == ({"model": "b"}, 3_000.0)
    # Of the time in between there are no points, and those before it are where they were.
    assert [at for at, _ in fired.points] == [fired.at]
    (fired,) = run(rules, [*steady(100), *others[:60], row(130, 3_000), passed(130)])
    assert [at for at, _ in fired.points] == [*((START + at) * 10.0 for at in range(72, 101)), fired.at]


def test_a_count_without_calls_is_zero(tmp_path: Path) -> None:
    """Traffic that stops is a fall, for as long as the series is known."""
    rules = rules_of(tmp_path, "aggregate: calls, lookback: 10s, detector: ewma, parameters: {direction: below}")
    rng = random.Random(3)
    records = [r for at in range(100) for r in (row(at, 500, n=rng.randrange(95, 106)), passed(at))]
    fired, *_ = run(rules, [*records, *(passed(at) for at in range(100, 103))])
    assert (fired.state, fired.value, fired.n) == ("firing", 0.0, 0)


def test_a_composite_of_a_limit_and_a_detector(tmp_path: Path) -> None:
    """Both must hold; the detector's verdict stands until it is fed again."""
    limit = "{aggregate: error_rate, lookback: 10s, value: 5%}"
    learned = "{aggregate: latency_mean_ms, lookback: 10s, detector: zscore}"
    rules = rules_of(tmp_path, f"needs: all, conditions: [{limit}, {learned}]")
    spike = [*steady(100), row(100, 3_000), passed(100)]
    assert run(rules, spike) == []
    (fired,) = run(rules, [*steady(100), row(100, 3_000, errors=5), passed(100)])
    assert (fired.detector, fired.held) == ("composite", ["error_rate", "latency_mean_ms"])


def test_traffic_that_stops_is_told_from_the_hours_before(tmp_path: Path) -> None:
    """Fed with calls hour by hour: not on the first day, then at once; what was learned outlives the engine."""
    fields = "aggregate: calls, lookback: 1h, detector: usual_sum, parameters: {direction: below}, severity: critical"
    rules = rules_of(tmp_path, fields)
    hours = [record for hour in range(30) for record in (row(360 * hour, 500, n=100), passed(360 * hour + 359))]
    stop = passed(360 * 31 - 1)
    assert run(rules, [*hours[:40], passed(360 * 21 - 1)]) == []
    (fired,) = run(rules, [*hours, stop])
    assert (fired.state, fired.value, fired.baseline, fired.severity) == ("firing", 0.0, 100.0, "critical")
    assert "below 100" in fired.reason


def test_a_silence_is_told_when_it_is_longer_than_usual(tmp_path: Path) -> None:
    """Fed with no calls as a value: not every other ten minutes, as usual, but after an hour."""
    rules = rules_of(tmp_path, "aggregate: calls, lookback: 10m, detector: usual_stop, severity: critical")
    tens = [
        record for at in range(26 * 6) for record in (*([row(60 * at, 500, n=40)] * (at % 2)), passed(60 * at + 59))
    ]
    assert run(rules, tens) == []
    (fired,) = run(rules, [*tens, passed(60 * 162 - 1)])
    assert (fired.state, fired.value, fired.severity) == ("firing", 0.0, "critical")
    assert "missing by now" in fired.reason


PARAMETERS = {
    "zscore": "{size: 60}",
    "robust_zscore": "{size: 60, direction: above}",
    "ewma": "{span: 40, scale: log}",
    "trend": "{windows: 12}",
    "change_point": "{span: 60, h: 6}",
    "novelty": "{memory: 200, warm_up: 40}",
    "ratio": "{period: 10m, lag: 10m, limits: [{op: gt, value: 2}], combine: mean}",
    "exhaustion": "{budget: 100000, period: 1h, lookback: 5m}",
    "drift_rate": "{block: 3, reference: 5}",
    "anytime_rate": "{block: 30s, reference: 10, reach: 10}",
    "burn_rate": "{pairs: [{long: 5m, short: 1m, factor: 5, level: critical}]}",
    "drift_distribution": "{block: 3, reference: 5, min_count: 10}",
    "outlier_call": "{reference: 60}",
    "usual_level": "{min_history: 20, scale: log}",
    "usual_share": "{most: 20%}",
}


def random_rows(seed: int, windows: int) -> list[Any]:
    """A series with gaps, failing and slow for a while, twice."""
    rng = random.Random(seed)
    found = []
    for at in range(windows):
        bad = at % 130 >= 100
        latency = rng.gauss(500, 30) * (rng.choice((4, 12)) if bad and seed % 2 else 3 if bad else 1)
        if rng.random() > 0.05:
            found.append(row(at, latency, n=rng.randrange(5, 15), errors=rng.randrange(8) if bad else rng.randrange(2)))
    return found


def by_itself(rule: BoundRule, rows: list[Any], windows: int) -> list[tuple[str, int]]:
    """The transitions that follow from feeding the detector window by window."""
    (condition,) = rule.conditions
    detector, state, found, odd = condition.kind.make(condition.config), State(), [], False
    of = {(r.window_start_ms // WINDOW_MS) - START: r for r in rows}
    first = min(of)
    for at in range(first, windows):
        end_ms = (START + at + 1) * WINDOW_MS
        verdict_rank = 0
        if at in of:
            latency, n = of[at].measures["latency"], of[at].n
            given: Any = latency.sum / latency.count * 1e-3
            more: dict[str, Any] = {}
            if condition.kind.feeds == "share":
                given = share_of(n - latency.count, n)
            elif condition.kind.feeds in ("histogram", "call"):
                given = {int(key): count for key, count in latency.histogram.buckets.items()}
                if condition.kind.feeds == "call":
                    more = {"largest": float(latency.max), "event_id": latency.max_event_id}
            verdict = detector.update(given, end_ms, learn=not odd, **more)
            verdict_rank = int(condition.rank_of_level[LEVELS.index(verdict.level)])
            odd = verdict_rank > 0
        after = step(state, Timing(), verdict_rank, end_ms)
        if (after.phase, after.seq) != (state.phase, state.seq):
            found.append(("firing" if after.phase == "firing" else "resolved", end_ms))
        state = after
    return found


@pytest.mark.parametrize("name", PARAMETERS)
def test_in_detect_a_detector_says_what_it_says_by_itself(tmp_path: Path, name: str) -> None:
    """Every detector that learns, and it does say something."""
    feeds = {**dict.fromkeys(("anytime_rate", "drift_rate", "burn_rate", "usual_share"), "error_rate")}
    feeds["drift_distribution"] = "latency_p50_ms"
    aggregate = feeds.get(name, "latency_p50_ms" if name == "outlier_call" else "latency_mean_ms")
    fields = f"aggregate: {aggregate}, lookback: 10s, detector: {name}, parameters: {PARAMETERS[name]}, level: medium"
    (rule,) = rules_of(tmp_path, fields)
    said = 0
    for seed in range(4):
        windows = 260
        rows = random_rows(seed, windows)
        records: list[Any] = []
        for at in range(windows):
            records += [r for r in rows if r.window_start_ms // WINDOW_MS - START == at]
            records.append(passed(at))
        expected = by_itself(rule, rows, windows)
        assert [(alert.state, round(alert.at * 1000)) for alert in run([rule], records)] == expected
        said += len(expected)
    assert said


def test_the_same_log_gives_the_same_alerts(tmp_path: Path) -> None:
    """To the last bit, with every detector at once and series that come and go."""
    rules = rules_of(
        tmp_path,
        *(
            f"aggregate: {'error_rate' if 'rate' in name else 'latency_p50_ms'}, lookback: 10s, detector: {name}, "
            f"parameters: {parameters}"
            for name, parameters in PARAMETERS.items()
            if name not in ("ratio", "drift_rate", "anytime_rate", "burn_rate", "usual_share")
        ),
    )
    records = [
        r for at in range(200) for r in (row(at, 500 + at % 7 + 900 * (at > 150), model="abc"[at % 3]), passed(at))
    ]
    first, second = run(rules, records), run(rules, records)
    assert first == second
    assert len(first) > 5
