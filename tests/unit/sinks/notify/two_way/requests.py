"""Requests as Slack and PagerDuty sign and send them, and alerts that are known."""

from __future__ import annotations

import hmac
import json
import threading
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from callgauge.errors import BrokerError
from callgauge.schema import Alert, AlertAction
from callgauge_rules.alert_book import AlertBook
from tests.unit.sinks.notify.alerts import T0

__all__ = ["NOW", "KnownAlerts", "Written", "pagerduty_body", "pagerduty_headers", "slack_body", "slack_headers"]

NOW = T0 + 120
SLACK_KEY, PAGERDUTY_KEY = "slack-secret", "pd-secret"


def slack_body(button: str, value: str, user: str = "ann", **more: Any) -> bytes:
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": user, "name": user},
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "actions": [{"type": "button", "action_id": button, "value": value, "action_ts": "1700000100.12"}],
    }
    return urlencode({"payload": json.dumps(payload | more)}).encode()


def slack_headers(body: bytes, key: str = SLACK_KEY, at: float = NOW) -> dict[str, str]:
    stamp = str(int(at))
    signature = hmac.new(key.encode(), f"v0:{stamp}:".encode() + body, sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}


def pagerduty_body(
    event_type: str, key: str, at: str = "2023-11-14T22:15:20Z", agent: Any = "ann", id: str = "E1"
) -> bytes:
    by = {"id": "PU1", "type": "user_reference", "summary": agent} if isinstance(agent, str) else agent
    event = {
        "id": id,
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": at,
        "agent": by,
        "data": {"id": "PI1", "type": "incident", "status": "acknowledged", "incident_key": key},
    }
    return json.dumps({"event": event}).encode()


def pagerduty_headers(body: bytes, key: str = PAGERDUTY_KEY) -> dict[str, str]:
    signature = hmac.new(key.encode(), body, sha256).hexdigest()
    return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={signature}"}


class KnownAlerts:
    """The alerts topic, as far as it was read."""

    def __init__(self, *records: Alert | AlertAction, partition: int = 2) -> None:
        self.lock = threading.Lock()
        self.book = AlertBook()
        for record in records:
            self.book.take(record, partition)

    def read_to_end(self) -> AlertBook:
        return self.book

    def follow(self, within_s: float) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


class Written:
    """What was written; fails when told so."""

    def __init__(self) -> None:
        self.actions: list[tuple[AlertAction, int | None]] = []
        self.fails = False

    def publish(self, action: AlertAction, partition: int | None = None) -> None:
        if self.fails:
            raise BrokerError("no answer")
        self.actions.append((action, partition))
