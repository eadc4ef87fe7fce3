"""The rules that the engine's tests judge by."""

from __future__ import annotations

import pytest

from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_windows.grouping import parse_groupings

RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, min_count: 2, for: 10s,
     keep_firing_for: 10s, cooldown: 60s, severity: critical}
  - {name: busy, by: [model], aggregate: calls, lookback: 10s, value: 25}
  - {name: slow, by: [model], where: {model: a}, aggregate: latency_p95_ms, lookback: 30s, op: ge, value: 900}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s"))
