"""`callgauge rules check` says what is wrong with a rule file, and where each rule is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgauge.errors import RuleError
from callgauge_deploy import cli


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store is there."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path / "none"))


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["rules", "check", *arguments])


@pytest.mark.parametrize(("name", "last"), [("default", "18 rules: 18 judged in the stream, 0 evaluated from history")])
def test_a_table_of_the_shipped_rules(name: str, last: str) -> None:
    done = check(name)
    assert done.exit_code == 0
    assert last in done.stdout
    assert "how many series they would judge now cannot be known: there is no store" in done.stdout


def test_as_json_every_rule_says_where_it_runs_and_why() -> None:
    found = {rule["rule"]: rule for rule in json.loads(check("seeds", "--json").stdout)["rules"]}
    assert (found["faithfulness"]["where"], found["faithfulness"]["why"]) == ("stream", "model@10s is a grouping set")
    assert found["completion_falls"]["where"] == "history"
    assert found["latency_p95"]["severity"] == "warning, critical"
    assert found["cost_unusual"]["detector"] == "zscore"


def test_a_mistake_is_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: r, aggregate: cals, lookback: 1m, value: 1}]")
    done = check(str(path))
    assert isinstance(done.exception, RuleError)  # main() makes one line and exit code 1 of it
    assert "did you mean calls?" in str(done.exception)
