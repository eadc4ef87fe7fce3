"""PagerDuty Events v2, against a stub that refuses what PagerDuty's documentation does not allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from callgauge_notify.grouping.notice import Item
from callgauge_notify.receivers.pagerduty import PagerDutyReceiver, event_of
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.routing.receiver_kinds import PagerDutySpec
from tests.unit.sinks.notify.alerts import T0, acknowledged, alert, done, notice
from tests.unit.sinks.notify.http_stub import Answer, Stub, local_web, serving
from tests.unit.sinks.notify.wire_formats import PAGERDUTY, checked

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def pagerduty() -> Iterator[Stub]:
    with serving(Stub(checked(PAGERDUTY))) as stub:
        stub.otherwise = lambda request: Answer(202, b'{"status":"success"}')
        yield stub


def receiver_of(stub: Stub) -> PagerDutyReceiver:
    spec = PagerDutySpec(name="p", routing_key=SecretStr(KEY), url=SecretStr(stub.url))
    return PagerDutyReceiver(spec, local_web(), lambda: T0)


def test_an_event_says_it_all(pagerduty: Stub) -> None:
    """Trigger with what PagerDuty has fields for."""
    made = alert(severity="critical", runbook="https://wiki/slow", labels={"service": "chat", "model": "gpt-4o"})
    receiver_of(pagerduty).deliver(notice(made))
    (request,) = pagerduty.requests
    assert request.json == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": made.fingerprint,
        "payload": {
            "summary": "slow: p95 latency of service=chat over 5m is 3.5 s (120 calls; alert when above 2 s)",
            "source": "chat",
            "severity": "critical",
            "timestamp": "2023-11-14T22:14:20.000Z",
            "component": "gpt-4o",
            "group": "chat",
            "class": "slow",
            "custom_details": {
                "labels": {"service": "chat", "model": "gpt-4o"},
                "value": 3500.0,
                "threshold": "gt 2000",
                "events": 120,
            },
        },
        "client": "callgauge",
        "links": [{"href": "https://wiki/slow", "text": "runbook"}],
    }
    assert pagerduty.problems == []


@pytest.mark.parametrize("severity", ["info", "warning", "error", "critical"])
def test_every_severity_is_one_of_pagerdutys(pagerduty: Stub, severity: str) -> None:
    """The four have the same names."""
    receiver_of(pagerduty).deliver(notice(alert(severity=severity)))
    assert pagerduty.requests[0].json["payload"]["severity"] == severity


def test_resolved_has_the_same_dedup_key(pagerduty: Stub) -> None:
    """So the incident ends. One that was over before it was told is triggered and resolved."""
    receiver = receiver_of(pagerduty)
    receiver.deliver(notice(alert("resolved")))
    receiver.deliver(notice(dataclasses.replace(notice(alert("resolved")).items[0], news=("firing", "resolved"))))
    sent = [(request.json["event_action"], request.json["dedup_key"]) for request in pagerduty.requests]
    assert sent == [(action, alert().fingerprint) for action in ("resolve", "trigger", "resolve")]


def test_acknowledging_is_sent(pagerduty: Stub) -> None:
    """Alone, or with the trigger if the incident is not there yet."""
    receiver = receiver_of(pagerduty)
    receiver.deliver(notice(acknowledged(alert())))
    receiver.deliver(notice(acknowledged(alert(), ("firing", "acknowledged"))))
    sent = [(request.json["event_action"], request.json["dedup_key"]) for request in pagerduty.requests]
    assert sent == [(action, alert().fingerprint) for action in ("acknowledge", "trigger", "acknowledge")]
    assert pagerduty.problems == []


def test_what_pagerduty_has_told_us_is_not_sent_back(pagerduty: Stub) -> None:
    """Another receiver of the same kind is told, since its incident is another one."""
    receiver = receiver_of(pagerduty)
    by_hand = Item(alert("resolved"), ("resolved",), resolved=done("resolve", alert(), receiver="r"))
    receiver.deliver(notice(acknowledged(alert(), receiver="r"), by_hand))
    assert pagerduty.requests == []
    receiver.deliver(notice(acknowledged(alert(), receiver="r"), by_hand, receiver="other"))
    assert [request.json["event_action"] for request in pagerduty.requests] == ["acknowledge", "resolve"]


def test_limits_are_kept_by_cutting(pagerduty: Stub) -> None:
    """A summary of 9,000 characters with line breaks, huge labels, a thousand hidden alerts: 202."""
    hides = tuple(alert(rule=f"r{number}", labels={"service": "x" * 300}) for number in range(1_000))
    huge = alert(
        summary="long\n" * 1_800, labels={"service": "s" * 5_000, "model": "m" * 5_000}, event_id="e" * 9_000,
        reason="r" * 9_000,
    )  # fmt: skip
    receiver_of(pagerduty).deliver(notice(Item(huge, ("firing",), hides)))
    assert pagerduty.problems == []
    payload = pagerduty.requests[0].json["payload"]
    assert len(payload["summary"]) == 1_024
    assert payload["summary"].endswith("…")


def test_an_alert_without_labels_has_a_source() -> None:
    """PagerDuty requires one."""
    assert event_of(Item(alert(labels={}), ("firing",)), "trigger", KEY)["payload"]["source"] == "callgauge"


def test_which_answers_come_back(pagerduty: Stub) -> None:
    """429 after what it says, 400 never."""
    pagerduty.answers = [Answer(429, b"", {"Retry-After": "17"}), Answer(400, b'{"errors":["bad"]}')]
    receiver = receiver_of(pagerduty)
    with pytest.raises(NotDelivered) as caught:
        receiver.deliver(notice(alert()))
    assert caught.value.retry_after_s == 17.0
    with pytest.raises(Refused, match=r"^127\.0\.0\.1 answered HTTP 400$") as refused:
        receiver.deliver(notice(alert()))
    assert KEY not in str(refused.value)
