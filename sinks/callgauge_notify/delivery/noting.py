"""Writes down what became of a notice, as soon as that is known, on the thread of its courier.

A courier delivers nothing more before what it delivered is written. So after a crash each receiver is told at most one
message again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from callgauge.schema import Alert, AlertAction
from callgauge_notify.delivery.failures import alert_of_failure, dead_letter_of, end_of_failure
from callgauge_notify.delivery.outbox import Bus
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.delivery.told_records import Known
from callgauge_notify.grouping.episode import Told, told_by

__all__ = ["Noting"]


class Noting:
    """See above. All methods may be called from any thread."""

    def __init__(self, bus: Bus, now: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._now = now
        self._lock = threading.Lock()
        self._failing: dict[str, Alert] = {}

    def know_failing(self, alerts: Iterable[Alert]) -> None:
        """These alerts tell of receivers that fail already."""
        with self._lock:
            self._failing |= {alert.labels.get("receiver", ""): alert for alert in alerts}

    def note(self, outcome: Outcome) -> None:
        """Write what was told, a dead letter for each alert that was given up, and an alert if the receiver fails.

        Raises:
            BrokerError: it was not acknowledged.
        """
        notice, now = outcome.notice, self._now()
        # Also of partitions that were lost meanwhile: it was told, and whoever has them now should know.
        outcome.told = told_by(
            notice, now, outcome.memory, given_up={item.alert.alert_id for item, _ in outcome.failed}
        )
        letters = [dead_letter_of(item, notice.receiver, reason, now) for item, reason in outcome.failed]
        self._bus.write(outcome.told, letters, self._alerts_about(outcome, now))

    def write(self, told: Iterable[Told]) -> None:
        """Write what was settled without a notice."""
        self._bus.write(told)

    def keep(self, actions: Iterable[tuple[AlertAction, int]]) -> None:
        """Write what people did, with the partition in which it was read."""
        self._bus.keep(actions)

    def forget(self, told: Iterable[Told], actions: Iterable[AlertAction], partitions: Iterable[int]) -> None:
        """Remove the records of what ended long ago, and of what people did long ago in these partitions."""
        self._bus.forget(told, actions, partitions)

    def known_before(self, partition: int) -> Known:
        """What was told of a partition's alerts, by whichever process, and what people did."""
        return self._bus.known_before(partition)

    def _alerts_about(self, outcome: Outcome, now: float) -> list[Alert]:
        """An alert when a receiver begins to fail, and its end when the receiver takes notices again."""
        name = outcome.notice.receiver
        with self._lock:
            if outcome.problem and name not in self._failing:
                self._failing[name] = alert_of_failure(name, outcome.problem, len(outcome.failed), now)
                return [self._failing[name]]
            if outcome.taken and not outcome.problem and name in self._failing:
                return [end_of_failure(self._failing.pop(name), now)]
        return []
