"""The rule files that come with callgauge load, and say where each rule is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge.errors import RuleError
from callgauge.settings import Settings
from callgauge_rules.placing import place
from callgauge_rules.rule_file import SHIPPED
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

GROUPINGS = parse_groupings(Settings.model_fields["groupings"].default)


@pytest.mark.parametrize("name", SHIPPED)
def test_they_load(name: str) -> None:
    """By their names; of the default ones all are judged in the stream."""
    placed = place(load_rules(Path(name)), GROUPINGS)
    history = {each.rule.name for each in placed if each.bound is None}
    assert history == ({"completion_falls", "cost_against_yesterday"} if name == "seeds" else set())
    assert all(each.rule.summary for each in placed)


def test_the_seeds_hold_what_teams_begin_with() -> None:
    """Every limit of the list, as it is said there."""
    rules = {rule.name: rule for rule in load_rules(Path("seeds"))}
    assert rules["latency_average"].limits == {"warning": 2_000.0, "error": 5_000.0}
    assert rules["latency_p95"].limits == {"warning": 5_000.0, "critical": 30_000.0}
    assert rules["error_rate"].limits == {"warning": 0.05, "critical": 0.1}
    assert (rules["error_rate"].min_count, rules["error_rate"].lookback) == (11, 300_000)
    values = {"faithfulness": 3.5, "relevance": 3.0, "completeness": 3.0, "toxicity": 0.0, "latency_p99": 10_000.0}
    values |= {"fallback_rate": 0.1, "rate_limited": 0.2, "rate_limit_headroom": 0.1}
    values |= {
        "cost_of_a_window": 100.0,
        "tokens_of_a_call": 10_000.0,
        "hallucination_markers": 0.03,
        "breaker_open": 0.0,
    }
    assert {name: rules[name].value for name in values} == values
    few, some = rules["cache_hit_rate"].conditions
    assert (few.aggregate, few.op, few.value) == ("cache_hit_rate", "lt", 0.5)
    assert (some.aggregate, some.op, some.value) == ("cache_hit_rate", "gt", 0.0)


def test_a_path_to_a_file_that_is_missing_is_no_name(tmp_path: Path) -> None:
    """The name may have been made absolute; a path to another folder is meant as it is."""
    assert load_rules(Path("seeds").absolute())
    with pytest.raises(RuleError, match="No such file"):
        load_rules(tmp_path / "seeds")


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seeds").write_text("rules: [{name: mine, aggregate: calls, lookback: 10s, value: 1}]")
    assert [rule.name for rule in load_rules(Path("seeds"))] == ["mine"]
