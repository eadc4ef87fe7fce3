"""The name that was meant is found."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.counted import LABELS
from callgauge.near_names import nearest, unknown
from callgauge.schema import Severity
from callgauge_detectors.threshold import Op
from callgauge_rules.aggregates import aggregate
from callgauge_rules.names import FIELDS_MEANT, LABELS_MEANT, OPS_MEANT, SEVERITIES_MEANT
from callgauge_rules.rule import Rule


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("thresold", ""),
        ("lookbak", "lookback"),
        ("Value", "value"),
        ("keep-firing-for", "keep_firing_for"),
        ("zzz", ""),
    ],
)
def test_the_nearest_name(name: str, meant: str) -> None:
    assert nearest(name, ["lookback", "value", "keep_firing_for"]) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("latency_p90", "latency_p90_ms"),
        ("ttft_p99.9", "ttft_p99.9_ms"),
        ("cost_p50", "cost_p50_usd"),
        ("latency_p100_ms", "latency_p95_ms"),
        ("error_rate.time_out", "error_rate.timeout"),
        ("error_rat", "error_rate"),
        ("requests", "calls"),
    ],
)
def test_the_nearest_aggregate(name: str, meant: str) -> None:
    """Percentiles keep their rank, if it is one."""
    with pytest.raises(ValueError, match=f"is no aggregate; did you mean {meant}\\?"):
        aggregate(name)


def test_what_is_meant_exists() -> None:
    """The tables of other words lead only to names that are known, and shadow none."""
    fields = {info.alias or name for name, info in Rule.model_fields.items()}
    tables = [(FIELDS_MEANT, fields), (LABELS_MEANT, set(LABELS))]
    tables += [(OPS_MEANT, set(get_args(Op))), (SEVERITIES_MEANT, set(get_args(Severity)))]
    for meant, known in tables:
        assert set(meant.values()) <= known
        assert not set(meant) & known


@given(st.text(st.characters(exclude_categories=())))
def test_a_message_can_be_printed(name: str) -> None:
    """Whatever was found in the file; it stays short, and one line."""
    said = unknown(name, "label", ["model"])
    said.encode()
    assert said.isprintable()
    assert len(said) < 800
