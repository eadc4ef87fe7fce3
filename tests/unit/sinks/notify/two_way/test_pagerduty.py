"""PagerDuty's webhook: only what PagerDuty has signed, only what a person did."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from callgauge_notify.two_way.pagerduty import Did, did_in, is_from_pagerduty
from tests.unit.sinks.notify.alerts import T0
from tests.unit.sinks.notify.two_way.requests import pagerduty_body, pagerduty_headers

BODY = pagerduty_body("incident.acknowledged", "f00d")


def genuine(header: str, secrets: str = "pd-secret", body: bytes = BODY) -> bool:
    return is_from_pagerduty(SecretStr(secrets), header, body)


def test_one_of_several_signatures_is_enough() -> None:
    """PagerDuty sends several while a secret is changed, and we may know several."""
    header = pagerduty_headers(BODY)["X-PagerDuty-Signature"]
    assert header.count(",") == 1
    assert genuine(header)
    assert genuine(header.replace(",", " , "))
    assert genuine(header, "old pd-secret")


@pytest.mark.parametrize(
    "header", ["", "v1=", "v1=" + "0" * 64, "v1=ä", pagerduty_headers(BODY, "x")["X-PagerDuty-Signature"]]
)
def test_a_wrong_signature(header: str) -> None:
    """Or none; and a right one of another body, or with no secret at all."""
    assert not genuine(header)
    right = pagerduty_headers(BODY)["X-PagerDuty-Signature"]
    assert not genuine(right, body=BODY + b" ")
    assert not genuine(right, "")


@pytest.mark.parametrize(
    ("event", "action"), [("incident.acknowledged", "acknowledge"), ("incident.resolved", "resolve")]
)
def test_what_a_person_did(event: str, action: Any) -> None:
    """With the key of our events, and when it was done."""
    assert did_in(pagerduty_body(event, "f00d")) == Did(action, "f00d", "ann", T0 + 120, "pagerduty-E1")


@pytest.mark.parametrize(
    "body",
    [
        pagerduty_body("incident.triggered", "f00d"),
        pagerduty_body("incident.acknowledged", "f00d", agent={"type": "inbound_integration_reference", "id": "I"}),
        pagerduty_body("incident.resolved", "f00d", agent={"type": "service_reference", "id": "I"}),
        pagerduty_body("incident.acknowledged", "", agent="ann"),
        b'{"event": {"id": "1", "event_type": "pagey.ping", "agent": null, "data": {"message": "Hello"}}}',
        b'{"event": {"event_type": "incident.resolved", "agent": 5, "data": []}}',
    ],
)
def test_what_is_nothing_for_us(body: bytes) -> None:
    """Other events, what our own events caused, a ping."""
    assert did_in(body) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", pagerduty_body("incident.resolved", "f", at="soon")])
def test_what_is_no_event_is_an_error(body: bytes) -> None:
    """A ValueError, whatever it is."""
    with pytest.raises(ValueError):  # noqa: PT011 (of several kinds)
        did_in(body)
