"""When a rule that holds where nothing came is resolved follows from the windows, not from when their rows came."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_rules.rules import BoundRule, bind, rules_in
from callgauge_streams.detect import history_span, judging, telling
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

RULES = """
rules:
  - {name: silent, by: [model], aggregate: calls, lookback: 20s, op: lt, value: 5, for: 10s, keep_firing_for: 30s}
  - {name: none, by: [model], aggregate: calls, lookback: 10s, op: eq, value: 0, keep_firing_for: 50s}
"""


@pytest.fixture(scope="module")
def rules() -> list[BoundRule]:
    return bind(rules_in("rules.yaml", RULES.encode()), parse_groupings("model@10s"))


def alerts_of(rules: list[BoundRule], windows: list[int], lead: Any) -> list[Alert]:
    """
    Args:
        windows: calls of each; 0: no row comes.
        lead: of a window, how many windows before its end its row comes.
    """
    due: dict[int, list[Any]] = {}
    for window, n in enumerate(windows):
        if n:
            due.setdefault(max(0, window - lead(window)), []).append(row("a", window, n))
    engine, found, offset = Engine(rules, source_timeout_ms=10_000_000, live_from=0, whole=True), list[Alert](), 0
    for window in range(len(windows)):
        for record in [*due.get(window, []), progress((window + 1) * WINDOW_MS, "s0")]:
            offset += 1
            found += engine.take(offset, (window + 1) * WINDOW_MS, record)
    return found


def told(alerts: list[Alert]) -> list[Any]:
    return [(alert.rule, alert.alert_id, alert.seq, alert.state, alert.at, alert.reason) for alert in alerts]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_it_does_not_matter_when_rows_came(rules: list[BoundRule], seed: int) -> None:
    """Rows that come as soon as their clock allows, and rows that come at the last moment."""
    rng = random.Random(seed)
    windows = [rng.choice((0, 0, 0, 9)) if rng.random() < 0.7 else 0 for _ in range(80)]
    windows[0] = 9
    leads = [rng.randrange(12) for _ in windows]
    assert told(alerts_of(rules, windows, lambda window: leads[window])) == told(alerts_of(rules, windows, lambda _: 0))


@pytest.mark.parametrize("lead", [0, 5, 20])
def test_keep_firing_for_counts_from_the_last_window_without_calls(rules: list[BoundRule], lead: int) -> None:
    """calls in windows 0 and 12: "none" holds at 20 s ... 120 s, and is resolved more than 50 s after that."""
    windows = [9] + [0] * 11 + [9] * 20
    none = [alert for alert in alerts_of(rules, windows, lambda _: lead) if alert.rule == "none"]
    assert [(alert.state, alert.at) for alert in none] == [("firing", 20.0), ("resolved", 180.0)]


def test_a_series_that_has_vanished_ends_with_a_reason(rules: list[BoundRule]) -> None:
    """After an hour without calls nobody waits for it any more."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (history_span, judging, telling):
            patch.setattr(module, "ABSENT_MS", 120_000)
        windows = [9] + [0] * 40
        none = [alert for alert in alerts_of(rules, windows, lambda _: 0) if alert.rule == "none"]
        early = [alert for alert in alerts_of(rules, [*windows, 9], lambda _: 30) if alert.rule == "none"]
    assert [(alert.state, alert.at) for alert in none] == [("firing", 20.0), ("resolved", 190.0)]
    assert none[-1].reason == "no calls for 2m10s: the series has vanished"
    assert told(early)[:2] == told(none)
