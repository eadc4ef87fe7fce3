"""A wrong rule is one line that says where and why; a right one binds to a grouping set."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callgauge.errors import RuleError
from callgauge.settings import load_settings
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_windows.grouping import parse_groupings

GOOD = """
rules:
  - name: slow
    by: [model]
    where: {model: gpt-4}
    aggregate: latency_p95_ms
    lookback: 5m
    value: 1000
    for: 1m30s
"""


RATE = "rules: [{name: failing, by: [model], aggregate: error_rate, lookback: 5m, value: 0.05}]"


def file_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return path


def test_durations_are_read_to_milliseconds(tmp_path: Path) -> None:
    rule = load_rules(file_of(tmp_path, GOOD))[0]
    assert (rule.lookback, rule.for_, rule.cooldown) == (300_000, 90_000, 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace("5m", "five"), "slow: lookback: Value error, 'five' is no duration"),
        (GOOD.replace("latency_p95_ms", "latency_p95"), "slow: aggregate: 'latency_p95' is no aggregate"),
        (GOOD.replace("latency_p95_ms", "error_rate.timeuot"), "is no aggregate"),
        (GOOD.replace("value:", "valeu:"), "slow: valeu: Extra inputs"),
        (GOOD.replace("[model]", "[modle]"), "slow: by: 0: Input should be 'service'"),
        (GOOD.replace("name: slow", "nam: slow"), "rule 1: name: Field required"),
        (GOOD.replace("rules:", "rule:"), "rules: Field required"),
        (GOOD + GOOD.replace("rules:", ""), "used more than once"),
        (GOOD.replace("name: slow", "name: records_lost"), "records_lost: the name is reserved"),
        ("rules: [", "no YAML"),
        ("[]", "file: Input should be"),
    ],
)
def test_a_wrong_rule_file_says_where_and_why(tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(RuleError) as error:
        load_rules(file_of(tmp_path, wrong))
    assert said in str(error.value)
    assert "rules.yaml" in str(error.value)


def test_a_missing_file_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="CALLGAUGE_RULES_FILE"):
        load_rules(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("groupings", "said"),
    [
        ("service@10s", "slow: by: no grouping set has the labels"),
        ("model@7s", "slow: lookback: must be a multiple"),
    ],
)
def test_a_rule_without_its_grouping_set_is_refused(tmp_path: Path, groupings: str, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        bind(load_rules(file_of(tmp_path, GOOD)), parse_groupings(groupings))


def test_of_several_grouping_sets_the_narrowest_windows_are_judged(tmp_path: Path) -> None:
    rules = bind(load_rules(file_of(tmp_path, GOOD)), parse_groupings("model@60s model@10s"))
    assert rules[0].grouping.name == "model@10s"


def test_the_default_rules_fit_the_default_grouping_sets() -> None:
    assert bind(load_rules(None), parse_groupings(load_settings().groupings))


def test_nothing_holds_below_the_minimum_count(tmp_path: Path) -> None:
    rule = bind(load_rules(file_of(tmp_path, GOOD + "    min_count: 5\n")), parse_groupings("model@10s"))[0]
    assert rule.holds(2_000.0, 5)
    assert not rule.holds(2_000.0, 4)
    assert not rule.holds(1_000.0, 5)
    assert not rule.holds(None, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + GOOD, "rules is given twice, first in line 2"),
        (GOOD + "    value: 0.5\n", "value is given twice"),
        (RATE.replace("0.05", "5"), "failing: value: error_rate is a share, 0 to 1; 5 is no limit for it"),
        (RATE.replace("0.05", "1"), "gt 1 never holds"),
        (RATE.replace("0.05", "true"), "a limit is a number"),
        (GOOD.replace("1000", "-1"), "slow: value: latency_p95_ms is never below 0; -1 is no limit for it"),
    ],
)
def test_slips_are_refused(tmp_path: Path, content: str, message: str) -> None:
    """What YAML would take without a word, and limits that can never be passed."""
    with pytest.raises(RuleError, match=re.escape(message)):
        load_rules(file_of(tmp_path, content))


def test_traffic_that_stops_is_judged_where_little_is_the_condition(tmp_path: Path) -> None:
    """Unless the file names a min_count; a share or a percentile of nothing is nothing to judge."""

    def bound(aggregate: str, op: str, value: str, rest: str = "") -> BoundRule:
        what = f"aggregate: {aggregate}, lookback: 10s, op: {op}, value: {value}{rest}"
        path = file_of(tmp_path, f"rules: [{{name: r, by: [model], {what}}}]")
        return bind(load_rules(path), parse_groupings("model@10s"))[0]

    assert bound("calls", "lt", "10").holds(0.0, 0)
    assert bound("calls", "eq", "0").holds(0.0, 0)
    assert not bound("calls", "lt", "10", ", min_count: 1").holds(0.0, 0)
    assert not bound("calls", "gt", "10").judges_nothing
    assert not bound("latency_p95_ms", "lt", "10").holds(None, 0)
    assert not bound("error_rate", "lt", "0.5").judges_nothing
