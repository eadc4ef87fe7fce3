"""Rules that the stream cannot judge load, and say that they are evaluated from history, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge_rules.placing import place
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

GROUPINGS = parse_groupings("@10s model@10s model@60s")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("by: [model], lookback: 24h, value: 5", "model@10s is a grouping set"),
        ("lookback: 24h, value: 5", "@10s is a grouping set"),
        (
            "by: [user_id], lookback: 5m, value: 5",
            "no grouping set has the labels user_id; CALLGAUGE_GROUPINGS is @10s model@10s model@60s",
        ),
        ("by: [model], lookback: 7d, value: 5", "it looks back 7d; the stream holds 24h"),
        (
            "by: [model], lookback: 1h, detector: ratio, parameters: {period: 1d, lag: 1d}",
            "ratio compares with 2d before; the stream holds 24h",
        ),
        ("by: [model], lookback: 5m, detector: seasonal", "seasonal compares with 14d before; the stream holds 24h"),
        ("by: [model], lookback: 5m, detector: zscore", "model@10s is a grouping set"),
        (
            "by: [model], lookback: 1h, detector: ratio, parameters: {period: 1d, aligned: true, budget: 100}",
            "model@10s is a grouping set",
        ),
    ],
)
def test_where_a_rule_is_judged(tmp_path: Path, fields: str, why: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules: [{{name: r, aggregate: latency_mean_ms, {fields}}}]")
    (placed,) = place(load_rules(path), GROUPINGS)
    assert placed.why == why
    assert (placed.bound is None) == ("is a grouping set" not in why)
