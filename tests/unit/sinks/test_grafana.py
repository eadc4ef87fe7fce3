"""Grafana's dashboards are those that Grafana's own types give, and ask only for what exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from callgauge_history.store import Store
from tests.grafana_dashboards import CLICKHOUSE, FOLDER, PROMETHEUS, dashboards, written

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"


def targets(name: str) -> list[dict[str, Any]]:
    panels = json.loads((FOLDER / f"{name}.json").read_text())["panels"]
    return [target for panel in panels for target in panel.get("targets", [])]


def test_the_shipped_files_are_up_to_date() -> None:
    """After a change: python -m tests.grafana_dashboards."""
    assert {file.stem: file.read_text() for file in FOLDER.glob("*.json")} == {
        name: written(dashboard) for name, dashboard in dashboards().items()
    }


def test_data_sources_are_provisioned_under_the_names_that_panels_ask() -> None:
    """Otherwise each panel shows an error."""
    file = yaml.safe_load((GRAFANA / "provisioning/datasources/callgauge.yml").read_text())
    assert {(each["uid"], each["type"]) for each in file["datasources"]} == {
        (source.uid, source.type_val) for source in (PROMETHEUS, CLICKHOUSE)
    }


@pytest.mark.parametrize("sql", [target["rawSql"] for target in targets("history")])
def test_clickhouse_runs_every_statement(store: Store, sql: str) -> None:
    """With Grafana's time filter as the plugin writes it."""
    store.query(re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= toDateTime(0) AND \1 <= now()", sql))
