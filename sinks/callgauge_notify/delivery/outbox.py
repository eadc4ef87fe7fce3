"""What the notifier itself sends to the bus: what was told, dead letters, alerts of receivers that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from confluent_kafka import KafkaError, Message, Producer

from callgauge.codec import encode
from callgauge.errors import BrokerError
from callgauge.schema import Alert, AlertAction, DeadLetter
from callgauge.settings import Settings
from callgauge_notify.delivery.told_records import Known, key_of_action, read_known, record_of
from callgauge_notify.grouping.episode import Told

__all__ = ["Bus", "KafkaBus"]

#: Topic, key, value, partition (-1: by the key).
_Record = tuple[str, bytes, bytes | None, int]


class Bus(Protocol):
    """The part of the bus that a notifier uses besides its alerts."""

    def known_before(self, partition: int) -> Known:
        """What was noted of a partition's alerts."""

    def write(self, told: Iterable[Told], letters: Iterable[DeadLetter] = (), alerts: Iterable[Alert] = ()) -> None:
        """Send all of it, and wait until the broker has acknowledged it.

        Alerts go to the partition 0 of the alerts topic, dead letters to their topic, what was told to the partition
        whose alerts it tells of.

        Raises:
            BrokerError: some of it was not acknowledged.
        """

    def keep(self, actions: Iterable[tuple[AlertAction, int]]) -> None:
        """Note what people did, each in its partition; see `write`."""

    def forget(self, told: Iterable[Told], actions: Iterable[AlertAction], partitions: Iterable[int]) -> None:
        """Remove the records of what was told, and of what people did in these partitions; see `write`."""


class KafkaBus:
    """See `Bus`."""

    def __init__(self, settings: Settings, timeout_s: float = 30.0) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._producer = Producer(
            settings.librdkafka()
            | {
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 0,
                "message.timeout.ms": int(timeout_s * 1e3),
            }
        )

    def warm_up(self) -> None:
        """Make the first write as quick as the others: a producer needs up to a second for its first record, and what
        was told is not noted for so long. The record is a tombstone, which says nothing.

        Raises:
            BrokerError: the broker cannot be reached, or the topic is not there.
        """
        self._write([(self._settings.topics.notified.name, b"warm-up", None, 0)])

    def known_before(self, partition: int) -> Known:
        """See `Bus.known_before`."""
        return read_known(self._settings, partition)

    def write(self, told: Iterable[Told], letters: Iterable[DeadLetter] = (), alerts: Iterable[Alert] = ()) -> None:
        """See `Bus.write`."""
        topics = self._settings.topics
        records: list[_Record] = []
        for each in told:
            key, value = record_of(each)
            records.append((topics.notified.name, key, value, each.partition))
        for letter in letters:
            key = f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
            records.append((topics.dead.name, key, encode(letter), -1))
        records += [(topics.alerts.name, each.fingerprint.encode(), encode(each), 0) for each in alerts]
        if records:
            self._write(records)

    def keep(self, actions: Iterable[tuple[AlertAction, int]]) -> None:
        """See `Bus.keep`."""
        topic = self._settings.topics.notified.name
        self._write([(topic, key_of_action(action), encode(action), partition) for action, partition in actions])

    def forget(self, told: Iterable[Told], actions: Iterable[AlertAction], partitions: Iterable[int]) -> None:
        """See `Bus.forget`."""
        topic, numbers = self._settings.topics.notified.name, list(partitions)
        records: list[_Record] = [(topic, each.key.encode(), None, each.partition) for each in told]
        records += [(topic, key_of_action(action), None, number) for action in actions for number in numbers]
        self._write(records)

    def _write(self, records: Iterable[_Record]) -> None:
        failed: list[str] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failed.append(f"{message.topic()}: {error.str()}")

        # One at a time: whoever flushes serves the reports of all, and would take those that another thread waits for.
        with self._lock:
            for record in records:
                self._produce(record, on_delivery)
            unsent = self._producer.flush(self._timeout_s + 5)
        if failed or unsent:
            raise BrokerError(
                f"{len(failed) + unsent} records of the notifier were not acknowledged "
                f"({failed[0] if failed else 'timed out'}); `callgauge topics` makes the topics. What was not noted as "
                "told is told again after the next start"
            )

    def _produce(self, record: _Record, on_delivery: Callable[[KafkaError | None, Message], None]) -> None:
        topic, key, value, partition = record
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=on_delivery)
                return
            except BufferError:
                self._producer.poll(0.1)
