"""The loop of a notifier: read alerts, group them, hand notices to the couriers, note what was told, then commit.

    llm.alerts -> Groups -> a courier for each receiver -> llm.notified, llm.dead -> outcome -> commit

What people do with alerts comes on the same topic, and is noted like what was told.

An offset is committed when everything up to it was told, or needs not be told. What was told is written to a compacted
topic first, so after a crash an alert is told again only if the crash came between its delivery and that record.

A new notifier, or one that was away so long that the broker has forgotten its offset, finds the alerts of a month on
the topic. Of those it tells only the ones that are at most an hour old.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from callgauge.codec import read_alert_record
from callgauge.errors import DecodeError
from callgauge.printable import printable
from callgauge.schema import AlertAction
from callgauge_intake.consumer import Intake, Partition
from callgauge_notify.delivery.courier import Courier
from callgauge_notify.delivery.noting import Noting
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.delivery.told_records import Known
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.process_facts import ProcessFacts
from callgauge_notify.processes import Processes
from callgauge_notify.routing.routes import FAILED, Routing

__all__ = ["Notifier"]

log = logging.getLogger(__name__)

#: A new notifier delivers alerts that were appended at most so long ago.
_BACK_S = 3_600.0
_FORGET_EVERY_S = 3_600.0
#: So long the deliveries under way may take when the process is to end.
_STOP_S = 15.0


class Notifier:
    """Tells the alerts of the partitions that the group gives it.

    Args:
        couriers: by the name of their receiver.
        outcomes: where the couriers say what became of a notice.
        now: epoch seconds.
        processes: what heartbeats say; of alerts about missing calls it is told.
        facts: writes that down beside these alerts; None: nobody does.
    """

    def __init__(
        self,
        intake: Intake,
        routing: Routing,
        couriers: Mapping[str, Courier],
        outcomes: queue.SimpleQueue[Outcome],
        noting: Noting,
        now: Callable[[], float] = time.time,
        processes: Processes | None = None,
        facts: ProcessFacts | None = None,
    ) -> None:
        self._intake = intake
        self._couriers = couriers
        self._outcomes = outcomes
        self._noting = noting
        self._processes = processes or Processes()
        self._facts = facts
        self._now = now
        self._since_ms = (now() - _BACK_S) * 1e3
        self._groups = Groups(routing)
        self._given: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._forget_at = 0.0
        #: What people did, each with its partition, that is not noted yet.
        self._acted: list[tuple[AlertAction, int]] = []
        self._stop = threading.Event()
        #: On the monotonic clock, when the loop last went round.
        self.turned_at = time.monotonic()
        self.delivered = self.given_up = self.passed_over = 0

    @property
    def ready(self) -> threading.Event:
        """Set when the group has given this notifier its partitions."""
        return self._intake.assigned

    def run(self) -> None:
        """Run until `stop` is called, then leave the group."""
        try:
            for courier in self._couriers.values():
                courier.start()
            while not self._stop.is_set():
                self.step()
            for courier in self._couriers.values():
                courier.stop()
            until = time.monotonic() + _STOP_S
            for courier in self._couriers.values():
                courier.join(max(0.0, until - time.monotonic()))
            self.note_outcomes()
            self._commit()
        finally:
            self._intake.close()

    def stop(self) -> None:
        """Finish the deliveries under way, then end. To be called from another thread."""
        self._stop.set()

    def step(self, within_s: float = 0.2) -> None:
        """Take the alerts that have arrived, hand out the notices that are due, note what was told, commit."""
        self.turned_at = time.monotonic()
        messages = self._intake.take(1_000, within_s)
        self._follow_assignment()
        for message in messages:
            partition = (message.topic(), message.partition())
            if self._intake.is_ours([partition]):
                self._take(message, partition)
        self._note_actions()
        self._forget()
        for notice in self._groups.due(self._now()):
            self._couriers[notice.receiver].submit(self._processes.told_in(notice, self._now()))
        if self._facts is not None:
            self._facts.write()
        self.note_outcomes()
        self._commit()

    def note_outcomes(self) -> None:
        """Take note of what the couriers have delivered, and write down what was settled without them."""
        settled = self._groups.settled()
        if settled:
            self._noting.write(settled)
        with contextlib.suppress(queue.Empty):
            while True:
                self._hear(self._outcomes.get_nowait())

    def _forget(self) -> None:
        """Once an hour, what ended a month ago."""
        now = self._now()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_S
            old, actions = self._groups.forget(now), self._groups.forget_actions(now)
            if old or actions:
                self._noting.forget(old, actions, [number for _, number in self._given])

    def _note_actions(self) -> None:
        """Before anything is committed after them."""
        if self._acted:
            self._noting.keep(self._acted)
            self._acted = []

    def _follow_assignment(self) -> None:
        """Forget the alerts of lost partitions; go on where their last owner stopped in new ones."""
        given = dict(self._intake.given)
        changed = {p for p in self._given.keys() | given.keys() if self._given.get(p) != given.get(p)}
        if not changed:
            return
        self._groups.drop(number for _, number in changed)
        if self._facts is not None:
            self._facts.drop({number for _, number in changed})
        for partition in sorted(changed):
            self._next.pop(partition, None)
            self._committed.pop(partition, None)
            if partition in given:
                known = self._noting.known_before(partition[1])
                self._groups.restore(known.told, self._now(), known.actions)
                self._know_facts(known)
        self._given = given
        self._noting.know_failing(self._groups.firing(FAILED))

    def _take(self, message: Any, partition: Partition) -> None:
        self._next[partition] = message.offset() + 1
        try:
            record = read_alert_record(message.value())
        except DecodeError as error:
            # Nothing more to do here: the alerts sink puts the message on the dead-letter topic.
            what = "an alert or action cannot be read (%s), and nobody is told of it; `callgauge dead` shows it"
            log.error(f"%s/%d offset %d: {what}", *partition, message.offset(), printable(str(error)))
            return
        if isinstance(record, AlertAction):
            if self._facts is not None:
                self._facts.know(record)
            if self._groups.act(record, message.offset(), self._now()):
                self._acted.append((record, partition[1]))
        elif not self._is_long_ago(message, partition):
            if self._facts is not None:
                self._facts.take(record, partition[1])
            self._groups.take(record, partition[1], message.offset(), self._now())

    def _know_facts(self, known: Known) -> None:
        if self._facts is not None:
            for told in known.told:
                self._facts.take(told.alert, told.partition)
            for action in known.actions:
                self._facts.know(action)

    def _is_long_ago(self, message: Any, partition: Partition) -> bool:
        stamped, at_ms = message.timestamp()
        if not stamped or at_ms >= self._since_ms or not self._intake.began_without_commit(partition):
            return False
        if not self.passed_over:
            log.warning("%s: this notifier is new; of the alerts before it only the last hour's are told", partition[0])
        self.passed_over += 1
        return True

    def _hear(self, outcome: Outcome) -> None:
        if outcome.crashed is not None:
            raise outcome.crashed
        self._groups.heard(outcome.notice, outcome.told, self._now())
        self.given_up += len(outcome.failed)
        self.delivered += outcome.taken

    def _commit(self) -> None:
        held = self._groups.held_from()
        safe = {partition: min(at, held.get(partition[1], at)) for partition, at in self._next.items()}
        new = {partition: at for partition, at in safe.items() if self._committed.get(partition) != at}
        if new:
            self._committed |= new
            self._intake.commit(new)
        else:
            self._intake.commit_owed()
