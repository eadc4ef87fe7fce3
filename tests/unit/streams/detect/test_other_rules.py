"""Rules change while the log is read: each window is judged by those in force at its end, whenever they were known."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_rules.in_force import InForce
from callgauge_rules.rules import BoundRule, bind, rules_in
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history_span import read_back_ms
from callgauge_streams.detect.learned_states import decode_state
from callgauge_windows.grouping import parse_groupings
from tests.examples import examples
from tests.unit.streams.detect.windows_log import WINDOW_MS, Record, progress, random_records, row

TIMEOUT_MS = 10_000
BUSY = "{name: busy, by: [model], aggregate: calls, lookback: 10s, value: %d}"


def bound(*rules: str) -> list[BoundRule]:
    text = "\n".join(["rules:", *(f"  - {rule}" for rule in rules)])
    return bind(rules_in("rules.yaml", text.encode()), parse_groupings("model@10s"))


def changed(at_s: int, before: list[BoundRule], after: list[BoundRule]) -> list[InForce]:
    return [
        *(InForce(rule, to_ms=at_s * 1000) for rule in before),
        *(InForce(rule, from_ms=at_s * 1000) for rule in after),
    ]


def run(rules: list[InForce], records: list[Any]) -> list[Alert]:
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, whole=True)
    return [alert for at, record in enumerate(records) for alert in engine.take(at, at * 1_000, record)]


def told(alerts: list[Alert]) -> list[tuple[str, str, float]]:
    return [(alert.rule, alert.state, alert.at) for alert in alerts]


def busy(*calls: int) -> list[Any]:
    records = []
    for window, n in enumerate(calls):
        records += [row("b", window, n), progress((window + 1) * WINDOW_MS, "s0")]
    return records


def test_each_window_is_judged_by_the_rules_in_force_at_its_end() -> None:
    """
    ends at    10   20   30   40        above 25 until 30 s, above 35 from then on
    calls      30   30   30   40
    """
    rules = changed(30, bound(BUSY % 25), bound(BUSY % 35))
    assert told(run(rules, busy(30, 30, 30, 40))) == [
        ("busy", "firing", 10.0), ("busy", "resolved", 30.0), ("busy", "firing", 40.0),
    ]  # fmt: skip


def test_a_changed_rule_goes_on_with_the_alert() -> None:
    alerts = run(changed(30, bound(BUSY % 25), bound(BUSY % 28)), busy(30, 30, 30, 30, 0))
    assert told(alerts) == [("busy", "firing", 10.0), ("busy", "resolved", 50.0)]
    assert len({alert.alert_id for alert in alerts}) == 1


def test_alerts_of_a_rule_that_is_removed_are_resolved_then() -> None:
    alerts = run(changed(30, bound(BUSY % 25), []), busy(30, 30, 30, 30))
    assert told(alerts) == [("busy", "firing", 10.0), ("busy", "resolved", 30.0)]
    assert alerts[-1].reason == "the rule was removed"


def test_a_changed_rule_ends_alerts_of_series_that_it_does_not_judge() -> None:
    other = (BUSY % 25).replace("by: [model]", "by: [model], where: {model: a}")
    alerts = run(changed(30, bound(BUSY % 25), bound(other)), busy(30, 30, 30, 30))
    assert told(alerts) == [("busy", "firing", 10.0), ("busy", "resolved", 30.0)]
    assert "changed" in alerts[-1].reason


def test_a_new_rule_looks_back_at_what_was_before_it() -> None:
    new = "{name: new, by: [model], aggregate: calls, lookback: 40s, value: 100}"
    alerts = run(changed(40, bound(BUSY % 99), bound(BUSY % 99, new)), busy(30, 30, 30, 30))
    assert told(alerts) == [("new", "firing", 40.0)]
    assert alerts[0].value == 120.0


def test_a_late_row_is_judged_by_the_rules_of_its_latest_judgement() -> None:
    """calls of the window before come when the next rules judge already: they look at their own lookback only."""
    records = [*busy(30, 30, 1), row("b", 2, 30), progress(40_000, "s0")]
    rules = changed(30, bound(BUSY % 25), bound(BUSY % 28))
    assert told(run(rules, records)) == [
        ("busy", "firing", 10.0), ("busy", "resolved", 30.0), ("busy", "firing", 30.0), ("busy", "resolved", 40.0),
    ]  # fmt: skip


def test_a_rule_that_comes_back_begins_a_new_episode() -> None:
    (rule,) = bound(BUSY % 25)
    alerts = run([InForce(rule, to_ms=20_000), InForce(rule, from_ms=40_000)], busy(30, 30, 30, 30, 0))
    assert told(alerts) == [
        ("busy", "firing", 10.0), ("busy", "resolved", 20.0), ("busy", "firing", 40.0), ("busy", "resolved", 50.0),
    ]  # fmt: skip
    assert len({alert.alert_id for alert in alerts}) == 2


def test_a_new_rule_goes_on_with_its_alert_when_the_log_is_read_again() -> None:
    """A restart after it fired: what was told before is known, and what follows is told."""
    rules = changed(30, [], bound(BUSY % 25))
    records = busy(30, 30, 30, 30, 0)
    alerts = run(rules, records)
    assert told(alerts) == [("busy", "firing", 30.0), ("busy", "resolved", 50.0)]
    again = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=len(records) - 1, current=alerts[:1], whole=True)
    assert [alert for at, record in enumerate(records) for alert in again.take(at, at * 1_000, record)] == alerts[1:]


def test_an_alert_whose_series_is_not_heard_of_ends_with_its_rule() -> None:
    first = run([InForce(rule) for rule in bound(BUSY % 25)], busy(30))
    engine = Engine(
        changed(30, bound(BUSY % 25), []), source_timeout_ms=TIMEOUT_MS, live_from=0, current=first, whole=True
    )
    alerts = [alert for at in range(1, 5) for alert in engine.take(at, at, progress(at * WINDOW_MS, "s0"))]
    assert [(alert.state, alert.reason) for alert in alerts] in (
        [("resolved", "no calls to judge")],
        [("resolved", "the rule was removed or changed")],
    )


BEFORE = (
    "{name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, min_count: 2, for: 10s, "
    "keep_firing_for: 10s}",
    BUSY % 15,
    "{name: gone, by: [model], aggregate: calls, lookback: 30s, value: 20}",
    "{name: z, by: [model], aggregate: calls, lookback: 10s, detector: zscore, severity: info, level: low, "
    "parameters: {size: 20, min_history: 5, tiers: {low: 1}}}",
)
AFTER = (
    BEFORE[0].replace("0.5", "0.3").replace("20s", "50s"),
    BEFORE[1],
    BEFORE[3].replace("severity: info", "severity: error"),
    "{name: new, by: [model], aggregate: errors, lookback: 2m, value: 20}",
)


@pytest.fixture(scope="module")
def two_sets() -> tuple[list[BoundRule], list[BoundRule]]:
    return bound(*BEFORE), bound(*AFTER)


def schedule(two_sets: Any, at_ms: int) -> tuple[list[InForce], list[InForce]]:
    """What is known before the second set is, and after; a rule that stays goes on."""
    before, after = two_sets
    known = [InForce(rule) for rule in before]
    ends = [each if each.name == "busy" else replace(each, to_ms=at_ms) for each in known]
    return known, [*ends, *(InForce(rule, at_ms) for rule in after if rule.rule.name != "busy")]


def replay(log: list[Record], two_sets: Any, at_ms: int, rng: random.Random, crash: float) -> dict[Any, Alert]:
    """Alerts by identity. The second set becomes known at some record before the log's clock is at `at_ms`; workers die
    between sending and committing."""
    known, all_known = schedule(two_sets, at_ms)
    newest = next((i for i, record in enumerate(log) if record[1] >= at_ms), len(log))
    told_at = rng.randrange(newest + 1) if crash else 0
    sent: dict[Any, Alert] = {}
    current: dict[str, Alert] = {}
    saved: dict[str, bytes | None] = {}
    committed = at = crashes = 0
    rules = all_known if told_at == 0 else known
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, whole=True)

    def look_back(live_from: int, reached: int) -> Engine:
        span_ms = read_back_ms([each.rule for each in rules], TIMEOUT_MS)
        since = log[live_from - 1][1] - span_ms if live_from else 0
        first = next(i for i, record in enumerate(log) if record[1] >= since)
        made = Engine(
            rules, source_timeout_ms=TIMEOUT_MS, live_from=live_from, current=list(current.values()),
            learned=[decode_state(value) for value in saved.values() if value], whole=first == 0,
        )  # fmt: skip
        for record in log[first:reached]:
            for alert in made.take(*record):
                current[alert.fingerprint] = alert
                assert sent.setdefault((alert.fingerprint, alert.starts_at, alert.seq), alert) == alert
        return made

    while at < len(log):
        if at == told_at and rules is known:
            rules = all_known
            committed = max(committed, at)
            engine = look_back(committed, at)
        for alert in engine.take(*log[at]):
            key = (alert.fingerprint, alert.starts_at, alert.seq)
            assert sent.setdefault(key, alert) == alert, "one transition, told in two ways"
            current[alert.fingerprint] = alert
        if rng.random() < 0.8:
            saved.update(engine.take_states())
        at += 1
        if rng.random() < 0.3:
            committed = max(committed, at)
        if crashes < 5 and rng.random() < crash:
            crashes += 1
            engine = look_back(committed, at)
    return sent


@settings(max_examples=examples(4, long=30), deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=2_118_116)
def test_whenever_rules_become_known_the_same_is_told(two_sets: Any, seed: int) -> None:
    log = random_records(random.Random(seed))
    at_ms = random.Random(seed).randrange(1, max(2, log[-1][1] // WINDOW_MS)) * WINDOW_MS
    undisturbed = replay(log, two_sets, at_ms, random.Random(0), crash=0)
    assert replay(log, two_sets, at_ms, random.Random(seed + 1), crash=0.05) == undisturbed


def test_the_random_logs_end_rules_that_fire(two_sets: Any) -> None:
    """The law above is not about nothing."""
    alerts: list[Alert] = []
    for seed in range(12):
        log = random_records(random.Random(seed))
        at_ms = log[-1][1] // 2 // WINDOW_MS * WINDOW_MS + WINDOW_MS
        alerts += replay(log, two_sets, at_ms, random.Random(0), crash=0).values()
    assert {"the rule was removed"} <= {alert.reason for alert in alerts}
    assert {"failing", "busy", "gone", "z", "new"} <= {alert.rule for alert in alerts if alert.state == "firing"}
    assert {"info", "error"} <= {alert.severity for alert in alerts if alert.rule == "z"}
