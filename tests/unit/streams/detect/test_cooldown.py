"""What is wrong now is told: a rule fires again, and a cooldown that holds an alert back is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

KEEPING = """
rules:
  - {name: model_errors, by: [model], aggregate: error_rate, lookback: 5m, warning: 5%, critical: 20%, min_count: 20,
     for: 30s, keep_firing_for: 1m}
"""
COOLING = """
rules:
  - {name: model_errors, by: [model], aggregate: error_rate, lookback: 5m, value: 5%, min_count: 20, for: 30s,
     cooldown: 15m}
"""


def blip_and_outage() -> list[Any]:
    """A blip of half a minute, which much good traffic ends at once, and two minutes after it an outage.

    seconds    0 .. 40        50 .. 160          170 ..
    errors     half of 100    none of 10,000     all of 10,000
    """
    records = []
    for window in range(25):
        n, errors = (100, 50) if window < 5 else (10_000, 0) if window < 17 else (10_000, 10_000)
        records += [row("b", window, n, errors), progress((window + 1) * WINDOW_MS, "s0")]
    return records


def told(rules: list[BoundRule]) -> list[tuple[str, float, str]]:
    engine = Engine(rules, source_timeout_ms=WINDOW_MS, live_from=0)
    records = enumerate(blip_and_outage())
    alerts: list[Alert] = [alert for i, record in records for alert in engine.take(i, i * 1_000, record)]
    return [(alert.state, alert.at, alert.reason) for alert in alerts if alert.rule == "model_errors"]


def test_without_a_cooldown_an_outage_after_a_blip_fires_again(tmp_path: Path) -> None:
    """keep_firing_for ends before the outage begins, and there is no cooldown. It fires as a warning, and again when
    every fifth call of the lookback has failed, as critical."""
    path = tmp_path / "rules.yaml"
    path.write_text(KEEPING)
    assert told(bind(load_rules(path), parse_groupings("model@10s"))) == [
        ("pending", 10.0, ""),
        ("firing", 40.0, ""),
        ("resolved", 120.0, ""),
        ("pending", 180.0, ""),
        ("firing", 210.0, ""),
        ("firing", 250.0, ""),
    ]


def test_with_a_cooldown_it_is_pending_and_says_until_when(tmp_path: Path) -> None:
    """It fired at 00:00:40; the cooldown of 15 minutes counts from then."""
    path = tmp_path / "rules.yaml"
    path.write_text(COOLING)
    assert told(bind(load_rules(path), parse_groupings("model@10s"))) == [
        ("pending", 10.0, ""),
        ("firing", 40.0, ""),
        ("resolved", 60.0, ""),
        ("pending", 180.0, "held back by its cooldown until 1970-01-01 00:15:40 UTC"),
    ]


@pytest.mark.parametrize(
    "path",
    [None, Path(__file__).parents[4] / "deploy/callgauge_deploy/samples/demo_rules.yaml"],
    ids=["default", "demo"],
)
def test_the_rules_we_ship_have_no_cooldown(path: Path | None) -> None:
    """It would hide what is wrong now."""
    assert {rule.cooldown for rule in load_rules(path)} == {0}
