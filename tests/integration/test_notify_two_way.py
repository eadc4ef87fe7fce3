"""The whole circle with a broker and a notifier process: Slack's buttons, PagerDuty's webhook, the command line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from callgauge.settings import Settings
from callgauge_actions.alert_log import AlertLog
from callgauge_deploy import cli
from callgauge_deploy.process import free_port, wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_rules.alert_book import AlertBook
from tests.brokers import Broker
from tests.integration.test_notify_processes import send as send_heartbeat
from tests.notifying import running, send_alerts
from tests.unit.sinks.notify.alerts import alert
from tests.unit.sinks.notify.http_stub import Stub, serving
from tests.unit.sinks.notify.two_way.requests import pagerduty_body, pagerduty_headers, slack_body, slack_headers
from tests.unit.sinks.notify.wire_formats import PAGERDUTY, SLACK, checked

QUICK = "group_wait: 100ms, group_interval: 100ms, group_by: [service], repeat_interval: 1s"
ROUTES = f"""
receivers:
  - {{name: pager, type: pagerduty, url: "PAGER", routing_key: KEY, webhook_secret: pd-secret}}
  - {{name: chat, type: slack, url: "CHAT", signing_secret: slack-secret, pace: 10ms}}
routes:
  - {{name: pager, receiver: pager, {QUICK}, continue: true}}
  - {{name: chat, receiver: chat, {QUICK}}}
"""


def started_now(service: str, /, **changes: Any) -> Any:
    now = time.time()
    return alert(start=now - 120, fired_at=now - 60, labels={"service": service}, **changes)


def events(stub: Stub, of: Any) -> list[str]:
    return [each.json["event_action"] for each in stub.requests if each.json["dedup_key"] == of.fingerprint]


def texts(stub: Stub, service: str) -> list[str]:
    """The headlines that Slack was told about a service."""
    found = [request.json["text"] for request in stub.requests]
    return [text for text in found if f"service={service}" in text]


def book_of(settings: Settings) -> AlertBook:
    log = AlertLog(settings)
    try:
        return log.read_to_end()
    finally:
        log.close()


@pytest.fixture
def notified(broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> Settings:
    settings = settings_of(
        broker, routes_file=tmp_path / "routes.yaml", notify_allow_http=True, notify_allow_hosts="127.0.0.1",
        two_way_port=free_port(),
    )  # fmt: skip
    ensure_topics(settings)
    return settings


def command(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("CALLGAUGE_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("CALLGAUGE_TOPIC_PREFIX", settings.topic_prefix)
    done = CliRunner().invoke(cli.app, ["alerts", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_people_do_reaches_everybody_once(
    notified: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click in Slack acknowledges in PagerDuty; what is acknowledged is not told again. PagerDuty tells it back, and
    that is the end of it. What is resolved in PagerDuty is resolved in Slack and not sent back. The command line
    silences: what fires then is told to nobody until the silence is ended, which the next process knows too. Beside an
    alert that calls are missing stands whether the processes live, once.
    """
    with serving(Stub(checked(PAGERDUTY))) as pager, serving(Stub(checked(SLACK))) as chat:
        routes = dedent(ROUTES).replace("PAGER", pager.url).replace("KEY", "0" * 32).replace("CHAT", chat.url)
        (tmp_path / "routes.yaml").write_text(routes)
        url = f"http://127.0.0.1:{notified.two_way_port}"
        missing = {"service": "first", "aggregate": "calls", "op": "lt", "value": 0.0}
        first, second, quiet = started_now("first", **missing), started_now("second"), started_now("quiet")
        send_heartbeat(notified, "a", "first")

        def sent(path: str, body: bytes, headers: dict[str, str]) -> int:
            return httpx.post(url + path, content=body, headers=headers, trust_env=False).status_code

        def from_pagerduty(event: str, of: Any) -> int:
            at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}Z"
            body = pagerduty_body(event, of.fingerprint, at=at, agent="bob")
            return sent("/pagerduty", body, pagerduty_headers(body))

        with running(notified, tmp_path):
            send_alerts(notified, [first, second])
            assert wait_until(lambda: events(pager, first)[:1] == events(pager, second)[:1] == ["trigger"], 60)
            click = slack_body("acknowledge", first.alert_id)

            def clicked() -> bool:  # the server's book may be a moment behind the notifier
                assert sent("/slack", click, slack_headers(click, at=time.time())) == 200
                return "acknowledge" in events(pager, first)

            assert wait_until(clicked, 60, poll_s=0.3)
            assert from_pagerduty("incident.acknowledged", first) == 200
            assert from_pagerduty("incident.resolved", second) == 200
            assert wait_until(lambda: "[RESOLVED] slow (service=second)" in texts(chat, "second"), 60)
            assert "silent until" in command(notified, monkeypatch, "silence", "service=quiet", "--by", "cleo")
            acknowledged_at = len(texts(chat, "first"))
            send_alerts(notified, [quiet, started_now("loud")])
            assert wait_until(lambda: len(texts(chat, "loud")) >= 3, 60)  # three repetitions later ...
            assert len(texts(chat, "first")) <= acknowledged_at + 1  # ... what is acknowledged was not repeated
        assert events(pager, first) == ["trigger", "acknowledge"]
        assert events(pager, second) == ["trigger"]
        with running(notified, tmp_path):
            more = started_now("more")
            send_alerts(notified, [more])
            assert wait_until(lambda: events(pager, more) == ["trigger"], 60)
            assert events(pager, quiet) == texts(chat, "quiet") == []
            (silence,) = book_of(notified).actions.silences()
            assert "ended" in command(notified, monkeypatch, "unsilence", silence.id)
            assert wait_until(lambda: events(pager, quiet) == ["trigger"], 60)
        assert pager.problems == chat.problems == []
    book = book_of(notified)
    found = book.shown(first, time.time()).processes
    assert found is not None
    assert found.processes == "live"
    done = sorted((action.action, action.who, action.how) for action in book.actions.all())
    assert done == [
        ("acknowledge", "ann", "slack"),
        ("processes", "callgauge notify", "heartbeats"),
        ("resolve", "bob", "pagerduty"),
        ("silence", "cleo", "cli"),
        ("unsilence", done[-1][1], "cli"),
    ]
