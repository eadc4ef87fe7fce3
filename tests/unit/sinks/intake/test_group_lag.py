"""Lag: which groups read which topics, and what the workers' metrics add."""

from __future__ import annotations

from callgauge.settings import load_settings
from callgauge_intake.group_lag import GROUPS, lags_of, unprocessed_in
from callgauge_intake.lag import Lag
from callgauge_sinks.specs import NAMES, spec_of

METRICS = """\
# HELP callgauge_lag_records High watermark minus the processed position.
# TYPE callgauge_lag_records gauge
callgauge_lag_records{app="rollup",topic="llm.calls",partition="0"} 12.0
callgauge_lag_records{app="rollup",topic="llm.calls",partition="1"} 0.0
callgauge_rebalances_total{app="rollup"} 1.0
"""


def test_the_workers_metrics_are_read() -> None:
    """One number a partition; a page without them gives none."""
    assert unprocessed_in(METRICS) == {("llm.calls", 0): 12, ("llm.calls", 1): 0}
    assert unprocessed_in("") == {}


def test_every_sink_and_the_notifier_are_groups() -> None:
    """With the topic that it reads."""
    settings = load_settings()
    assert {f"sink-{name}" for name in NAMES} == {role for role in GROUPS if role.startswith("sink-")}
    for name in NAMES:
        (topic,) = GROUPS[f"sink-{name}"]
        assert spec_of(name, settings).topic == getattr(settings.topics, topic).name
    assert GROUPS["notify"] == ("alerts",)


def test_each_group_and_partition_is_a_line() -> None:
    """In the order of the groups; a partition without commits, and a group without metrics, say so."""
    settings = load_settings(topic_prefix="t", group_prefix="g")
    ends = {("t.calls", 1): 5, ("t.calls", 0): 20, ("t.alerts", 0): 2, ("other", 0): 9}
    lags = lags_of(settings, ends, {"rollup": {("t.calls", 0): 16}}, {"rollup": {("t.calls", 0): 1}})
    assert lags == [
        Lag("g-rollup", "t.calls", 0, 16, 20, 1),
        Lag("g-rollup", "t.calls", 1, None, 5, None),
        Lag("g-quality", "t.calls", 0, None, 20, None),
        Lag("g-quality", "t.calls", 1, None, 5, None),
        Lag("g-sink-calls", "t.calls", 0, None, 20, None),
        Lag("g-sink-calls", "t.calls", 1, None, 5, None),
        Lag("g-sink-alerts", "t.alerts", 0, None, 2, None),
        Lag("g-notify", "t.alerts", 0, None, 2, None),
    ]
