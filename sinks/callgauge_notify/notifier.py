"""The loop of a notifier: read an alert, deliver it, commit; an alert that cannot be delivered now is tried again.

An alert is delivered at least once: after a crash the last one may be delivered again. Within one process each message
about an alert, known by (alert_id, seq), is delivered once, even if it is read again: detect may send it again when it
reads its log again, and a rebalance may bring it back. (alert_id, state) would not be enough to tell messages apart: a
late row may make an alert fire again that another row had resolved, and people must hear of that too.

A new notifier, or one that was away so long that the broker has forgotten its offset, finds the alerts of a month on
the topic. Of those it delivers only the ones that are at most an hour old.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from callgauge.codec import read
from callgauge.errors import DecodeError
from callgauge.schema import Alert
from callgauge_intake.backoff import backoff_s
from callgauge_intake.consumer import Intake
from callgauge_notify.channels import Channel, NotDelivered, Refused

__all__ = ["Notifier"]

log = logging.getLogger(__name__)


#: How many deliveries are remembered: the alerts of days, in about a megabyte.
_REMEMBERED = 10_000
#: A new notifier delivers alerts that were appended at most so long ago.
_BACK_S = 3_600.0


class Notifier:
    """Delivers the alerts topic to one channel.

    Args:
        clock: seconds, monotonic.
        now: epoch seconds; asked once, when the notifier is made.
    """

    def __init__(
        self,
        intake: Intake,
        channel: Channel,
        waits: Callable[[], Iterable[float]] = backoff_s,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._intake = intake
        self._since_ms = (now() - _BACK_S) * 1e3
        self._channel = channel
        self._waits = waits
        self._clock = clock
        self._done: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._stop = threading.Event()
        self.delivered = self.refused = self.passed_over = 0

    @property
    def ready(self) -> threading.Event:
        """Set when the group has given this notifier its partitions."""
        return self._intake.assigned

    def run(self) -> None:
        """Run until `stop` is called, then leave the group."""
        try:
            while not self._stop.is_set():
                self.step()
            self._intake.commit_owed()
        finally:
            self._intake.close()

    def stop(self) -> None:
        """Finish the current delivery, then end. To be called from another thread."""
        self._stop.set()

    def step(self) -> None:
        """Deliver the alerts that have arrived, one after the other."""
        for message in self._intake.take(100, 0.5):
            partition = (message.topic(), message.partition())
            # If the partition was taken away, its new owner delivers the rest of its alerts.
            if self._intake.is_ours([partition]) and self._handle(message, partition):
                self._intake.commit({partition: message.offset() + 1})
            if self._stop.is_set():
                return
        self._intake.commit_owed()

    def _handle(self, message: Any, partition: tuple[str, int]) -> bool:
        """Deliver the alert of one message. Returns whether its offset may be committed."""
        try:
            alert = read(Alert, message.value())
        except DecodeError as error:
            # Nothing more to do here: the alerts sink puts the message on the dead-letter topic.
            what = "an alert cannot be read (%s), and nobody is told of it; `callgauge dead` shows it"
            log.error(f"%s/%d offset %d: {what}", *partition, message.offset(), error)
            return True
        key = (alert.alert_id, alert.seq)
        # `_is_long_ago` comes first, since it asks whether the group has committed anything yet, and alerts that are
        # skipped for the other reasons are committed too.
        if self._is_long_ago(message, partition) or not _is_news(alert) or key in self._done:
            return True
        if not self._deliver(alert, partition):
            return False
        self._done[key] = None
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return True

    def _is_long_ago(self, message: Any, partition: tuple[str, int]) -> bool:
        stamped, at_ms = message.timestamp()
        if not stamped or at_ms >= self._since_ms or not self._intake.began_without_commit(partition):
            return False
        if not self.passed_over:
            log.warning("%s: this notifier is new; of the alerts before it only the last hour's are told", partition[0])
        self.passed_over += 1
        return True

    def _deliver(self, alert: Alert, partition: tuple[str, int]) -> bool:
        """Try until the channel takes the alert, or refuses it for good.

        Returns:
            False if the partition is no longer assigned to this process, or the notifier is to stop.
        """
        try:
            for wait_s in self._waits():
                try:
                    self._channel.deliver(alert)
                    self.delivered += 1
                    return True
                except Refused as error:
                    self.refused += 1
                    log.error(
                        "alert %s (%s): %s refused it (%s); it is not tried again, and nobody there is told of it",
                        alert.alert_id,
                        alert.rule,
                        self._channel.name,
                        error,
                    )
                    return True
                except NotDelivered as error:
                    what = "alert %s (%s): %s did not take it (%s); trying again in %.1f s, later alerts wait"
                    log.warning(what, alert.alert_id, alert.rule, self._channel.name, error, wait_s)
                if not self._hold(partition, wait_s):
                    return False
            return False
        finally:
            self._intake.go_on()

    def _hold(self, partition: tuple[str, int], wait_s: float) -> bool:
        until = self._clock() + wait_s
        while (left_s := until - self._clock()) > 0 and not self._stop.is_set():
            self._intake.hold(min(left_s, 0.5))
        return not self._stop.is_set() and self._intake.is_ours([partition])


def _is_news(alert: Alert) -> bool:
    """Whether people are told of this alert.

    They are told when it fires, and when it is resolved after it fired. They are not told while it is pending, nor when
    somebody has acknowledged it.
    """
    return alert.state == "firing" or (alert.state == "resolved" and alert.fired_at is not None)
