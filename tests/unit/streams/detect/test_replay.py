"""Every decision comes from the log: read again from anywhere, the same alerts."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history_span import read_back_ms
from callgauge_streams.detect.learned_states import decode_state
from callgauge_windows.grouping import parse_groupings
from tests.examples import examples
from tests.unit.streams.detect.conftest import RULES
from tests.unit.streams.detect.windows_log import Record, random_records

TIMEOUT_MS = 10_000
#: Besides those of conftest: limits of several severities, and several conditions with lookbacks of their own.
MORE = """
  - {name: worse, by: [model], aggregate: error_rate, lookback: 20s, warning: 20%, error: 50%, critical: 80%, for: 20s,
     keep_firing_for: 10s}
  - {name: either, by: [model], needs: any, keep_firing_for: 10s, conditions: [
     {aggregate: calls, lookback: 10s, value: 20}, {aggregate: errors, lookback: 40s, value: 30}]}
  - {name: both, by: [model], for: 10s, conditions: [
     {aggregate: error_rate, lookback: 30s, value: 30%}, {aggregate: calls, lookback: 20s, every: 20s, value: 12}]}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES + MORE)
    return bind(load_rules(path), parse_groupings("model@10s"))


def replay(rules: list[BoundRule], log: list[Record], rng: random.Random, crash: float) -> dict[Any, Alert]:
    """Alerts by identity, from workers that die between sending and committing and are followed by others."""
    sent: dict[Any, Alert] = {}
    current: dict[str, Alert] = {}
    saved: dict[str, bytes | None] = {}
    span_ms = read_back_ms(rules, TIMEOUT_MS)
    committed = at = crashes = 0
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, tells_losses=True)
    while at < len(log):
        for alert in engine.take(*log[at]):
            key = (alert.fingerprint, alert.starts_at, alert.seq)
            assert sent.setdefault(key, alert) == alert, "one transition, told in two ways"
            current[alert.fingerprint] = alert
        if rng.random() < 0.8:  # else the worker dies, or is slow, before it has saved what detectors have learned
            saved.update(engine.take_states())
        at += 1
        if rng.random() < 0.3:
            committed = at
        if crashes < 6 and rng.random() < crash:
            crashes += 1
            since = log[committed - 1][1] - span_ms if committed else 0
            at = next(i for i, record in enumerate(log) if record[1] >= since)
            engine = Engine(
                rules,
                source_timeout_ms=TIMEOUT_MS,
                live_from=committed,
                current=list(current.values()),
                tells_losses=True,
                learned=[decode_state(value) for value in saved.values() if value],
                whole=at == 0,
            )
    return sent


@settings(max_examples=examples(12, long=120), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_workers_that_crash_tell_the_same_alerts(rules: list[BoundRule], seed: int) -> None:
    log = random_records(random.Random(seed))
    undisturbed = replay(rules, log, random.Random(0), crash=0)
    assert replay(rules, log, random.Random(seed + 1), crash=0.1) == undisturbed


#: Detectors that learn, in few windows; one of each way in which they are kept.
LEARNED = """
rules:
  - {name: z, by: [model], aggregate: calls, lookback: 10s, detector: zscore, keep_firing_for: 20s,
     parameters: {size: 20, min_history: 5, tiers: {low: 1, medium: 1.5}}, severities: {low: info, medium: error}}
  - {name: e, by: [model], aggregate: errors, lookback: 20s, every: 10s, detector: ewma, for: 10s, level: low,
     parameters: {span: 10, min_history: 5, tiers: {low: 1}}}
  - {name: r, by: [model], aggregate: error_rate, lookback: 30s, detector: drift_rate, level: low,
     parameters: {block: 1, reference: 4, least_blocks: 1, min_count: 5, tiers: {low: 1}}}
  - {name: both, by: [model], needs: any, conditions: [{aggregate: errors, lookback: 20s, value: 25},
     {aggregate: calls, lookback: 30s, detector: robust_zscore, level: low,
      parameters: {size: 9, min_history: 3, tiers: {low: 1}}}]}
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("learned") / "rules.yaml"
    path.write_text(LEARNED)
    return bind(load_rules(path), parse_groupings("model@10s"))


@settings(max_examples=examples(12, long=60), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_was_learned_survives_crashes(learned: list[BoundRule], seed: int) -> None:
    """To the last bit: the same alerts, with the same scores."""
    log = random_records(random.Random(seed))
    undisturbed = replay(learned, log, random.Random(0), crash=0)
    assert replay(learned, log, random.Random(seed + 1), crash=0.1) == undisturbed


def test_the_random_logs_make_alerts_of_every_detector(learned: list[BoundRule]) -> None:
    wanted = {(rule.rule.name, state) for rule in learned for state in ("firing", "resolved")}
    states: set[tuple[str, str]] = set()
    for seed in range(15):
        alerts = replay(learned, random_records(random.Random(seed)), random.Random(0), crash=0).values()
        states |= {(alert.rule, alert.state) for alert in alerts}
        if states >= wanted:
            break
    assert states >= wanted


def test_the_random_logs_make_alerts_of_every_kind(rules: list[BoundRule]) -> None:
    """The law above is not about nothing."""
    alerts = [
        alert
        for seed in (1, 2, 3, 4, 5, 7, 8, 10, 15, 24)  # quick ones among those that make many
        for alert in replay(rules, random_records(random.Random(seed)), random.Random(0), crash=0).values()
    ]
    states = {(alert.rule, alert.state) for alert in alerts}
    assert states >= {(rule.rule.name, s) for rule in rules for s in ("firing", "resolved")}
    assert {alert.severity for alert in alerts if alert.rule == "worse"} == {"warning", "error", "critical"}
    assert any(alert.rule == "worse" and alert.state == "firing" and alert.seq > 1 for alert in alerts)
    assert {tuple(alert.held) for alert in alerts if alert.rule == "either"} >= {("calls",), ("calls", "errors"), ()}
    assert ("records_lost", "firing") in states
    assert any(alert.reason.startswith("rows became void") for alert in alerts)
