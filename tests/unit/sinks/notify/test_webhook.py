"""The webhook: Alertmanager's JSON, signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from callgauge.errors import SettingError
from callgauge_notify.receivers.alert_json import webhook_json
from callgauge_notify.receivers.webhook import WebhookReceiver
from callgauge_notify.routing.receiver_kinds import WebhookSpec
from tests.unit.sinks.notify.alerts import T0, alert, notice
from tests.unit.sinks.notify.http_stub import Stub, local_web, serving
from tests.unit.sinks.notify.wire_formats import ALERTMANAGER_WEBHOOK, checked

KEYS = [b"0123456789abcdef01234567", b"another-key-of-24-bytes!"]
SECRETS = [f"whsec_{base64.b64encode(key).decode()}" for key in KEYS]


@pytest.fixture
def hook() -> Iterator[Stub]:
    with serving(Stub(checked(ALERTMANAGER_WEBHOOK, 10_000_000))) as stub:
        yield stub


def receiver_of(stub: Stub, secret: str = "", now: float = T0) -> WebhookReceiver:
    spec = WebhookSpec(name="w", url=SecretStr(stub.url), secret=SecretStr(secret))
    return WebhookReceiver(spec, local_web(), lambda: now)


def test_the_signature_is_what_the_specification_says(hook: Stub) -> None:
    """HMAC-SHA256 of "id.timestamp.body", computed here by itself, one for each secret."""
    receiver_of(hook, " ".join(SECRETS), now=T0 + 99.9).deliver(notice(alert()))
    (request,) = hook.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["webhook-timestamp"] == "1700000099"
    signed = f"{headers['webhook-id']}.1700000099.".encode() + request.body
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in KEYS]
    assert headers["webhook-signature"] == " ".join(f"v1,{each}" for each in expected)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_library_of_standard_webhooks_takes_it(hook: Stub, secret: str) -> None:
    """With either secret, now."""
    receiver_of(hook, " ".join(SECRETS), now=time.time()).deliver(notice(alert()))
    (request,) = hook.requests
    assert Webhook(secret).verify(request.body, dict(request.headers))["status"] == "firing"


def test_the_id_is_the_same_on_every_retry(hook: Stub) -> None:
    """And another for other news."""
    receiver = receiver_of(hook)
    for each in (notice(alert()), notice(alert()), notice(alert("resolved"))):
        receiver.deliver(each)
    first, second, third = (request.headers["webhook-id"] for request in hook.requests)
    assert first == second != third


def test_without_a_secret_nothing_is_signed(hook: Stub) -> None:
    """No header rather than one that anybody can make."""
    receiver_of(hook).deliver(notice(alert()))
    assert "webhook-signature" not in hook.requests[0].headers


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_###"])
def test_a_secret_of_another_form_is_an_error_that_does_not_show_it(hook: Stub, secret: str) -> None:
    """With how to make one."""
    with pytest.raises(SettingError, match="receiver w: the secret must be `whsec_`") as caught:
        receiver_of(hook, secret)
    assert "hunter2" not in str(caught.value)


def test_the_body_is_alertmanagers(hook: Stub) -> None:
    """Group, what is common, and each alert; 1,001 alerts are cut and counted."""
    two = notice(alert(), alert("resolved", labels={"service": "search"}))
    receiver_of(hook).deliver(two)
    body = hook.requests[0].json
    assert (body["status"], body["groupLabels"]) == ("firing", {"rule": "slow"})
    assert body["commonLabels"] == {"alertname": "slow", "severity": "warning"}
    assert body["alerts"][1] == {
        "status": "resolved",
        "labels": {"alertname": "slow", "severity": "warning", "service": "search"},
        "annotations": {
            "summary": "p95 latency of service=chat over 5m is 3.5 s (120 calls; alert when above 2 s)",
            "value": "3500",
            "threshold": "gt 2000",
        },
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "2023-11-14T22:18:20.000Z",
        "generatorURL": "",
        "fingerprint": two.items[1].alert.fingerprint,
        "callgauge": {"alert_id": two.items[1].alert.alert_id, "seq": 2, "news": ["resolved"], "hides": []},
    }
    many = notice(*(alert(labels={"service": str(number)}) for number in range(1_001)))
    assert (webhook_json(many)["truncatedAlerts"], len(webhook_json(many)["alerts"])) == (1, 1_000)
    assert hook.problems == []
