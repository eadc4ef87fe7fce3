"""`callgauge rules check` counts the series that a rule would judge now, in the real store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callgauge_deploy.rules_command import series_sql
from callgauge_history.store import Store
from callgauge_rules.placing import place
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

MODELS = ("it's \\ one", "b")


@pytest.mark.parametrize(("where", "count"), [({}, 2), ({"model": MODELS[0]}, 1), ({"model": "none"}, 0)])
def test_series_are_counted(tmp_path: Path, store: Store, where: dict[str, str], count: int) -> None:
    """Of the rule's grouping set and labels, whatever stands in a label's value."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    for at, model in enumerate(MODELS):
        quoted = model.replace("\\", "\\\\").replace("'", "\\'")
        columns = "grouping, series_id, window_start, window_ms, model"
        store.command(f"INSERT INTO windows ({columns}) VALUES ('model@10s', {at}, '{now}', 10000, '{quoted}')")
    path = tmp_path / "rules.yaml"
    rule = {"name": "r", "by": ["model"], "aggregate": "calls", "lookback": "1m", "value": 1, "where": where}
    path.write_text(json.dumps({"rules": [rule]}))
    (placed,) = place(load_rules(path), parse_groupings("model@10s"))
    assert store.query(series_sql(placed)).rows[0][0] == count
