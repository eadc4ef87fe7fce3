"""`callgauge top`: the newest complete minute, by service and model, and the alerts that are not over."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from callgauge_deploy.cli import app
from callgauge_deploy.top.facts import ActiveAlert, Facts, read_facts
from callgauge_deploy.top.shown import draw
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import alert_record_rows
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.history.test_replacing import insert
from tests.unit.sinks.notify.alerts import alert
from tests.unit.sinks.windows import window_row

NOW_S = 1_700_000_100.0
#: The window that ends at NOW_S.
LAST_MS = 1_700_000_090_000


def fill(store: Store) -> None:
    """Two services over three minutes; the newest window, which still grows, has a thousand calls more."""
    for window in range(18):
        start_ms = LAST_MS - window * 10_000
        for series, (service, calls) in enumerate((("chat", 60), ("search", 6)), 1):
            for label, value in (("service", service), ("model", f"model of {service}")):
                known: dict[str, Any] = {"grouping": f"{label}@10s", "labels": {label: value}, "series_id": series}
                if service == "search":
                    known["errors"] = {"timeout": 3}
                n = calls if window else 1_000
                insert(store, window_row([900.0] * n, window_start_ms=start_ms, input_tokens=100, **known))


def shown(facts: Facts, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(draw(facts, NOW_S))
    return out.getvalue()


def test_the_newest_complete_minute_is_counted(store: Store) -> None:
    """By service and model, the busiest first; the window that still grows is left out."""
    fill(store)
    facts = read_facts(store.query, NOW_S)
    assert facts.period is not None
    assert facts.period.end_ms == LAST_MS
    assert [(line.name, line.numbers.calls, line.numbers.errors) for line in facts.services] == [
        ("chat", 360, 0),
        ("search", 36, 18),
    ]
    assert [line.name for line in facts.models] == ["model of chat", "model of search"]
    # A minute that is not over would look like a fall.
    assert [calls for _, calls in facts.services[0].course if calls] == [6.0, 6.0]
    text = shown(facts)
    assert "6.6 calls/s" in text
    assert "50.0 %" in text
    assert "No alert is active." in text
    assert "old" not in text


def test_old_calls_are_shown_and_said_to_be_old(store: Store) -> None:
    """A replay of last month is looked at too."""
    fill(store)
    facts = read_facts(store.query, NOW_S + 86_400)
    assert facts.period is not None
    assert facts.period.end_ms == LAST_MS + 10_000
    out = io.StringIO()
    Console(file=out, width=160).print(draw(facts, NOW_S + 86_400))
    assert "the newest calls are 1 d old" in out.getvalue()


def test_more_services_than_fit_are_counted(store: Store) -> None:
    """So that nobody takes the screen for all there is."""
    fill(store)
    facts = read_facts(store.query, NOW_S, most=1)
    assert facts.more == (1, 1)
    assert "and 1 more" in shown(facts)


def test_active_alerts_are_shown(store: Store) -> None:
    """The gravest of the firing ones first, in plain text; what is over is not there."""
    fired = [
        alert("firing", rule="slow", severity="warning", labels={"service": "chat [red]"}),
        alert("firing", rule="down", severity="critical", labels={"service": "\x1b[2Jevil"}),
        alert("resolved", rule="over", severity="critical", labels={"service": "x"}, ends_at=NOW_S),
    ]
    for table, rows in alert_record_rows([Record(each, FakeMessage(b"")) for each in fired]).items():
        store.insert(table, rows)
    facts = read_facts(store.query, NOW_S)
    assert [each.rule for each in facts.alerts] == ["down", "slow"]
    text = shown(facts)
    assert "chat [red]" in text
    assert "\x1b" not in text
    assert "No calls yet." in text


def test_without_any_call_it_says_what_to_do() -> None:
    """Not an empty table."""
    text = shown(Facts(None, None, (), (), (0, 0), (ActiveAlert("a", "r", "info", "firing", {}, "s", NOW_S),)))
    assert "No calls yet." in text
    assert "/v1/calls" in text


def test_dashboard_prints_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a store says so in one line."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(app, ["dashboard"])
    assert done.exit_code == 1
    assert "there is no store at" in str(done.exception)
