"""Every detector can be named in a rule, with the parameters of its config; a wrong one is one line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge.errors import RuleError
from callgauge_detectors.tiers import Tiers
from callgauge_rules.bound import BoundRule
from callgauge_rules.detectors import DETECTORS
from callgauge_rules.rules import bind, load_rules
from callgauge_windows.grouping import parse_groupings

RULE = """rules:
  - name: odd
    by: [model]
    aggregate: latency_mean_ms
    lookback: 1m
"""
ZSCORE = RULE + "    detector: zscore\n"


def bound(tmp_path: Path, text: str) -> BoundRule:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    (rule,) = bind(load_rules(path), parse_groupings("model@10s"))
    return rule


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(RuleError) as error:
        bind(load_rules(path), parse_groupings("model@10s"))
    return str(error.value).replace(f"{path}, ", "")


def test_parameters_become_the_detectors_config(tmp_path: Path) -> None:
    """Those of the baseline stand beside the others; of tiers only what differs is written."""
    text = ZSCORE + "    parameters: {direction: above, size: 100, min_history: 30, tiers: {critical: 8}}\n"
    (condition,) = bound(tmp_path, text).conditions
    config = condition.config
    assert (config.method, config.direction, config.tiers) == ("mean", "above", Tiers(3.0, 3.5, 4.0, 8.0))
    assert (config.baseline.size, config.baseline.min_history) == (100, 30)
    assert (condition.every_ms, condition.remembers_ms) == (60_000, 6_000_000)


def test_durations_are_written_as_such(tmp_path: Path) -> None:
    """`lag_ms` is lag: 1h; the width of a window is the rule's own."""
    parameters = "{period: 30m, lag: 30m, limits: [{op: gt, value: 130%}, {op: lt, value: 0.7, level: critical}]}"
    config = bound(tmp_path, f"{RULE}    detector: ratio\n    parameters: {parameters}\n").main.config
    assert (config.period_ms, config.lag_ms, config.window_ms) == (1_800_000, 1_800_000, 60_000)
    assert [(each.op, each.value, each.level) for each in config.limits] == [
        ("gt", 1.3, "high"),
        ("lt", 0.7, "critical"),
    ]


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"threshold"}))
def test_each_detector_can_be_made(name: str) -> None:
    """With its defaults; it says what it is, what it can be told, and how far back it remembers."""
    kind = DETECTORS[name]
    config = kind.parameters.read({}, window_ms=60_000)
    assert kind.make(config).snapshot() is not None
    assert kind.remembers_ms(config, 60_000) > 0
    assert kind.about
    assert set(kind.parameters.defaults()) == set(kind.parameters.names)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    detector: z_score\n", "line 6: odd: detector: 'z_score' is no detector; did you mean zscore?"),
        (
            "    detector: zscore\n    parameters: {direktion: above}\n",
            "line 7: odd: parameters: direktion is no parameter of zscore; did you mean direction?",
        ),
        (
            "    detector: zscore\n    parameters:\n      tiers: {hihg: 4}\n",
            "line 8: odd: parameters: tiers: hihg is no part of it; did you mean high?",
        ),
        (
            "    detector: zscore\n    parameters: {tiers: {high: 2}}\n",
            "line 7: odd: parameters: tiers: must grow; 3, 3.5, 2, 5 do not",
        ),
        (
            "    detector: zscore\n    parameters: {direction: up}\n",
            "line 7: odd: parameters: direction: 'up' is no choice; there are both, above, below",
        ),
        (
            "    detector: zscore\n    parameters: {min_history: 0}\n",
            "line 7: odd: parameters: min_history: is a whole number from 1 up, not '0'",
        ),
        (
            "    detector: zscore\n    parameters: {size: 10, min_history: 20}\n",
            "line 7: odd: parameters: min_history must be in 1 ... size = 10, not 20",
        ),
        (
            "    detector: ratio\n    parameters: {period: soon}\n",
            "line 7: odd: parameters: period: 'soon' is no duration; write e.g. 10s, 5m, 1h30m, 1d",
        ),
        (
            "    detector: ratio\n    parameters:\n      limits:\n        - {op: gt, valeu: 3}\n",
            "line 9: odd: parameters: limits: valeu is no part of it; did you mean value?",
        ),
        (
            "    detector: ratio\n    parameters: {limits: [{op: gt}]}\n",
            "line 7: odd: parameters: limits: value is missing",
        ),
        (
            "    detector: zscore\n    value: 3\n",
            "line 7: odd: value: is for thresholds; what zscore takes stands in parameters",
        ),
        (
            "    value: 3\n    parameters: {a: 1}\n",
            "line 7: odd: parameters: a threshold has no parameters; write value:, or warning: and critical:",
        ),
        (
            "    detector: drift_rate\n",
            "line 4: odd: aggregate: drift_rate compares shares of calls, such as error_rate; latency_mean_ms is none",
        ),
        (
            "    detector: ratio\n    every: 10s\n",
            "line 7: odd: every: must be the lookback: ratio adds up, and would count calls several times",
        ),
        ("    detector: zscore\n    every: 40s\n", "line 7: odd: every: must divide the lookback of 1m"),
        ("    detector: zscore\n    every: 15s\n", "line 7: odd: every: must be a multiple of the window of model@10s"),
        (
            "    detector: zscore\n    level: hihg\n",
            "line 7: odd: level: 'hihg' is no level of a detector; did you mean high?",
        ),
        (
            "    detector: zscore\n    severities: {hihg: error}\n",
            "line 7: odd: severities: hihg is no level of a detector; did you mean high?",
        ),
        (
            "    detector: zscore\n    severities: {high: eror}\n",
            "line 7: odd: severities: high: 'eror' is no severity; did you mean error?",
        ),
        (
            "    warning: 2000\n    critical: 1000\n",
            "line 7: odd: critical: 1000 is no further than warning, 2000; critical would hold first",
        ),
        (
            "    warning: 2000\n    value: 1000\n",
            "line 7: odd: value: is one limit, and warning is another; write value, or one for each severity",
        ),
        (
            "    needs: 2\n    value: 1\n",
            "line 6: odd: needs: is for rules with conditions; write conditions:, or leave it out",
        ),
    ],
)
def test_a_wrong_rule_says_where_and_why(tmp_path: Path, more: str, said: str) -> None:
    """One line: file, line, rule, field, and the nearest name."""
    assert refusal(tmp_path, RULE + more) == said


