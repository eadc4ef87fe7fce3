"""Writes down beside an alert that calls are missing whether the processes of its service live.

Detect decides from windows alone, so that a replay gives the same alerts; heartbeats are no input of it. So what they
say is a record of its own on the alerts topic, as what people do with alerts is, and all who show the alert show it.
It is written when the alert fires, and again while it fires whenever that has changed: a process that died with the
traffic is silent only after three of its intervals. Written twice, by two notifiers, it says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container

from callgauge.errors import BrokerError
from callgauge.schema import Alert, AlertAction
from callgauge_notify.processes import Found, Processes, misses_calls

__all__ = ["ProcessFacts", "fact_of"]

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 5.0
#: A process that is heard of just at the end of its time does not change what is known each time.
_CHANGE_AFTER_S = 60.0
#: Written at once: each waits for the broker, and notices must not wait long.
_MOST_AT_ONCE = 10


def fact_of(alert: Alert, found: Found, now: float) -> AlertAction:
    """The record that says it."""
    return AlertAction(
        action_id=f"processes-{alert.alert_id}-{round(now * 1000)}",
        action="processes",
        at=round(now, 3),
        who="callgauge notify",
        how="heartbeats",
        why=found.line,
        fingerprint=alert.fingerprint,
        alert_id=alert.alert_id,
        processes=found.state,
    )


class ProcessFacts:
    """See above.

    Args:
        publish: writes a record to a partition of the alerts topic, or raises BrokerError.
        now: epoch seconds.
    """

    def __init__(
        self, processes: Processes, publish: Callable[[AlertAction, int], None], now: Callable[[], float]
    ) -> None:
        self._processes, self._publish, self._now = processes, publish, now
        self._missing: dict[str, tuple[Alert, int]] = {}
        """alert_id -> the alert that fires about missing calls, and its partition."""
        self._known: dict[str, AlertAction] = {}
        self._look_at = 0.0

    def take(self, alert: Alert, partition: int) -> None:
        """A transition was read, or is known from before."""
        if misses_calls(alert):
            if alert.alert_id not in self._missing:
                self._look_at = 0.0
            self._missing[alert.alert_id] = alert, partition
        elif alert.state == "resolved":
            self._missing.pop(alert.alert_id, None)
            self._known.pop(alert.alert_id, None)

    def know(self, action: AlertAction) -> None:
        """An action was read, or is known from before."""
        if action.action != "processes" or action.alert_id not in self._missing:
            return
        known = self._known.get(action.alert_id)
        if known is None or known.at <= action.at:
            self._known[action.alert_id] = action

    def drop(self, partitions: Container[int]) -> None:
        """Another worker has these partitions now."""
        self._missing = {key: each for key, each in self._missing.items() if each[1] not in partitions}
        self._known = {key: each for key, each in self._known.items() if key in self._missing}

    def write(self) -> None:
        """Write what is new, every few seconds; some of it, if it is much, and the rest at the next call."""
        now = self._now()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_EVERY_S
        new = [
            (alert, partition, found) for alert, partition in self._missing.values() if (found := self._new(alert, now))
        ]
        if len(new) > _MOST_AT_ONCE:
            self._look_at = now
        for alert, partition, found in new[:_MOST_AT_ONCE]:
            fact = fact_of(alert, found, now)
            try:
                self._publish(fact, partition)
            except BrokerError as error:
                self._look_at = now + _LOOK_EVERY_S
                log.warning("%s: not written that %s (%s); it is tried again", alert.rule, found.line, error)
                return
            self._known[alert.alert_id] = fact

    def _new(self, alert: Alert, now: float) -> Found | None:
        """What is to be written of an alert, if anything is."""
        found, known = self._processes.found_of(alert, now), self._known.get(alert.alert_id)
        if known is None or found is None:
            return found
        return None if known.processes == found.state or now < known.at + _CHANGE_AFTER_S else found
