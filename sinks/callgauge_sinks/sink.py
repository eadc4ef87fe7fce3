"""The loop of a sink: read a batch, insert it, send its dead letters, write its marks, commit.

Each step begins only when the one before is confirmed. Dead letters are messages that cannot be read; marks are rows
that say up to which offset the sink has stored a source.

When ClickHouse or the broker cannot take a batch now, the sink waits and tries the same batch again, for as long as it
takes. Memory does not grow, because the sink reads no further meanwhile, and nothing is lost, because nothing was
committed. If rows are inserted a second time after a crash, they replace those that were inserted before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from callgauge.errors import BrokerError
from callgauge.schema import DeadLetter
from callgauge_history.store import StoreUnavailable
from callgauge_intake.backoff import backoff_s
from callgauge_intake.consumer import Intake
from callgauge_sinks.dead_letters import UnreadableShare
from callgauge_sinks.records import Batch, DecodeMany, Record, dead_letter_of, decode_messages

__all__ = ["Rows", "Sink", "SinkSpec"]

log = logging.getLogger(__name__)

#: Errors of building a row from a value that can be decoded but fits no column (an integer beyond 64 bits, half a
#: surrogate).
_UNFIT = (pa.ArrowException, OverflowError, ValueError, TypeError, UnicodeError)


Rows = Callable[[Sequence[Record]], dict[str, pa.Table]]


class StoreLike(Protocol):
    """The method of a store that a sink uses."""

    def insert(self, table: str, rows: pa.Table) -> None: ...


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
    marks: Callable[[Batch], dict[str, pa.Table]] | None = None
    """Builds the rows that say up to which offset a source is stored. They are written last, when the batch's rows are
    stored and its dead letters sent."""
    batch_rows: int = 50_000
    batch_s: float = 1.0
    dead_letter_share: float = 1.0
    is_private: bool = False
    """Whether dead letters hold nothing of the message, since they are kept longer than the topic is."""


class Sink:
    """Stores one topic in its tables.

    Args:
        letters: None for the sink of the dead-letter topic itself: an unreadable dead letter is only logged.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        spec: SinkSpec,
        intake: Intake,
        store: StoreLike,
        letters: LetterBox | None,
        waits: Callable[[], Iterable[float]] = backoff_s,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
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
        batch = decode_messages(messages, self._spec.decode)
        tables = build_rows(batch, self._spec.rows)
        if self._spec.is_private:
            batch.dead = [letter.model_copy(update={"raw": ""}) for letter in batch.dead]
        self._share.add(batch)
        if self._deliver(batch, tables):
            self._intake.commit(batch.next_offsets)
            self.stored += len(batch.records)
            log.debug("sink %s: stored %d records in %.3f s", self._spec.name, len(batch), self._clock() - started)

    def _deliver(self, batch: Batch, tables: dict[str, pa.Table]) -> bool:
        """Insert the rows, send the dead letters and write the marks, trying again until all is done.

        Returns:
            False if none of the batch's partitions is still assigned to this process, or the sink is to stop.
        """
        pending, dead = dict(tables), list(batch.dead)
        marks = self._spec.marks(batch) if self._spec.marks is not None else {}
        for wait_s in self._waits():
            try:
                self._insert(pending)
                self._bury(dead)
                self._insert(marks)
                self._intake.go_on()
                return True
            except (StoreUnavailable, BrokerError) as error:
                what = "nothing is lost, these %d records are tried again in %.1f s"
                log.warning(f"sink %s: %s; {what}", self._spec.name, error, len(batch), wait_s)
            if not self._hold(batch, wait_s):
                return False
        return False

    def _insert(self, pending: dict[str, pa.Table]) -> None:
        for table in list(pending):
            self._store.insert(table, pending[table])
            del pending[table]

    def _bury(self, dead: list[DeadLetter]) -> None:
        if not dead:
            return
        if self._letters is not None:
            self._letters.write(dead)
            dead.clear()
            return
        for letter in dead:
            what = "a dead letter cannot be read itself (%s): it is missing in `dead_letters`, and stays on its topic"
            log.error(f"%s/%d offset %d: {what}", letter.topic, letter.partition, letter.offset, letter.reason)

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


def build_rows(batch: Batch, rows: Rows) -> dict[str, pa.Table]:
    """Build the batch's tables. A record whose values fit no column becomes a dead letter of the batch."""
    if not batch.records:
        return {}
    try:
        return rows(batch.records)
    except _UNFIT:
        batch.records, unfit = _sift(batch.records, rows)
    for record, reason in unfit:
        batch.dead.append(dead_letter_of(record.message, reason))
        batch.unreadable[record.place] = True
    return rows(batch.records) if batch.records else {}


def _sift(records: list[Record], rows: Rows) -> tuple[list[Record], list[tuple[Record, str]]]:
    """Find the records that fit no column by halving the batch: a few of them in a large batch cost little.

    Returns:
        The records that fit, and those that do not, each with the reason.
    """
    try:
        rows(records)
        return records, []
    except _UNFIT as error:
        if len(records) == 1:
            return [], [(records[0], f"fits no column: {error}")]
    middle = len(records) // 2
    (good, bad), (more_good, more_bad) = _sift(records[:middle], rows), _sift(records[middle:], rows)
    return good + more_good, bad + more_bad
