"""PagerDuty Events API v2: each alert is an incident, triggered, acknowledged and resolved by its fingerprint
(`dedup_key`). What somebody did in PagerDuty itself is not sent back to it.

PagerDuty shows a trigger that comes twice once. Texts are cut to what it takes: summary 1,024 characters, an event
512 KB. A resolved alert that was never triggered is triggered and resolved.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from callgauge_notify.grouping.notice import Item, News, Notice
from callgauge_notify.receivers.alert_json import rfc3339
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory
from callgauge_notify.receivers.web import Web, check_answer
from callgauge_notify.receivers.words import cut, limit_of, one_line
from callgauge_notify.routing.receiver_kinds import PagerDutySpec

__all__ = ["PagerDutyReceiver", "event_of"]

_SUMMARY, _FIELD, _HIDDEN = 1_024, 255, 50
_ACTIONS: dict[News, str] = {"firing": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}


def event_of(item: Item, action: str, routing_key: str) -> dict[str, Any]:
    """The body of an event. `action`: trigger, acknowledge or resolve."""
    alert = item.alert
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": alert.fingerprint[:_FIELD],
    }
    if action != "trigger":
        return event
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    details: dict[str, Any] = {
        "labels": {name: cut(value, 256) for name, value in alert.labels.items()},
        "value": alert.value,
        "threshold": limit_of(alert),
        "events": alert.n,
        "reason": cut(alert.reason, 1_000),
        "processes": item.processes,
        "largest_call": cut(alert.event_id, 256),
        "hides": [cut(one_line(f"{each.rule} {each.labels}"), 300) for each in item.hides[:_HIDDEN]],
    }
    event["payload"] = {
        "summary": cut(one_line(f"{alert.rule}: {alert.summary}"), _SUMMARY),
        "source": cut(one_line(alert.labels.get("service") or labels or "callgauge"), _FIELD),
        "severity": alert.severity,
        "timestamp": rfc3339(alert.fired_at or alert.starts_at),
        "component": cut(one_line(alert.labels.get("model", "")), _FIELD),
        "group": cut(one_line(alert.labels.get("service", "")), _FIELD),
        "class": cut(one_line(alert.rule), _FIELD),
        "custom_details": {name: value for name, value in details.items() if value not in ("", [], None)},
    }
    event["payload"] = {name: value for name, value in event["payload"].items() if value != ""}
    event["client"] = "callgauge"
    if alert.runbook.startswith(("http://", "https://")):
        event["links"] = [{"href": alert.runbook, "text": "runbook"}]
    return event


def _came_from(receiver: str, item: Item, news: News) -> bool:
    """Whether PagerDuty has told us this. Its incident is in this state already, or a newer one has taken its place."""
    by = {"acknowledged": item.acknowledged, "resolved": item.resolved}.get(news)
    return by is not None and by.receiver == receiver


class PagerDutyReceiver:
    """See above.

    Args:
        clock: epoch seconds.
    """

    one_by_one = True
    digests = False
    pace_s = 0.0

    def __init__(self, spec: PagerDutySpec, web: Web, clock: Callable[[], float] = time.time) -> None:
        self._url = spec.url.get_secret_value()
        self._routing_key = spec.routing_key.get_secret_value()
        self._web = web
        self._clock = clock

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        for item in notice.items:
            for news in item.news:
                if _came_from(notice.receiver, item, news):
                    continue
                event = event_of(item, _ACTIONS[news], self._routing_key)
                answer = self._web.post(self._url, json.dumps(event).encode(), {})
                check_answer(self._url, answer.status_code, answer.headers, self._clock())
        return NOTHING_KEPT
