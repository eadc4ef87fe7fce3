"""Alerts for the tests of notifiers."""

from __future__ import annotations

from typing import Any

from callgauge.schema import Alert, AlertAction
from callgauge_notify.grouping.notice import Item, News, Notice
from callgauge_rules.alert_ids import alert_id_of, fingerprint_of

__all__ = ["T0", "acknowledged", "alert", "done", "notice"]

#: 2023-11-14 22:13:20 UTC, a Tuesday.
T0 = 1_700_000_000.0


def alert(
    state: Any = "firing", *, rule: str = "slow", start: float = T0, seq: int | None = None, **changes: Any
) -> Alert:
    """An alert of the service chat; `seq` is 1 when it fires and 2 when it is resolved, unless given."""
    labels = changes.pop("labels", {"service": "chat"})
    fingerprint = fingerprint_of(rule, labels)
    values: dict[str, Any] = {
        "alert_id": alert_id_of(fingerprint, round(start * 1000)),
        "fingerprint": fingerprint,
        "seq": {"pending": 0, "firing": 1, "resolved": 2}[state] if seq is None else seq,
        "state": state,
        "rule": rule,
        "severity": "warning",
        "labels": labels,
        "starts_at": start,
        "at": start + 60,
        "fired_at": start + 60,
        "ends_at": start + 300 if state == "resolved" else None,
        "aggregate": "latency_p95",
        "lookback_s": 300.0,
        "op": "gt",
        "threshold": 2_000.0,
        "value": 3_500.0,
        "n": 120,
        "summary": "p95 latency of service=chat over 5m is 3.5 s (120 calls; alert when above 2 s)",
    }
    return Alert(**values | changes)


def notice(*items: Alert | Item, **changes: Any) -> Notice:
    """A notice of these alerts, all of them news."""
    made = tuple(each if isinstance(each, Item) else Item(each, (_state(each),), partition=0) for each in items)
    values: dict[str, Any] = {"route": "all", "receiver": "r", "group": (("rule", "slow"),), "at": T0 + 90}
    return Notice(items=made, **values | changes)


def done(action: Any, of: Alert, **more: Any) -> AlertAction:
    """What ann did with an alert half a minute after it fired."""
    values = {"action_id": f"{action}1", "action": action, "at": of.at + 30, "who": "ann", "how": "cli"}
    return AlertAction(**values | {"fingerprint": of.fingerprint, "alert_id": of.alert_id} | more)


def acknowledged(of: Alert, news: tuple[News, ...] = ("acknowledged",), **more: Any) -> Item:
    """An alert that ann has acknowledged."""
    return Item(of, news, partition=0, acknowledged=done("acknowledge", of, **more))


def _state(of: Alert) -> News:
    return "resolved" if of.state == "resolved" else "firing"
