"""Asks the broker for partitions that hold records of which the store knows nothing.

The store alone cannot tell that a partition is missing: a partition that was added to a topic is in none of its tables
until rollup or a sink has found it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError
from callgauge.origins import describe_origins
from callgauge.settings import Settings
from callgauge_sinks.completeness.evidence import Unseen

__all__ = ["unseen_partitions"]

_TIMEOUT_S = 10.0


def unseen_partitions(settings: Settings, seen: set[str]) -> list[Unseen]:
    """The partitions with records, of the topics that rollup counts, whose source is not in `seen`.

    Raises:
        BrokerError: the broker does not answer.
    """
    with _broker_errors(settings):
        AdminClient(settings.librdkafka() | {"log_level": 0}).list_topics(timeout=_TIMEOUT_S)
        topics = settings.topics
        origins = describe_origins(settings, (topics.calls.name, topics.scores.name))
        unknown = {
            (name, partition): source
            for name, origin in origins.items()
            for partition in range(origin.partitions)
            if (source := f"{origin.id}/{partition}") not in seen
        }
        sizes = _sizes(settings, list(unknown)) if unknown else {}
    return [Unseen(source, sizes[place]) for place, source in unknown.items() if sizes[place]]


def _sizes(settings: Settings, places: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """How many offsets each partition holds."""
    own = {"group.id": settings.group("reader"), "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(settings.librdkafka() | own | {"log_level": 0})
    try:
        # Their ends are found by reading up to them: asked for the end, tansu 0.6 names the first offset of the last
        # batch.
        consumer.assign([TopicPartition(*place, OFFSET_END) for place in places])
        ends: dict[tuple[str, int], int] = {}
        deadline = time.monotonic() + _TIMEOUT_S
        while len(ends) < len(places):
            for message in consumer.consume(len(places), timeout=0.1):
                error, topic, partition, offset = (
                    message.error(),
                    message.topic(),
                    message.partition(),
                    message.offset(),
                )
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    if topic is not None and partition is not None and offset is not None:
                        ends[topic, partition] = offset
                else:
                    raise KafkaException(error)
            if time.monotonic() > deadline:
                raise BrokerError(f"the ends of {len(places)} partitions were not told within {_TIMEOUT_S:g} s")
        starts = {
            place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=_TIMEOUT_S)[0] for place in places
        }
        return {place: max(0, ends[place] - starts[place]) for place in places}
    finally:
        consumer.close()


@contextmanager
def _broker_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise BrokerError(f"{settings.bootstrap_servers} does not answer: {error.args[0].str()}") from error
