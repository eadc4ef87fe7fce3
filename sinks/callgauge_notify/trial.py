"""Sends a sample through a real route, firing and then resolved, and says what went where."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from callgauge.errors import SettingError
from callgauge.near_names import unknown
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_notify.grouping.notice import Item, News, Notice
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.made import receiver_of
from callgauge_notify.receivers.receiver import Memory, NotDelivered, Receiver, Refused
from callgauge_notify.receivers.web import Web, allowed_by
from callgauge_notify.routing.routes import Routing

__all__ = ["Tried", "tried"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one message. `problem`: why it was not taken; "" if it was."""

    route: str
    receiver: str
    kind: str
    state: News
    took_s: float
    problem: str = ""

    def __str__(self) -> str:
        outcome = f"NOT taken: {self.problem}" if self.problem else f"taken in {self.took_s:.2f} s"
        return f"{self.route} -> {self.receiver} ({self.kind}), {self.state}: {outcome}"


def tried(settings: Settings, routing: Routing, names: list[str], alert: Alert) -> Iterator[Tried]:
    """Send the alert by the named routes, whether they match it or not; each message is one attempt.

    Raises:
        SettingError: there is no such route, or its receiver cannot be made.
    """
    routes = {route.name: route for route in (*routing.routes, *routing.default_routes)}
    for name in names:
        if name not in routes:
            raise SettingError(unknown(name, "route", routes, plain=True))
    web, charts = Web(allowed_by(settings)), Charts()
    for name in names or routes:
        to = routing.receiver_of(routes[name], alert)
        spec = routing.receivers[to]
        receiver = receiver_of(spec, routing, web, charts)
        memory: Memory = {}
        over = alert.model_copy(update={"state": "resolved", "seq": 2, "ends_at": time.time()})
        for state, each in (("firing", alert), ("resolved", over))[: 2 if routes[name].send_resolved else 1]:
            told: News = "firing" if state == "firing" else "resolved"
            item = Item(each, (told,), memory=memory.get(alert.alert_id, {}))
            notice = Notice(name, to, (), (item,), time.time())
            begun = time.monotonic()
            memory, problem = _attempt(receiver, notice, memory)
            yield Tried(name, to, spec.type, told, time.monotonic() - begun, problem)


def _attempt(receiver: Receiver, notice: Notice, memory: Memory) -> tuple[Memory, str]:
    try:
        return receiver.deliver(notice) or memory, ""
    except (NotDelivered, Refused) as error:
        return memory, str(error)
