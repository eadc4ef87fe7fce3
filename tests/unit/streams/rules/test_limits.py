"""Limits are numbers that can tell something; durations are no longer than detect can judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.errors import RuleError
from callgauge_detectors.threshold import Limit, Op
from callgauge_rules.aggregates import aggregate
from callgauge_rules.limits import count_of, number_of, problem_of_limit
from callgauge_rules.rules import Rule, load_rules


def load(tmp_path: Path, **fields: Any) -> Rule:
    rule = {"name": "r", "aggregate": "error_rate", "lookback": "5m", "value": 0.05} | fields
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"rules": [rule]}))
    (loaded,) = load_rules(path)
    return loaded


def refusal(tmp_path: Path, **fields: Any) -> str:
    with pytest.raises(RuleError) as error:
        load(tmp_path, **fields)
    return str(error.value).split(": r: ")[1]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("0.05", 0.05), ("5%", 0.05), ("5 %", 0.05), ("2.9%", 0.029), (".5%", 0.005), ("100%", 1.0), ("0%", 0.0)],
        *[("010", 10.0), ("1_000", 1000.0), ("+5", 5.0), ("1e3", 1000.0), ("5.", 5.0), (".5", 0.5), ("-0", 0.0)],
        *[(7, 7.0), (0.25, 0.25)],
    ],
)
def test_numbers(text: Any, number: float) -> None:
    """Decimal, as a percentage too."""
    assert number_of(text) == number
    assert str(number_of(text)) == str(number)  # -0 is 0


@pytest.mark.parametrize(
    "text",
    ["", "%", "x", "1:30", "0x10", "inf", "nan", "1e999", "1e3%", "5%%", "5\n", "٣", True, None, "9" * 99, [1], {}],
)
def test_what_is_no_number_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"^a limit is a number, such as 0\.05 or 5%, not "):
        number_of(text)


@given(st.decimals(0, 100, places=4))
def test_a_percentage_is_rounded_once(percent: Any) -> None:
    """It is the nearest number to the hundredth part."""
    assert number_of(f"{percent}%") == float(percent / 100)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "true", True, "", "9" * 5_000, "2000000000000"])
def test_what_is_no_number_of_calls_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"^a number of calls is whole and at least 1, such as 20, not "):
        count_of(text)


def test_five_percent(tmp_path: Path) -> None:
    """A share may be written as a percentage, other aggregates may not."""
    assert load(tmp_path, value="5%").value == 0.05
    said = "value: 5% is a share, but latency_p95_ms is in ms"
    assert refusal(tmp_path, aggregate="latency_p95_ms", value="5%") == said
    assert refusal(tmp_path, aggregate="calls", value="5%") == "value: 5% is a share, but calls is a plain number"


SHARE, OTHER = "error_rate is a share, 0 to 1", "calls is never below 0"


@pytest.mark.parametrize(
    ("judged", "op", "value", "problem"),
    [
        ("error_rate", "ge", 0, f"{SHARE}; ge 0 always holds"),
        ("error_rate", "le", 1, f"{SHARE}; le 1 always holds"),
        ("error_rate", "gt", 1, f"{SHARE}; gt 1 never holds"),
        ("error_rate", "lt", 0, f"{SHARE}; lt 0 never holds"),
        ("error_rate", "gt", 5, f"{SHARE}; 5 is no limit for it; write 5% if you mean percent"),
        ("error_rate", "lt", 500, f"{SHARE}; 500 is no limit for it"),
        ("error_rate", "ge", -0.1, f"{SHARE}; -0.1 is no limit for it"),
        ("error_rate", "ne", 2, f"{SHARE}; 2 is no limit for it; write 2% if you mean percent"),
        ("calls", "ge", 0, f"{OTHER}; ge 0 always holds"),
        ("calls", "lt", 0, f"{OTHER}; lt 0 never holds"),
        ("calls", "gt", -1, f"{OTHER}; -1 is no limit for it"),
        ("error_rate", "gt", 0, ""),
        ("error_rate", "ge", 1, ""),
        ("error_rate", "le", 0, ""),
        ("error_rate", "lt", 1, ""),
        ("error_rate", "eq", 1, ""),
        ("calls", "eq", 0, ""),
        ("calls", "le", 0, ""),
        ("calls", "gt", 1e12, ""),
        ("retries_mean", "gt", 1.5, ""),
    ],
)
def test_limits_that_tell_nothing_are_refused(tmp_path: Path, judged: str, op: str, value: float, problem: str) -> None:
    """In one line."""
    if problem:
        assert refusal(tmp_path, aggregate=judged, op=op, value=value) == f"value: {problem}"
    else:
        assert load(tmp_path, aggregate=judged, op=op, value=value).value == value


ops: st.SearchStrategy[Op] = st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"])
shares = st.floats(0, 1)


@given(ops, shares | st.sampled_from([0.0, 1.0]))
def test_a_limit_is_refused_if_and_only_if_it_tells_nothing(op: Op, value: float) -> None:
    """Compared with what each share of a fine grid, and the limit itself, would give."""
    values = [0.0, 1.0, value, *(near for near in (value / 2, (value + 1) / 2))]
    verdicts = {Limit(op, value).holds(share) for share in values}
    assert (problem_of_limit(aggregate("error_rate"), op, value) != "") == (len(verdicts) == 1)


@pytest.mark.parametrize("field", ["lookback", "for", "keep_firing_for", "cooldown"])
@pytest.mark.parametrize(
    "text", ["inf", "-5m", "5", "5 m", "1.5h", "", "٣m", "5m\n", "9" * 100_000 + "d", True, ["5m"]]
)
def test_what_is_no_duration_is_refused(tmp_path: Path, field: str, text: Any) -> None:
    """In one short line, at once."""
    said = refusal(tmp_path, **{field: text})
    assert said.startswith(f"{field}: ")
    assert said.endswith(" is no duration; write e.g. 10s, 5m, 1h30m, 1d")
    assert len(said) < 150


@pytest.mark.parametrize(
    ("field", "longest", "longer", "bound"),
    [
        ("lookback", "90d", "90d10s", "90d"),
        ("for", "1d", "1d1ms", "24h"),
        ("keep_firing_for", "1440m", "25h", "24h"),
        ("cooldown", "7d", "7d1s", "7d"),
        ("for", "0s", "99999999999999999999d", "24h"),
    ],
)
def test_durations_that_nothing_can_hold_are_refused(
    tmp_path: Path, field: str, longest: str, longer: str, bound: str
) -> None:
    """The message says how long they may be."""
    load(tmp_path, **{field: longest})
    assert (
        refusal(tmp_path, **{field: longer}) == f"{field}: {longer} is longer than {bound}, the longest that there is"
    )


def test_a_lookback_holds_a_window(tmp_path: Path) -> None:
    assert refusal(tmp_path, lookback="0s") == "lookback: 0s holds no window; write e.g. 5m"
