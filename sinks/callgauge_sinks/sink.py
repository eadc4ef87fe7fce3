"""The loop of a sink: read a batch, insert it, send its dead letters, write its marks, commit.

Each step begins only when the one before is confirmed. Dead letters are messages that cannot be read, or that the store
refuses; marks are rows that say up to which offset the sink has stored a source.

When ClickHouse or the broker cannot take a batch now, the sink waits and tries the same batch again, for as long as it
takes. Memory does not grow, because the sink reads no further meanwhile, and nothing is lost, because nothing was
committed. If rows are inserted a second time after a crash, they replace those that were inserted before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from callgauge.errors import BrokerError, StoreError
from callgauge.schema import DeadLetter
from callgauge_history.store import RowsRefused, StoreUnavailable
from callgauge_intake.backoff import backoff_s
from callgauge_intake.consumer import Intake
from callgauge_sinks.building import Read, Rows, reading
from callgauge_sinks.dead_letters import UnreadableShare
from callgauge_sinks.delivery import FEWEST_REFUSED, Isolation, Pending, StoreLike, store_messages
from callgauge_sinks.drift import check_schema
from callgauge_sinks.records import Batch, DecodeMany, Message, Tables, dead_letter_of

__all__ = ["Sink", "SinkSpec"]

log = logging.getLogger(__name__)


class LetterBox(Protocol):
    """Takes dead letters; `write` returns when the broker has confirmed them."""

    def write(self, letters: Iterable[DeadLetter]) -> None: ...


@dataclass(frozen=True)
class SinkSpec:
    """The settings in which one sink differs from another."""

    name: str
    topic: str
    decode: DecodeMany
    rows: Rows
    read: Read | None = None
    """Reads many messages at once, faster than `decode` and `rows` do, and to the same result."""
    marks: Callable[[Batch], Tables] | None = None
    """Builds the rows that say up to which offset a source is stored. They are written last, when the batch's rows are
    stored and its dead letters sent."""
    batch_rows: int = 50_000
    batch_s: float = 1.0
    dead_letter_share: float = 1.0
    """The largest share of records that may be unreadable before the sink stops."""
    refused_share: float = 0.01
    """The largest share of a batch that the store may refuse before the sink stops: finding each costs a dozen
    inserts."""
    is_private: bool = False
    """Whether dead letters hold nothing of the message, since they are kept longer than the topic is."""


class Sink:
    """Stores one topic in its tables.

    Args:
        letters: None for the sink of the dead-letter topic itself: an unreadable dead letter is only logged.
        waits: the seconds before each further attempt, without end.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        spec: SinkSpec,
        intake: Intake,
        store: StoreLike,
        letters: LetterBox | None,
        waits: Callable[[], Iterator[float]] = backoff_s,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._read = spec.read or reading(spec.decode, spec.rows)
        self._intake = intake
        self._store = store
        self._letters = letters
        self._waits = waits
        self._clock = clock
        self._share = UnreadableShare(spec.dead_letter_share)
        self._stop = threading.Event()
        self.stored = 0
        """How many records were inserted so far and given to `Intake.commit`."""

    @property
    def ready(self) -> threading.Event:
        """Set when the group has given this sink its partitions."""
        return self._intake.assigned

    def run(self) -> None:
        """Run until `stop` is called, then leave the group.

        Raises:
            CallgaugeError: something failed that another attempt would not mend.
        """
        try:
            while not self._stop.is_set():
                self.step()
            self._intake.commit_owed()
        finally:
            self._intake.close()

    def stop(self) -> None:
        """Finish the current batch, then end. To be called from another thread."""
        self._stop.set()

    def step(self) -> None:
        """Take one batch through all steps, from reading to commit."""
        messages = self._intake.take(self._spec.batch_rows, self._spec.batch_s)
        if not messages:
            self._intake.commit_owed()
            return
        started = self._clock()
        batch, tables = self._read(messages)
        self._share.add(batch)
        if self._deliver(messages, batch, tables):
            self._intake.commit(batch.next_offsets)
            self.stored += batch.readable
            log.debug("sink %s: stored %d records in %.3f s", self._spec.name, len(batch), self._clock() - started)

    def _deliver(self, messages: Sequence[Message], batch: Batch, tables: Tables) -> bool:
        """Insert the rows, send the dead letters and write the marks, trying again until all is done.

        Returns:
            False if none of the batch's partitions is still assigned to this process, or the sink is to stop.

        Raises:
            StoreError: the store refuses something, and no single record is the cause.
        """
        rows, dead = Pending(tables), list(batch.dead)
        isolation = Isolation(messages, max(FEWEST_REFUSED, int(self._spec.refused_share * len(messages))))
        marks = Pending(self._spec.marks(batch) if self._spec.marks is not None else {})
        waits, answers = self._waits(), 0
        while True:
            try:
                dead += self._insert(rows, isolation, messages, batch)
                self._bury(dead)
                marks.insert_into(self._store)
                self._intake.go_on()
                return True
            except (StoreUnavailable, BrokerError) as error:
                if rows.answers + isolation.answers > answers:
                    # The store has answered since, so this is no longer the fault that was waited for before.
                    waits, answers = self._waits(), rows.answers + isolation.answers
                wait_s = next(waits)
                what = "nothing is lost, these %d records are tried again in %.1f s"
                log.warning(f"sink %s: %s; {what}", self._spec.name, error, len(batch), wait_s)
            if not self._hold(batch, wait_s):
                return False

    def _insert(
        self, rows: Pending, isolation: Isolation[Message], messages: Sequence[Message], batch: Batch
    ) -> list[DeadLetter]:
        """Insert the rows, all but those that the store refuses. Returns the dead letters of their messages."""
        if not isolation.begun:
            try:
                rows.insert_into(self._store)
                return []
            except StoreUnavailable:
                raise
            except StoreError as error:
                check_schema(self._store, rows.tables(), error)
                if not isinstance(error, RowsRefused):
                    raise
        refused = isolation.run(partial(store_messages, self._read, self._store))
        for place, reason in refused.items():
            batch.unreadable[place] = True
            log.warning("sink %s: %s", self._spec.name, reason)
        return [dead_letter_of(messages[place], reason) for place, reason in refused.items()]

    def _bury(self, dead: list[DeadLetter]) -> None:
        """Send dead letters and take them off the list."""
        if not dead:
            return
        if self._letters is not None:
            self._letters.write(
                letter.model_copy(update={"raw": ""}) if self._spec.is_private else letter for letter in dead
            )
        else:
            for letter in dead:
                what = "a dead letter cannot be stored (%s): it stays on its topic, and is missing in `dead_letters`"
                log.error(f"%s/%d offset %d: {what}", letter.topic, letter.partition, letter.offset, letter.reason)
        dead.clear()

    def _hold(self, batch: Batch, wait_s: float) -> bool:
        """Wait before the next attempt and stay in the group. Returns False if a next attempt makes no sense."""
        until = self._clock() + wait_s
        while (left_s := until - self._clock()) > 0 and not self._stop.is_set():
            self._intake.hold(min(left_s, 0.5))
        if self._stop.is_set() or not self._intake.is_ours(batch.next_offsets):
            # The batch is not committed, so the next owner of its partitions reads it again.
            self._intake.go_on()
            return False
        return True
