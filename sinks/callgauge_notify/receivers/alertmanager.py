"""POSTs alerts to Alertmanager's API v2, which groups, silences, inhibits and routes them by itself.

Alertmanager takes an alert that is not sent again before its `endsAt` for resolved. So the route of this receiver
repeats what fires every minute (`resend`), and each time `endsAt` is at least five minutes ahead: a restart of the
notifier, or of Alertmanager, does not resolve an alert. A resolved one is sent once with its real end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.alert_json import annotations_of, labels_in, rfc3339
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory
from callgauge_notify.receivers.web import Web, check_answer
from callgauge_notify.routing.receiver_kinds import AlertmanagerSpec

__all__ = ["AlertmanagerReceiver", "alert_for_alertmanager"]

_AT_ONCE = 500


def alert_for_alertmanager(item: Item, now: float, resend_s: float) -> dict[str, Any]:
    """An alert of the API's array. Its end is never before its start, which Alertmanager would refuse."""
    alert = item.alert
    ends_at = now + max(4 * resend_s, 300.0)
    if alert.state == "resolved":
        ends_at = min(alert.ends_at or now, now)
    found: dict[str, Any] = {
        "labels": labels_in(alert),
        "annotations": annotations_of(item),
        "startsAt": rfc3339(min(alert.starts_at, now)),
        "endsAt": rfc3339(max(ends_at, min(alert.starts_at, now) + 0.001)),
    }
    if alert.runbook.startswith(("http://", "https://")):
        found["generatorURL"] = alert.runbook
    return found


class AlertmanagerReceiver:
    """See above.

    Args:
        clock: epoch seconds.
    """

    one_by_one = False
    digests = True
    pace_s = 0.0

    def __init__(self, spec: AlertmanagerSpec, web: Web, clock: Callable[[], float] = time.time) -> None:
        self._url = spec.url.get_secret_value().rstrip("/") + "/api/v2/alerts"
        token = spec.token.get_secret_value()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._resend_s = spec.resend
        self._web = web
        self._clock = clock

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        for part in _parts(notice.items):
            now = self._clock()
            body = json.dumps([alert_for_alertmanager(item, now, self._resend_s) for item in part])
            answer = self._web.post(self._url, body.encode(), self._headers)
            check_answer(self._url, answer.status_code, answer.headers, now, answer.text if answer.is_error else "")
        return NOTHING_KEPT


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), _AT_ONCE):
        yield items[begin : begin + _AT_ONCE]
