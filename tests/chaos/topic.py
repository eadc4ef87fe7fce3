"""Reads a topic from its start to its present end, without a consumer group."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from callgauge.settings import Settings
from callgauge.topics import Topic
from tests.chaos.pipeline import ends, quiet

__all__ = ["place_of", "read_topic"]

_SILENT_S = 60.0


def read_topic(settings: Settings, topic: Topic) -> Iterator[Message]:
    """Each partition's messages in order; partitions come mixed. Each has a partition and an offset.

    Raises:
        RuntimeError: the end was not reached within a minute of silence.
    """
    missing = {number: end for number, end in enumerate(ends(settings, topic.name, topic.partitions)) if end > 0}
    consumer = Consumer(quiet(settings) | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, number, 0) for number in missing])
    try:
        heard_at = time.monotonic()
        while missing:
            for message in consumer.consume(10_000, timeout=0.5):
                if message.error() is not None:
                    raise RuntimeError(f"{topic.name}: {message.error()}")
                heard_at = time.monotonic()
                partition, offset = place_of(message)
                if offset + 1 >= missing.get(partition, 0):
                    missing.pop(partition, None)
                yield message
            if time.monotonic() - heard_at > _SILENT_S:
                raise RuntimeError(f"{topic.name}: nothing more came before the ends {missing}")
    finally:
        consumer.close()


def place_of(message: Message) -> tuple[int, int]:
    """Partition and offset of a message that was consumed."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset
