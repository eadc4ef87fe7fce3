"""Rule sets of the rules topic come into force at their instant, and take over alerts of the same name."""

from __future__ import annotations

import logging

import pytest

from callgauge.encoding import encode
from callgauge.schema import RuleSet
from callgauge_evaluator.evaluation import Evaluation
from callgauge_evaluator.lives import Lives
from callgauge_evaluator.rules_topic import HistoryRules, Written
from callgauge_history.store import Store
from callgauge_rules.rule_sets import RuleBook
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import parse_groupings
from tests.unit.sinks.made_calls import T0, store_calls

T0_MS = int(T0 * 1000)
FIRST = """
rules:
  - {name: dear, aggregate: cost_usd, by: [user_id], lookback: 1h, value: 1}
  - {name: many, aggregate: calls, by: [user_id], lookback: 1h, value: 0}
  - {name: stream, aggregate: calls, lookback: 1m, value: 0}
"""
SECOND = "rules:\n  - {name: dear, aggregate: cost_usd, by: [user_id], lookback: 1h, value: 100}\n"


def history_rules(*written: Written) -> HistoryRules:
    rules = HistoryRules(RuleBook(rules_in("r", FIRST.encode()), parse_groupings("@10s")), [], lambda: written)
    rules.read()
    return rules


def a_set(text: str, from_s: float, offset: int = 0) -> Written:
    value = encode(RuleSet(version=f"v{offset}", effective_from=from_s, text=text))
    return Written(offset, int(from_s * 1000) - 60_000, value)


def names(rules: HistoryRules, at_s: float) -> set[str]:
    return {name for each in rules.at(int(at_s * 1000)) for name in each.names}


def test_each_instant_has_its_rules() -> None:
    """Before the set those of the file, from then on the set's; what the stream judges is not among them."""
    rules = history_rules(a_set(SECOND, T0 + 600))
    assert [names(rules, T0 + at) for at in (0, 540, 600, 6_000)] == [{"dear", "many"}] * 2 + [{"dear"}] * 2
    assert rules.at(T0_MS) is rules.at(T0_MS + 60_000)


def test_a_set_that_cannot_be_used_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The reason is in the log."""
    with caplog.at_level(logging.WARNING):
        rules = history_rules(a_set("rules: [{name: x}]", T0 + 600), Written(1, T0_MS, None))
    assert names(rules, T0 + 6_000) == {"dear", "many"}
    assert "rule set v0 is not used" in caplog.text


def test_alerts_go_over_to_the_next_set(store: Store) -> None:
    """One whose limit is higher now is over; so is one whose rule is gone."""
    store_calls(store, [{"end": T0 + 1, "user_id": "ada", "cost_usd": 2.0}])
    evaluation = Evaluation(history_rules(a_set(SECOND, T0 + 120)).at, Lives())
    told = [alert for at in (60, 120, 180) for alert in evaluation.at(store.query, T0_MS + at * 1000)]
    assert [(alert.rule, alert.state, alert.at - T0, alert.reason) for alert in told] == [
        ("dear", "firing", 60, ""),
        ("many", "firing", 60, ""),
        ("many", "resolved", 120, "the rule was removed or changed"),
        ("dear", "resolved", 120, ""),
    ]
