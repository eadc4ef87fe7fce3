"""An alert storm, from the topic to the receivers: 5,000 alerts in a minute, nothing lost, the pace is kept."""

from __future__ import annotations

import queue

import pytest

from callgauge_notify.delivery.courier import Courier
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.grouping.episode import told_by
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.slack_blocks import fallback_of
from callgauge_notify.routing.receiver_kinds import KINDS
from callgauge_notify.routing.routes import Route, Routing
from tests.examples import examples
from tests.unit.sinks.notify.alerts import T0, alert
from tests.unit.sinks.notify.test_courier import Scripted

#: Of a group each: in full with --long.
APART = examples(1_000, long=5_000)


@pytest.mark.long
@pytest.mark.parametrize(
    ("group_by", "alerts", "lasts_s", "most_messages", "first"),
    [
        (["rule"], 5_000, 400.0, 2, "[FIRING 2501] slow"),  # the second message waits for the group's interval
        (["service"], APART, 200.0, 120, "[FIRING] slow (service=s0)"),
    ],
)
def test_thousands_of_alerts_in_a_minute(
    group_by: list[str], alerts: int, lasts_s: float, most_messages: int, first: str
) -> None:
    """Grouped by the rule: two messages. Each alert in a group of its own: one message a second, each with all groups
    that wait, which its headline counts. Every alert is told once, and nothing is held at the end."""
    spec = KINDS["slack"].model_validate({"name": "s", "type": "slack", "url": "https://h/x"})
    routing = Routing({"s": spec}, (Route.model_validate({"name": "s", "receiver": "s", "group_by": group_by}),))
    groups, outcomes = Groups(routing), queue.SimpleQueue[Outcome]()
    now = T0

    def pause(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return False

    receiver = Scripted(pace_s=1.0)
    courier = Courier("s", receiver, 3_600.0, lambda outcome: None, outcomes, lambda: now, pause=pause)
    taken = 0
    waiting: list[Notice] = []
    while now < T0 + lasts_s:
        while taken < alerts and taken * 60 / alerts <= now - T0:
            groups.take(alert(labels={"service": f"s{taken}"}), 0, taken, T0 + taken * 60 / alerts)
            taken += 1
        waiting += groups.due(now)
        if waiting:
            courier.step(waiting)
            waiting = []
        while not outcomes.empty():
            outcome = outcomes.get_nowait()
            groups.heard(outcome.notice, told_by(outcome.notice, now, outcome.memory), now)
        now += 1.0
    told = [item.alert.alert_id for given in receiver.given for item in given.items if item.news]
    assert (len(told), len(set(told)), groups.held_from()) == (alerts, alerts, {})
    assert len(receiver.given) <= most_messages
    assert fallback_of(receiver.given[0]) == first
    assert sum(given.groups for given in receiver.given) == (2 if group_by == ["rule"] else alerts)
