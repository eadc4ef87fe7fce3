"""What was told, as records of the compacted topic `notified`, and back."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from callgauge.codec import encode, read
from callgauge.errors import BrokerError, DecodeError
from callgauge.schema import Notified
from callgauge.settings import Settings
from callgauge_notify.grouping.episode import Told

__all__ = ["read_told", "record_of", "told_in"]

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0


def record_of(told: Told) -> tuple[bytes, bytes]:
    """Key and value."""
    message = Notified(
        route=told.route,
        receiver=told.receiver,
        group=[[name, value] for name, value in told.group],
        alert=told.alert,
        at=told.at,
        memory=dict(told.memory),
        given_up=told.given_up,
    )
    return told.key.encode(), encode(message)


def told_in(value: bytes, partition: int) -> Told:
    """What a record says.

    Raises:
        DecodeError: it cannot be read.
    """
    found = read(Notified, value)
    group = tuple((pair[0], pair[1]) for pair in found.group if len(pair) == 2)
    return Told(found.route, found.receiver, group, found.alert, found.at, partition, found.memory, found.given_up)


def read_told(settings: Settings, partition: int) -> list[Told]:
    """The last record of each route and alert of a partition.

    Raises:
        BrokerError: the broker does not answer, or the topic is not there.
    """
    found: dict[bytes, Told] = {}
    for key, value in _records(settings, partition):
        if value is None:
            found.pop(key, None)
            continue
        try:
            told = told_in(value, partition)
            # A process that had lost the partition may have written what it told before after what its successor told.
            if key not in found or told.order >= found[key].order:
                found[key] = told
        except DecodeError as error:
            log.error("%s/%s: a record is left out: %s", settings.topics.notified.name, partition, error)
    return list(found.values())


def _records(settings: Settings, partition: int) -> Iterator[tuple[bytes, bytes | None]]:
    topic = settings.topics.notified.name
    consumer = Consumer(
        settings.librdkafka()
        | {
            "group.id": settings.group("reader"),  # librdkafka wants a name; nothing is ever committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        while True:
            message = consumer.poll(_TIMEOUT_S)
            if message is None:
                raise BrokerError(f"{topic}/{partition}: no answer within {_TIMEOUT_S:.0f} s; is the broker up?")
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            if error is not None:
                raise BrokerError(f"cannot read {topic}/{partition}: {error.str()}; `callgauge topics` makes the topic")
            key = message.key()
            yield key if isinstance(key, bytes) else str(key).encode(), message.value()
    except KafkaException as error:
        raise BrokerError(f"cannot read {topic}/{partition}: {error.args[0].str()}") from error
    finally:
        consumer.close()
