"""Reads a partition outside of the consumer group: these consumers commit nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, Message, TopicPartition

from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings
from callgauge_streams.bus.blocks import Record

__all__ = ["PartitionHead", "beyond_end", "next_message", "offset_of", "open_reader", "read_range"]

_TIMEOUT_S = 30.0
_BATCH, _CONSUME_S = 10_000, 0.2


@contextmanager
def open_reader(settings: Settings, *, end_within_ms: int = 500) -> Iterator[Consumer]:
    """A consumer to assign partitions to.

    Args:
        end_within_ms: how long the broker may wait for more records before it says that there are none.

    Raises:
        BrokerError: the broker refused or did not answer while it was used.
    """
    consumer = Consumer(
        {
            **settings.librdkafka(),
            "group.id": settings.group("reader"),  # librdkafka wants a name; nothing is ever committed
            "enable.auto.commit": False,
            # Read until the broker has no more records, not up to the end that it tells: tansu 0.6 answers
            # with the first offset of the last batch.
            "enable.partition.eof": True,
            "fetch.wait.max.ms": end_within_ms,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        },
        logger=LibrdkafkaLog(again_after_s=60.0),
    )
    try:
        yield consumer
    except KafkaException as error:
        raise BrokerError(f"reading from {settings.bootstrap_servers}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def next_message(consumer: Consumer, what: str) -> Message | None:
    """The next message, None at the end."""
    return _checked(consumer.poll(_TIMEOUT_S), what)


def _checked(message: Message | None, what: str) -> Message | None:
    if message is None:
        raise BrokerError(f"{what}: no answer within {_TIMEOUT_S:.0f} s; is the broker up?")
    error = message.error()
    if error is None:
        return message
    if error.code() == KafkaError._PARTITION_EOF:
        return None
    raise KafkaException(error)


def read_range(
    consumer: Consumer, topic: str, partition: int, begin: int, end: int
) -> Iterator[tuple[int, int, bytes | None]]:
    """Offset, timestamp (ms) and value of the records from `begin` up to `end`, without those that are not there."""
    if begin >= end:
        return
    consumer.assign([TopicPartition(topic, partition, begin)])
    at, answered = begin, time.monotonic()
    while at < end:
        # consume() waits until it has as many as asked for, or until the timeout: never ask for more than may come.
        answers: list[Message | None] = [*consumer.consume(min(_BATCH, end - at), _CONSUME_S)]
        if not answers and time.monotonic() - answered < _TIMEOUT_S:
            continue
        answered = time.monotonic()
        for answer in answers or [None]:
            message = _checked(answer, f"{topic}/{partition}")
            if message is None or offset_of(message) >= end:
                return
            yield offset_of(message), message.timestamp()[1], message.value()
            at = offset_of(message) + 1


def beyond_end(where: str, committed: int, end: int) -> str:
    """What it means that a committed offset lies beyond the log's end.

    Args:
        where: the partition.
    """
    return (
        f"{where}: offset {committed:,} was committed, but the log ends at {end:,}: the topic was made anew, or its "
        "end was cut off"
    )


def offset_of(message: Message) -> int:
    """The offset of a message that was read (which always has one; the type does not know)."""
    return cast(int, message.offset())


class PartitionHead:
    """What is left of a partition's log (a `blocks.LogHead`), asked of the broker."""

    def __init__(self, consumer: Consumer, topic: str, partition: int) -> None:
        self._consumer = consumer
        self._topic, self._partition = topic, partition
        self.start, self.end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)

    def first_from(self, offset: int) -> Record | None:
        """The first record at or after `offset`; None at the end."""
        self._consumer.assign([TopicPartition(self._topic, self._partition, offset)])
        message = next_message(self._consumer, f"{self._topic}/{self._partition}")
        if message is None:
            return None
        kind, timestamp_ms = message.timestamp()
        return Record(offset_of(message), timestamp_ms, kind == TIMESTAMP_LOG_APPEND_TIME)

    def first_at(self, timestamp_ms: int) -> int | None:
        """The first offset whose record has this timestamp or a later one; None when there is none.

        tansu 0.6 answers 0 where there is none.
        """
        wanted = TopicPartition(self._topic, self._partition, max(timestamp_ms, 0))
        found: int = self._consumer.offsets_for_times([wanted], timeout=_TIMEOUT_S)[0].offset
        return found if found >= 0 else None

    def ends_before(self, offset: int) -> bool:
        """Whether the log ends before `offset`, although that was committed for it.

        Raises:
            BrokerError: the broker, which told an end before it, does not answer what is there (tansu 0.6, if the log
                does end before it).
        """
        if self.end >= offset:
            return False
        # tansu 0.6 names the first offset of the last batch as the end. So it is read from `offset` on: where that is
        # beyond the end the broker says so, and the client begins at the log's start.
        self._consumer.assign([TopicPartition(self._topic, self._partition, offset)])
        answer = self._consumer.poll(_TIMEOUT_S)
        if answer is None:
            raise BrokerError(
                f"{self._topic}/{self._partition}: offset {offset:,} was committed, the broker tells {self.end:,} as "
                f"the log's end and does not answer within {_TIMEOUT_S:.0f} s what is at {offset:,}: if the topic was "
                "made anew, delete the consumer group, else see whether the broker is well"
            )
        _checked(answer, f"{self._topic}/{self._partition}")
        return cast(int, answer.offset()) < offset
