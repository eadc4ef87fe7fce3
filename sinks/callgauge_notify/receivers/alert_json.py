"""An alert as Alertmanager's JSON has it: labels, annotations, RFC 3339 times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from callgauge.schema import Alert
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.words import limit_of

__all__ = ["annotations_of", "labels_in", "rfc3339", "webhook_json"]

#: The most alerts of one webhook; the message says how many were left out.
_MOST = 1_000


def rfc3339(epoch_s: float) -> str:
    """ "2023-11-14T22:13:20.000Z"."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def labels_in(alert: Alert) -> dict[str, str]:
    """`alertname` first, then severity and the alert's own."""
    return {"alertname": alert.rule, "severity": alert.severity, **alert.labels}


def annotations_of(item: Item) -> dict[str, str]:
    """What people read; without what is empty."""
    alert = item.alert
    found = {
        "summary": alert.summary,
        "reason": alert.reason,
        "processes": item.processes,
        "runbook_url": alert.runbook,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "threshold": limit_of(alert),
        "event_id": alert.event_id,
    }
    return {name: value for name, value in found.items() if value}


def webhook_json(notice: Notice) -> dict[str, Any]:
    """The body of a webhook: Alertmanager's version 4, and what we know more of each alert below `callgauge`."""
    shown = notice.items[:_MOST]
    return {
        "version": "4",
        "groupKey": notice.key,
        "truncatedAlerts": len(notice.items) - len(shown),
        "status": notice.status,
        "receiver": notice.receiver,
        "groupLabels": dict(notice.group),
        "commonLabels": _common([labels_in(item.alert) for item in notice.items]),
        "commonAnnotations": _common([annotations_of(item) for item in notice.items]),
        "externalURL": "",
        "alerts": [
            {
                "status": "resolved" if item.alert.state == "resolved" else "firing",
                "labels": labels_in(item.alert),
                "annotations": annotations_of(item),
                "startsAt": rfc3339(item.alert.starts_at),
                "endsAt": "0001-01-01T00:00:00Z" if item.alert.ends_at is None else rfc3339(item.alert.ends_at),
                "generatorURL": "",
                "fingerprint": item.alert.fingerprint,
                "callgauge": {
                    "alert_id": item.alert.alert_id,
                    "seq": item.alert.seq,
                    "news": list(item.news),
                    "hides": [hidden.fingerprint for hidden in item.hides],
                },
            }
            for item in shown
        ],
    }


def _common(all_labels: list[dict[str, str]]) -> dict[str, str]:
    first = all_labels[0]
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in all_labels)}
