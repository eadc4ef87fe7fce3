"""What a rule's aggregate is now, of made-up calls."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge_console.rule_values import RuleValue, value_of
from callgauge_history.store import Store
from callgauge_rules.placing import place
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import parse_groupings
from tests.unit.sinks.made_calls import T0, store_calls


def value(store: Store, rule: str, sees: Any = lambda labels: True) -> RuleValue:
    text = f"rules:\n  - {{name: r, {rule}}}\n"
    [placed] = place(rules_in("rules.yaml", text.encode()), parse_groupings("service@10s model@10s"))
    return value_of(placed, store.query, round(T0 * 1e3) + 600_000, sees)


@pytest.fixture
def filled(store: Store) -> Store:
    """Ten calls of a, of which one failed, and two of b, which failed; in the last five minutes of ten."""
    calls = [{"end": T0 + 400 + n, "service": "a", "user_id": f"u{n % 2}", "latency_ms": 100.0 * n} for n in range(10)]
    calls += [{"end": T0 + 500 + n, "service": "b", "latency_ms": 50.0} for n in range(2)]
    failed = {"status": "error", "error_type": "timeout"}
    calls = [call | (failed if call["end"] in (T0 + 400, T0 + 500, T0 + 501) else {}) for call in calls]
    store_calls(store, [*calls, {"end": T0 + 100, "service": "c", "latency_ms": 9e5}])
    return store


def test_the_series_nearest_to_the_limit(filled: Store) -> None:
    """The highest, or where less is worse the lowest; of the lookback alone."""
    found = value(filled, "by: [service], aggregate: error_rate, lookback: 5m, value: 5%")
    assert (found.value, found.labels, found.series, found.why) == (1.0, {"service": "b"}, 2, "")
    few = value(filled, "by: [service], aggregate: calls, lookback: 5m, op: lt, value: 5")
    assert (few.value, few.labels) == (2, {"service": "b"})


def test_what_is_too_few_to_judge_has_no_value(filled: Store) -> None:
    """As in the rule: `min_count`."""
    found = value(filled, "by: [service], aggregate: error_rate, lookback: 5m, value: 5%, min_count: 5")
    assert found.value == pytest.approx(0.1)
    assert (found.labels, found.series) == ({"service": "a"}, 1)
    none = value(filled, "by: [service], aggregate: error_rate, lookback: 5m, value: 5%, min_count: 50")
    assert (none.value, none.why) == (None, "no series has enough events to be judged")


def test_rules_from_history_have_one_too(filled: Store) -> None:
    """By labels that no grouping set has."""
    found = value(filled, "by: [user_id], aggregate: calls, lookback: 10m, value: 100")
    assert (found.value, found.series) == (5, 2)
    long = value(filled, "by: [service], aggregate: calls, lookback: 2d, value: 100")
    assert (long.value, long.why) == (None, "it looks back further than an hour: its alerts tell a value")


def test_series_that_may_not_be_seen_are_not_told(filled: Store) -> None:
    """A key of a team sees the value of its own."""
    found = value(
        filled, "by: [service], aggregate: error_rate, lookback: 5m, value: 5%", lambda of: of["service"] == "a"
    )
    assert (found.labels, found.series) == ({"service": "a"}, 1)
