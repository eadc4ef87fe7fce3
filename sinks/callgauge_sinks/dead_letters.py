"""Sends dead letters (messages that cannot be read), and stops a sink when their share is too large."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, Producer

from callgauge.codec import encode
from callgauge.dead_letter import dead_key
from callgauge.errors import BrokerError, CallgaugeError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge_sinks.records import Batch

__all__ = ["DeadLetterWriter", "TooManyUnreadable", "UnreadableShare"]

#: The share is judged over this many records, and only after that many were seen.
WINDOW_RECORDS, FEWEST_RECORDS = 10_000, 1_000


class DeadLetterWriter:
    """Sends dead letters to their topic."""

    def __init__(self, settings: Settings, timeout_s: float = 30.0) -> None:
        config: dict[str, Any] = settings.librdkafka() | {
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "message.timeout.ms": int(timeout_s * 1e3),
        }
        self._producer = Producer(config, logger=LibrdkafkaLog(again_after_s=60.0))
        self._topic = settings.topics.dead.name
        self._timeout_s = timeout_s

    def write(self, letters: Iterable[DeadLetter]) -> None:
        """Send the letters and wait until the broker has acknowledged all of them.

        Raises:
            BrokerError: some were not acknowledged; send all of them again.
        """
        failed: list[str] = []

        def on_delivery(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                failed.append(error.str())

        for letter in letters:
            self._produce(dead_key(letter), encode(letter), on_delivery)
        unsent = self._producer.flush(self._timeout_s + 5)
        if failed or unsent:
            raise BrokerError(
                f"{len(failed) + unsent} dead letters were not acknowledged by {self._topic} "
                f"({failed[0] if failed else 'timed out'}); is the topic there and the broker up?"
            )

    def _produce(self, key: bytes, value: bytes, on_delivery: Any) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=on_delivery)
                return
            except BufferError:
                self._producer.poll(0.1)


class TooManyUnreadable(CallgaugeError):
    """The sink stops because too large a share of its records is unreadable.

    An emitter that was deployed with a fault causes this; going on would move all its records to the dead-letter topic.
    """


class UnreadableShare:
    """The share of unreadable records among the last 10,000. It is judged only after 1,000 were seen."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._unreadable: deque[bool] = deque(maxlen=WINDOW_RECORDS)

    def add(self, batch: Batch) -> None:
        """Count a batch.

        Raises:
            TooManyUnreadable: the share is over the limit.
        """
        self._unreadable.extend(batch.unreadable)
        seen, dead = len(self._unreadable), sum(self._unreadable)
        if seen < FEWEST_RECORDS or dead <= self._limit * seen:
            return
        reasons = Counter(
            f"{letter.field}: {letter.reason}" if letter.field else letter.reason for letter in batch.dead
        )
        raise TooManyUnreadable(
            f"{dead:,} of the last {seen:,} records are unreadable, more than "
            f"CALLGAUGE_DEAD_LETTER_SHARE={self._limit:g} allows (most often {reasons.most_common(1)[0][0]!r}): "
            "mend the emitter or raise the share, then start again; nothing is lost, the records are read again"
        )
