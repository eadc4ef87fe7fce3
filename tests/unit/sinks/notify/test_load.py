"""The routes file: what it may say, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_notify.routing.load import load_routing
from callgauge_notify.routing.routes import Routing, Timing
from tests.unit.sinks.notify.alerts import alert

GOOD = """
receivers:
  - {name: chat, type: slack, url_file: SECRET}
  - {name: pager, type: pagerduty, routing_key: k}
  - {name: am, type: alertmanager, url: "http://am:9093"}
routes:
  - {name: everything, receiver: am, continue: true}
  - name: critical
    match: [severity=critical, service=~chat.*]
    receiver: owner
    otherwise: pager
    group_by: [service, model]
    group_wait: 10s
    repeat_interval: 1h
    mute_times: [weekend]
    continue: yes
  - {name: rest, match: severity>=warning, receiver: chat, send_resolved: no}
mute_times:
  - {name: weekend, zone: Europe/Berlin, days: [sat-sun]}
inhibit:
  - {source: [rule=provider_down], target: [severity=~warning|error], equal: [provider]}
"""
OWNERS = """
services:
  - {service: "chat-*", team: assistants, channel: "#assistants", escalation: chat}
  - {service: "*", team: platform}
"""

#: Files with a mistake, and what is said of it: `file => message`, with blank lines between them.
MISTAKES = [
    tuple(f"\n{case.strip(chr(10))}".split("\n=> "))
    for case in (Path(__file__).parent / "mistakes.txt").read_text().split("\n\n")
]


def routing_of(folder: Path, routes: str | None, owners: str = "", **overrides: Any) -> Routing:
    (folder / "secret").write_text("https://hooks.slack.example/T/B/x\n")
    if routes is not None:
        (folder / "routes.yaml").write_text(dedent(routes).replace("SECRET", str(folder / "secret")))
        overrides["routes_file"] = folder / "routes.yaml"
    if owners:
        (folder / "owners.yaml").write_text(owners)
        overrides["owners_file"] = folder / "owners.yaml"
    return load_routing(load_settings(**overrides))


def ways(routing: Routing, **changes: Any) -> list[tuple[str, str]]:
    return [(route.name, receiver) for route, receiver in routing.routes_of(alert(**changes))]


def test_routes_are_taken_in_order_until_one_does_not_go_on(tmp_path: Path) -> None:
    """An alert of an owner goes to whom the owner escalates to; an unknown one to `otherwise`."""
    routing = routing_of(tmp_path, GOOD, OWNERS)
    assert ways(routing) == [("everything", "am"), ("rest", "chat")]
    assert ways(routing, severity="critical") == [("everything", "am"), ("critical", "pager"), ("rest", "chat")]
    chat = ways(routing, severity="critical", labels={"service": "chat-eu"})
    assert chat == [("everything", "am"), ("critical", "chat"), ("rest", "chat")]
    assert ways(routing, severity="info") == [("everything", "am")]
    assert routing.labels(alert(labels={"service": "chat-eu"}))["owner"] == "assistants"


def test_timing_is_that_of_the_route_or_of_the_kind_of_receiver(tmp_path: Path) -> None:
    """Alertmanager gets everything at once and again every minute; people 30 s later, together."""
    routing = routing_of(tmp_path, GOOD, OWNERS)
    everything, critical, rest = routing.routes
    receivers = routing.receivers
    assert everything.timing(receivers["am"]) == Timing((), 0.0, 5.0, 60.0, keeps_alive=True)
    assert critical.timing(receivers["pager"]) == Timing(("service", "model"), 10.0, 300.0, 3600.0)
    assert rest.timing(receivers["chat"]) == Timing(("rule", "owner"), 30.0, 300.0, 14_400.0)
    assert (rest.send_resolved, critical.send_resolved) == (False, True)


@pytest.mark.parametrize(
    ("settings", "severities"),
    [
        ({}, {"console": ["info", "warning", "error", "critical"]}),
        ({"slack_webhook_url": "https://h/x"}, {"slack": ["warning", "error", "critical"], "console": ["info"]}),
        ({"pagerduty_routing_key": "k"}, {"pagerduty": ["critical"], "console": ["info", "warning", "error"]}),
        (
            {"slack_webhook_url": "https://h/x", "pagerduty_routing_key": "k", "notify_console": True},
            {
                "slack": ["warning", "error", "critical"],
                "pagerduty": ["critical"],
                "console": ["info", "warning", "error", "critical"],
            },
        ),
        ({"webhook_url": "https://h/x"}, {"webhook": ["info", "warning", "error", "critical"]}),
    ],
)
def test_without_a_file_the_settings_say_who_is_told(
    tmp_path: Path, settings: dict[str, Any], severities: dict[str, list[str]]
) -> None:
    """Slack from warnings on, PagerDuty for what is critical, the console for what nobody else is told."""
    routing = routing_of(tmp_path, None, **settings)
    found: dict[str, list[str]] = {}
    for severity in ("info", "warning", "error", "critical"):
        for _, receiver in ways(routing, severity=severity):
            found.setdefault(receiver, []).append(severity)
    assert found == severities


def test_what_no_route_of_the_file_matches_goes_the_default_way(tmp_path: Path) -> None:
    """Nothing is lost by a file that forgets something."""
    routes = "routes:\n  - {name: a, match: severity=critical, receiver: console}\n"
    assert ways(routing_of(tmp_path, routes), severity="info") == [("default-console", "console")]


def test_a_failed_receiver_is_told_to_all_others(tmp_path: Path) -> None:
    """Whatever the conditions of the routes say."""
    routing = routing_of(tmp_path, GOOD)
    told = ways(routing, rule="notification_failed", labels={"receiver": "chat"}, severity="info")
    assert [receiver for _, receiver in told] == ["am", "console", "pager"]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    """File, line, part, entry, field, and what to do; never a secret."""
    with pytest.raises(SettingError) as caught:
        routing_of(tmp_path, text.removeprefix("\n"))
    assert str(caught.value).replace(f"{tmp_path}/", "") == f"routes.yaml, {told}"


def test_an_owner_escalates_to_a_receiver_that_there_is(tmp_path: Path) -> None:
    """A mistyped one is an error at start."""
    with pytest.raises(SettingError, match=r"chat: escalation: consol is no receiver; did you mean console\?"):
        routing_of(tmp_path, None, "services:\n  - {service: chat, team: a, escalation: consol}")


def test_secrets_of_the_settings_are_not_shown() -> None:
    """URLs that may hold a token are secrets, too."""
    names = ("slack_webhook_url", "pagerduty_routing_key", "webhook_url", "webhook_secret", "alertmanager_url")
    settings = load_settings(**dict.fromkeys((*names, "heartbeat_url"), "https://hunter2/"))
    assert "hunter2" not in repr(settings) + settings.model_dump_json()


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither those of a file nor those written inline."""
    routing = routing_of(tmp_path, GOOD)
    assert "hooks.slack" not in repr(routing)
    assert "'k'" not in repr(routing)
