"""What was told, and what people did, as records of the compacted topic `notified`, and back.

The actions are kept here because a notifier reads the alerts topic from where it stopped, and a silence may be older.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from callgauge.codec import encode, read
from callgauge.errors import BrokerError, DecodeError
from callgauge.schema import AlertAction, Notified
from callgauge.settings import Settings
from callgauge_notify.grouping.episode import Told

__all__ = ["Known", "key_of_action", "known_in", "read_known", "record_of", "told_in"]

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Known:
    """What former processes have noted of a partition: what was told, and what people did."""

    told: list[Told] = field(default_factory=list)
    actions: list[AlertAction] = field(default_factory=list)


def key_of_action(action: AlertAction) -> bytes:
    """One for each episode or silence, and kind of action. No route has a name with a slash in it."""
    return f"action/{action.action}/{action.silence_id or action.alert_id}".encode()


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
        acknowledged=told.acknowledged,
    )
    return told.key.encode(), encode(message)


def told_in(value: bytes, partition: int) -> Told:
    """What a record says.

    Raises:
        DecodeError: it cannot be read.
    """
    found = read(Notified, value)
    group = tuple((pair[0], pair[1]) for pair in found.group if len(pair) == 2)
    return Told(
        found.route,
        found.receiver,
        group,
        found.alert,
        found.at,
        partition,
        found.memory,
        found.given_up,
        found.acknowledged,
    )


def known_in(key: bytes, value: bytes, partition: int) -> Told | AlertAction:
    """What a record says: what was told, or what somebody did.

    Raises:
        DecodeError: it cannot be read.
    """
    return read(AlertAction, value) if key.startswith(b"action/") else told_in(value, partition)


def read_known(settings: Settings, partition: int) -> Known:
    """The last record of each route and alert of a partition, and of each thing that people did.

    Raises:
        BrokerError: the broker does not answer, or the topic is not there.
    """
    found: dict[bytes, Told | AlertAction] = {}
    for key, value in _records(settings, partition):
        if value is None:
            found.pop(key, None)
            continue
        try:
            record, before = known_in(key, value, partition), found.get(key)
        except DecodeError as error:
            log.error("%s/%s: a record is left out: %s", settings.topics.notified.name, partition, error)
            continue
        # A process that had lost the partition may have written what it told before after what its successor told.
        if not (isinstance(record, Told) and isinstance(before, Told) and record.order < before.order):
            found[key] = record
    told = [record for record in found.values() if isinstance(record, Told)]
    return Known(told, [record for record in found.values() if isinstance(record, AlertAction)])


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
