"""The count of the notifier's chaos run: it sees what is lost, what came twice, and what PagerDuty shows wrong."""

from __future__ import annotations

from tests.chaos.notify import Verdict, verdict_of
from tests.notifying import Counted
from tests.unit.sinks.notify.alerts import alert

ALERTS = [alert(), alert("resolved")]


def told(*states: str) -> Counted:
    counted = Counted()
    keys = {"webhook": alert().alert_id, "file": alert().alert_id, "pagerduty": alert().fingerprint}
    for name, key in keys.items():
        for state in states:
            counted.count(name, [(key, state)])
    return counted


def test_everything_once() -> None:
    """Two states at three receivers."""
    assert verdict_of(ALERTS, told("firing", "resolved")) == Verdict(6, 6, 0, 0, 0, 0)
    assert str(verdict_of(ALERTS, told("firing", "resolved"))) == "expected 6, delivered 6, lost 0, twice 0"


def test_lost_and_twice_are_seen() -> None:
    """PagerDuty shows twice what came twice as one; an incident that does not end is wrong."""
    assert verdict_of(ALERTS, told("firing")) == Verdict(6, 3, 3, 0, 1, 0)
    assert verdict_of(ALERTS, told("firing", "firing", "resolved")) == Verdict(6, 6, 0, 2, 0, 1)
