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
        (GOOD.replace("5m", "five"), "line 7: slow: lookback: 'five' is no duration; write e.g. 10s, 5m, 1h30m, 1d"),
        (
            GOOD.replace("latency_p95_ms", "latency_p99"),
            "line 6: slow: aggregate: 'latency_p99' is no aggregate; did you mean latency_p99_ms?",
        ),
        (
            GOOD.replace("latency_p95_ms", "error_rate.timeuot"),
            "line 6: slow: aggregate: 'error_rate.timeuot' is no aggregate; did you mean error_rate.timeout?",
        ),
        (GOOD.replace("value:", "valeu:"), "line 8: slow: valeu is no field of a rule; did you mean value?"),
        (GOOD.replace("value:", "threshold:"), "line 8: slow: threshold is no field of a rule; did you mean value?"),
        (GOOD.replace("[model]", "[modle]"), "line 4: slow: by: 'modle' is no label; did you mean model?"),
        (GOOD.replace("{model:", "{env:"), "line 5: slow: where: 'env' is no label; did you mean environment?"),
        (GOOD + "    op: '>'\n", "line 10: slow: op: '>' is no comparison; did you mean gt?"),
        (GOOD + "    severity: warn\n", "line 10: slow: severity: 'warn' is no severity; did you mean warning?"),
        (
            GOOD + "    severity: x\n",
            "line 10: slow: severity: 'x' is no severity; there are info, warning, error, critical",
        ),
        (GOOD.replace("name: slow", "nam: slow"), "line 3: rule 1: nam is no field of a rule; did you mean name?"),
        (
            GOOD.replace("    aggregate: latency_p95_ms\n", ""),
            "line 3: slow: aggregate is missing; a rule has name, aggregate, lookback and value",
        ),
        (GOOD.replace("5m", ""), "line 7: slow: lookback: is empty; write a value, or leave the line out"),
        (GOOD + "    summary: [a]\n", "line 10: slow: summary: write a text, not a list"),
        (
            GOOD.replace("by: [model]", "by: model"),
            "line 4: slow: by: write a list of labels, such as [service, model], not 'model'",
        ),
        (
            GOOD + GOOD.replace("\nrules:\n", ""),
            "line 10: slow: name: used more than once, first in line 3; give each rule its own",
        ),
        (
            GOOD.replace("name: slow", "name: records_lost"),
            "line 3: records_lost: name: the name is reserved for an alert that detect raises by itself, without a "
            "rule; give the rule another",
        ),
        (
            GOOD.replace("name: slow", "name: too_many_series"),
            "line 3: too_many_series: name: the name is reserved for an alert that detect raises by itself, without a "
            "rule; give the rule another",
        ),
    ],
)
def test_a_wrong_rule_says_where_and_why(tmp_path: Path, wrong: str, said: str) -> None:
    """One line: the file, the line, the rule, the field, what is wrong and what was meant."""
    path = file_of(tmp_path, wrong)
    with pytest.raises(RuleError) as error:
        load_rules(path)
    assert str(error.value) == f"{path}, {said}"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A line for each, in the order of the file; after twenty only their number."""
    path = file_of(tmp_path, GOOD.replace("slow", "9").replace("5m", "5").replace("1000", "x"))
    with pytest.raises(RuleError) as error:
        load_rules(path)
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [f"{path}, line {n}" for n in (3, 7, 8)]
    path = file_of(tmp_path, GOOD + "".join(f"    wrong_{n}: x\n" for n in range(30)))
    with pytest.raises(RuleError) as error:
        load_rules(path)
    assert len(str(error.value).splitlines()) == 21
    assert str(error.value).endswith(f"{path}: and 10 more mistakes")


@pytest.mark.parametrize("name", ["slow", "HighErrorRate", "high-error-rate", "a" * 100, "on", "yes"])
def test_names_are_kept_as_they_are(tmp_path: Path, name: str) -> None:
    """Letters, digits, _ and -, whatever YAML 1.1 would make of them."""
    assert load_rules(file_of(tmp_path, GOOD.replace("slow", name)))[0].name == name


@pytest.mark.parametrize("name", ["9a", "_a", "a b", "a.b", "früh", "a" * 101, '"a\\n"', "[a]"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuleError, match="is no name; use a letter, then letters, digits, _ and -, at most 100"):
        load_rules(file_of(tmp_path, GOOD.replace("slow", name)))


@pytest.mark.parametrize("severity", ["info", "warning", "error", "critical"])
def test_severities(tmp_path: Path, severity: str) -> None:
    assert load_rules(file_of(tmp_path, f"{GOOD}    severity: {severity}\n"))[0].severity == severity


def test_a_missing_file_says_which_setting_names_it(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="CALLGAUGE_RULES_FILE"):
        load_rules(tmp_path / "none.yaml")


def test_a_lookback_is_a_multiple_of_the_window(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"rules.yaml, line 7: slow: lookback: must be a multiple"):
        bind(load_rules(file_of(tmp_path, GOOD)), parse_groupings("model@7s"))


def test_of_several_grouping_sets_the_narrowest_windows_are_judged(tmp_path: Path) -> None:
    rules = bind(load_rules(file_of(tmp_path, GOOD)), parse_groupings("model@60s model@10s"))
    assert rules[0].grouping.name == "model@10s"


def test_the_default_rules_fit_the_default_grouping_sets() -> None:
    assert bind(load_rules(None), parse_groupings(load_settings().groupings))


def test_nothing_holds_below_the_minimum_count(tmp_path: Path) -> None:
    rule = bind(load_rules(file_of(tmp_path, GOOD + "    min_count: 5\n")), parse_groupings("model@10s"))[0]
    assert rule.main.rank(2_000.0, 5)
    assert not rule.main.rank(2_000.0, 4)
    assert not rule.main.rank(1_000.0, 5)
    assert not rule.main.rank(None, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + GOOD, "line 11: rules is given twice, first in line 2"),
        (GOOD + "    value: 0.5\n", "line 10: slow: value is given twice, first in line 8"),
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

    assert bound("calls", "lt", "10").main.rank(0.0, 0)
    assert bound("calls", "eq", "0").main.rank(0.0, 0)
    assert not bound("calls", "lt", "10", ", min_count: 1").main.rank(0.0, 0)
    assert not bound("calls", "gt", "10").judges_nothing
    assert not bound("latency_p95_ms", "lt", "10").main.rank(None, 0)
    assert not bound("error_rate", "lt", "0.5").judges_nothing
