"""Reads the alerts topic, all partitions from the beginning: the last transition of each alert, and what people did.

A plain consumer outside of any group: it commits nothing, so it may be read by anybody at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from callgauge.codec import read_alert_record
from callgauge.errors import BrokerError, DecodeError
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings
from callgauge_rules.alert_book import AlertBook

__all__ = ["AlertLog"]

_TIMEOUT_S = 30.0
_AT_ONCE = 1_000
#: Other errors pass: the client goes on by itself.
_FINAL = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}


class AlertLog:
    """See above.

    Attributes:
        book: what was read so far; while another thread calls `follow`, only to be used with `lock`.
        unreadable: how many records could not be read.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.book = AlertBook()
        self.unreadable = 0
        self.lock = threading.Lock()
        self._topic = settings.topics.alerts.name
        self._servers = settings.bootstrap_servers
        self._clock = clock
        self._unfinished: set[int] = set()
        self._consumer = Consumer(
            settings.librdkafka()
            | {
                "group.id": settings.group("reader"),  # librdkafka wants a name; nothing is ever committed
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            },
            logger=LibrdkafkaLog(again_after_s=60.0),
        )

    def read_to_end(self) -> AlertBook:
        """Read everything that is there now.

        Raises:
            BrokerError: the broker does not answer, or the topic is not there.
        """
        try:
            partitions = partitions_of(self._consumer, self._topic, self._servers)
            self._unfinished = set(partitions)
            self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in partitions])
            heard = self._clock()
            while self._unfinished:
                if self.follow(0.1):
                    heard = self._clock()
                elif self._clock() > heard + _TIMEOUT_S:
                    raise BrokerError(
                        f"{self._topic}: no answer from {self._servers} within {_TIMEOUT_S:.0f} s; is the broker up?"
                    )
        except KafkaException as error:
            raise BrokerError(f"cannot read {self._topic} at {self._servers}: {error.args[0].str()}") from error
        return self.book

    def follow(self, within_s: float) -> bool:
        """Take what has come, and wait so long for it. Returns whether anything came, be it the end of a partition.

        Raises:
            BrokerError: the topic cannot be read.
        """
        messages: list[Any] = self._consumer.consume(_AT_ONCE, within_s)
        for message in messages:
            error = message.error()
            if error is None:
                self._take(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._unfinished.discard(message.partition())
            elif error.fatal() or error.code() in _FINAL:
                raise BrokerError(f"cannot read {self._topic} at {self._servers}: {error.str()}")
        return bool(messages)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def _take(self, message: Any) -> None:
        try:
            record = read_alert_record(message.value())
        except DecodeError:
            self.unreadable += 1  # the alerts sink puts it on the dead-letter topic
            return
        with self.lock:
            self.book.take(record, message.partition())


def partitions_of(client: Any, topic: str, servers: str) -> list[int]:
    """The partitions of a topic, asked of a consumer or producer.

    Raises:
        BrokerError: the broker does not answer, or there is no such topic.
    """
    try:
        found = client.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    except KafkaException as error:
        raise BrokerError(f"{servers} does not answer: {error.args[0].str()}; is the broker up?") from error
    if found.error is not None or not found.partitions:
        why = found.error.str() if found.error is not None else "it has no partitions"
        raise BrokerError(f"{topic} at {servers}: {why}; `callgauge topics` makes it")
    return sorted(found.partitions)
