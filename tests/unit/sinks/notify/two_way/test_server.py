"""The server: 401 without a right signature, 2xx only when it is written, and what it answers to odd requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_notify.routing.load import load_routing
from callgauge_notify.two_way.desk import Desk
from callgauge_notify.two_way.server import Secrets, TwoWayServer, make_app, secrets_of
from tests.unit.sinks.notify.alerts import alert
from tests.unit.sinks.notify.http_stub import Stub, local_web
from tests.unit.sinks.notify.two_way.requests import (
    NOW,
    KnownAlerts,
    Written,
    pagerduty_body,
    pagerduty_headers,
    slack_body,
    slack_headers,
)

CHAT = alert()
SECRETS = Secrets({"other": SecretStr("x"), "chat": SecretStr("slack-secret")}, {"pager": SecretStr("pd-secret")})


class Place:
    """An app, and what it has written."""

    def __init__(self) -> None:
        self.written = Written()
        desk = Desk(KnownAlerts(CHAT), self.written, lambda: NOW)  # type: ignore[arg-type]
        desk.ready.set()
        self.client = TestClient(make_app(SECRETS, desk, local_web(), lambda: NOW), raise_server_exceptions=False)

    def slack(self, body: bytes, headers: dict[str, str] | None = None) -> Any:
        return self.client.post("/slack", content=body, headers=slack_headers(body) if headers is None else headers)

    def pagerduty(self, body: bytes, headers: dict[str, str] | None = None) -> Any:
        given = pagerduty_headers(body) if headers is None else headers
        return self.client.post("/pagerduty", content=body, headers=given)

    @property
    def done(self) -> list[tuple[str, str, str]]:
        return [(action.action, action.who, action.receiver) for action, _ in self.written.actions]


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    with made.client:
        yield made


def test_a_click_in_slack(place: Place) -> None:
    """The receiver is that whose secret has signed it; the answer is empty."""
    answer = place.slack(slack_body("acknowledge", CHAT.alert_id))
    assert (answer.status_code, answer.content) == (200, b"")
    assert place.done == [("acknowledge", "ann", "chat")]


def test_who_clicked_is_told_what_became_of_it(place: Place, stub: Stub) -> None:
    """Only this person sees it, and nothing of the message is replaced."""
    place.slack(slack_body("resolve", "gone", response_url=stub.url))
    (request,) = stub.requests
    assert request.json == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "this episode of the alert is over",
    }
    assert place.slack(slack_body("resolve", "gone", response_url="ftp://nowhere")).status_code == 200


def test_something_done_in_pagerduty(place: Place) -> None:
    """It is told what became of it; the same again is no second action."""
    body = pagerduty_body("incident.acknowledged", CHAT.fingerprint, agent="bob")
    first, again = place.pagerduty(body), place.pagerduty(body)
    assert (first.status_code, first.json()) == (200, {"told": "acknowledged by bob"})
    assert again.status_code == 200
    assert place.done == [("acknowledge", "bob", "pager")]
    assert place.pagerduty(pagerduty_body("incident.triggered", "x")).json() == {"told": "nothing to do"}


def test_without_a_right_signature_nothing_happens(place: Place) -> None:
    """401, also for the signature of the other provider."""
    slack, pagerduty = slack_body("resolve", CHAT.alert_id), pagerduty_body("incident.resolved", CHAT.fingerprint)
    answers = [
        place.slack(slack, {}),
        place.slack(slack, slack_headers(slack, at=NOW - 400)),
        place.slack(slack, slack_headers(slack, "guess")),
        place.pagerduty(pagerduty, {}),
        place.pagerduty(pagerduty, pagerduty_headers(pagerduty, "guess")),
        place.pagerduty(slack, slack_headers(slack)),
    ]
    assert [answer.status_code for answer in answers] == [401] * 6
    assert place.done == []
    assert not any(secret in str(answer.json()) for answer in answers for secret in ("slack-secret", "pd-secret"))


def test_what_the_broker_did_not_take_is_not_answered_as_taken(place: Place) -> None:
    """503, so that it comes again."""
    place.written.fails = True
    assert place.slack(slack_body("acknowledge", CHAT.alert_id)).status_code == 503
    assert place.pagerduty(pagerduty_body("incident.resolved", CHAT.fingerprint)).status_code == 503


def test_odd_requests(place: Place) -> None:
    """Signed but unreadable: 400. Too large: 413. Another path or method: 404, 405."""
    assert place.slack(b"payload=%7B").status_code == 400
    assert place.pagerduty(b"[" * 100_000).status_code == 400
    assert place.pagerduty(b"x" * (3 << 20)).status_code == 413
    assert place.client.get("/slack").status_code == 405
    assert place.client.post("/").status_code == 404


def test_secrets_come_from_receivers() -> None:
    """Those of the settings too; without any the port makes no sense."""
    settings = load_settings(
        slack_webhook_url="https://hooks.slack.com/x", slack_signing_secret="s",
        pagerduty_routing_key="k", pagerduty_webhook_secret="old new", two_way_port=1,
    )  # fmt: skip
    found = secrets_of(load_routing(settings))
    assert ({*found.slack}, {*found.pagerduty}) == ({"slack"}, {"pagerduty"})
    with pytest.raises(SettingError, match="no receiver has a secret"):
        secrets_of(load_routing(load_settings(two_way_port=1)))


def test_a_port_that_is_taken_is_said_so(stub: Stub) -> None:
    """With the setting that names it."""
    settings = load_settings(two_way_port=stub.port, pagerduty_routing_key="k", pagerduty_webhook_secret="s")
    desk = Desk(KnownAlerts(), Written())  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="CALLGAUGE_TWO_WAY_PORT"):
        TwoWayServer(settings, load_routing(settings), desk, local_web())
