"""Trying routes: what is said of them, and what a sample does."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_deploy.cli import app
from callgauge_notify.explain import explained
from callgauge_notify.routing.load import load_routing
from callgauge_notify.sample import sample_alert
from tests.unit.sinks.notify.alerts import T0
from tests.unit.sinks.notify.http_stub import Answer, Stub

ROUTES = """
receivers:
  - {name: pager, type: pagerduty, routing_key: k, url: "URL"}
  - {name: log, type: file, path: "FOLDER/alerts.jsonl"}
routes:
  - {name: log, receiver: log, continue: true}
  - {name: critical, match: [severity=critical], receiver: pager, group_by: [service], mute_times: [always]}
  - {name: chat, match: [service=chat], receiver: console, send_resolved: false}
mute_times:
  - {name: always}
inhibit:
  - {source: [rule=provider_down], target: [severity>=warning], equal: [provider]}
"""


@pytest.fixture
def routes(tmp_path: Path, stub: Stub) -> Path:
    text = dedent(ROUTES).replace("URL", stub.url).replace("FOLDER", str(tmp_path))
    (tmp_path / "routes.yaml").write_text(text)
    return tmp_path / "routes.yaml"


def told(routes: Path, *labels: str) -> list[str]:
    routing = load_routing(load_settings(routes_file=routes))
    return explained(routing, sample_alert(labels, T0), T0)


def test_each_route_is_explained(routes: Path) -> None:
    """Which matches and why not; who is told when; whether it goes on, is muted or hidden."""
    assert told(routes, "service=chat severity=critical") == [
        "alert: service=chat rule=callgauge_test severity=critical",
        "  log: yes, to log (file), each at once; goes on",
        "  critical: yes, to pager (pagerduty), grouped by service, after 30s, then every 5m, again after 4h; "
        "MUTED NOW by always",
        "  chat: not asked",
        "  hidden while an alert with rule=provider_down with the same provider fires",
    ]
    assert told(routes, "severity=info")[2:] == [
        "  critical: no, severity=critical, but severity is info",
        "  chat: no, service=chat, but it has no service",
    ]


def test_the_default_routes_are_explained(tmp_path: Path) -> None:
    """Where no route of the file matches."""
    (tmp_path / "routes.yaml").write_text("routes:\n  - {name: a, match: severity=critical, receiver: console}\n")
    assert told(tmp_path / "routes.yaml", "severity=info")[1:] == [
        "  a: no, severity=critical, but severity is info",
        "no route of the file matches; the default routes:",
        "  default-console: yes, to console (console), each at once; goes on",
    ]


@pytest.mark.parametrize(
    ("label", "problem"),
    [("sevice=chat", "did you mean service"), ("severity=page", "did you mean critical"), ("service", "write e.g.")],
)
def test_wrong_labels_are_said(label: str, problem: str) -> None:
    """With what was meant."""
    with pytest.raises(SettingError, match=problem):
        sample_alert([label])


def test_the_command_explains(routes: Path) -> None:
    """`callgauge notify routes --alert ...`."""
    env = {"CALLGAUGE_ROUTES_FILE": str(routes)}
    result = CliRunner().invoke(
        app, ["notify", "routes", "--alert", "service=chat", "--alert", "severity=error"], env=env
    )
    assert (result.exit_code, "chat: yes, to console" in result.output) == (0, True)


def test_a_sample_goes_through_the_real_route(routes: Path, stub: Stub, tmp_path: Path) -> None:
    """`callgauge notify test --route critical`: trigger and resolve; a refusal is said, with exit code 1."""
    env = {
        "CALLGAUGE_ROUTES_FILE": str(routes),
        "CALLGAUGE_NOTIFY_ALLOW_HTTP": "true",
        "CALLGAUGE_NOTIFY_ALLOW_HOSTS": "127.0.0.1",
    }
    result = CliRunner().invoke(app, ["notify", "test", "--route", "critical", "--route", "log"], env=env)
    assert result.exit_code == 0
    assert "critical -> pager (pagerduty), firing: taken in" in result.output
    assert [request.json["event_action"] for request in stub.requests] == ["trigger", "resolve"]
    lines = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["alert"]["state"] for line in lines] == ["firing", "resolved"]
    stub.otherwise = lambda request: Answer(400)
    result = CliRunner().invoke(app, ["notify", "test", "--route", "critical"], env=env)
    assert result.exit_code == 1
    assert "critical -> pager (pagerduty), firing: NOT taken: 127.0.0.1 answered HTTP 400" in result.output


def test_without_an_allowance_a_private_host_is_refused(routes: Path, stub: Stub) -> None:
    """And nothing is sent."""
    env = {"CALLGAUGE_ROUTES_FILE": str(routes), "CALLGAUGE_NOTIFY_ALLOW_HTTP": "true"}
    result = CliRunner().invoke(app, ["notify", "test", "--route", "critical"], env=env)
    assert "which is no public address" in result.output
    assert stub.requests == []