def test_limits_of_several_severities(tmp_path: Path) -> None:
    """The worst one that holds counts."""
    rule = bound(tmp_path, RULE + "    warning: 2000\n    critical: 5000\n")
    ranks = [rule.main.rank(value, 10) for value in (1_000.0, 3_000.0, 6_000.0, None)]
    assert [rule.severity_at(rank) for rank in ranks[1:3]] == ["warning", "critical"]
    assert (ranks[0], ranks[3]) == (0, 0)
    assert rule.main.limit_at(ranks[2]) == 5_000.0


def test_levels_become_severities(tmp_path: Path) -> None:
    """A level between two that are named is told as the lower one; below the lowest nothing is told."""
    rule = bound(tmp_path, ZSCORE + "    severities: {medium: warning, critical: critical}\n")
    ranks = rule.main.rank_of_level.tolist()
    assert ranks == [0, 0, 2, 2, 4]
    assert rule.main.least_score == 3.5
    plain = bound(tmp_path, ZSCORE + "    severity: error\n")
    assert plain.main.rank_of_level.tolist() == [0, 0, 0, 3, 3]
    assert bound(tmp_path, ZSCORE + "    level: low\n").main.rank_of_level.tolist() == [0, 2, 2, 2, 2]


COMPOSITE = """rules:
  - name: trouble
    by: [model]
    needs: 2
    severity: error
    conditions:
      - {aggregate: error_rate, lookback: 1m, value: 5%}
      - {name: slow, aggregate: latency_p95_ms, lookback: 5m, value: 2000}
      - {aggregate: latency_mean_ms, lookback: 30s, detector: ewma}
"""


def test_conditions_join(tmp_path: Path) -> None:
    """k of n; each has its own lookback; the rule is judged as often as any of them needs it."""
    rule = bound(tmp_path, COMPOSITE)
    assert [condition.name for condition in rule.conditions] == ["error_rate", "slow", "latency_mean_ms"]
    assert (rule.lookback_ms, rule.step_ms, rule.learns, rule.composite) == (300_000, 10_000, True, True)
    assert [int(rule.joined(ranks)) for ranks in ((1, 0, 0), (1, 0, 4), (1, 1, 1))] == [0, 3, 3]
    assert bound(tmp_path, COMPOSITE.replace("needs: 2", "needs: any")).needs == 1
    assert bound(tmp_path, COMPOSITE.replace("needs: 2", "needs: all")).needs == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("needs: 2", "needs: 4", "line 4: trouble: needs: 4 conditions cannot hold: there are 3"),
        (
            "needs: 2",
            "needs: most",
            "line 4: trouble: needs: write any, all, or how many conditions must hold, such as 2, not 'most'",
        ),
        (
            ", value: 5%",
            ", valeu: 5%",
            "line 7: trouble: conditions: valeu is no field of a condition; did you mean value?",
        ),
        (
            ", value: 5%",
            "",
            "line 7: trouble: conditions: value is missing; a condition has aggregate, lookback and value",
        ),
        (
            "error_rate,",
            "eror_rate,",
            "line 7: trouble: conditions: aggregate: 'eror_rate' is no aggregate; did you mean error_rate?",
        ),
        (
            "    needs: 2",
            "    value: 2",
            "line 4: trouble: value: belongs to one of the conditions, since the rule has several",
        ),
        (
            "lookback: 1m,",
            "lookback: 15s,",
            "line 7: trouble: conditions: lookback: must be a multiple of the window of model@10s",
        ),
    ],
)
def test_a_wrong_condition_says_where_and_why(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert refusal(tmp_path, COMPOSITE.replace(old, new)) == said


def test_a_list_of_no_conditions_is_refused(tmp_path: Path) -> None:
    """Nothing would ever be judged."""
    text = "rules:\n  - {name: odd, by: [service], conditions: []}\n"
    assert refusal(tmp_path, text) == (
        "line 2: odd: conditions: there is none; list them, or leave it out and write aggregate, lookback and value"
    )
