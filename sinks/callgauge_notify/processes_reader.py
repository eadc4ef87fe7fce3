"""Reads the heartbeats topic for `callgauge_notify.processes`, from an hour ago on.

A consumer outside of any group, on a thread of its own. Notices wait for nothing that it does: where the topic is not
there, or the broker does not answer, they say nothing about processes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from callgauge.codec import read
from callgauge.errors import DecodeError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import Heartbeat
from callgauge.settings import Settings
from callgauge_notify.processes import Processes

__all__ = ["ProcessesReader"]

log = logging.getLogger(__name__)

_BACK_S = 3_600.0
_CHECK_EVERY_S = 5.0
_AGAIN_AFTER_S = 60.0
_TIMEOUT_S = 5.0


class ProcessesReader:
    """See above.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, settings: Settings, processes: Processes, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._processes, self._clock = settings, processes, clock
        self._topic = settings.topics.heartbeats.name
        self._stop = threading.Event()
        self.ready = threading.Event()

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()

    def run(self) -> None:
        """Read until `stop` is called."""
        self.ready.set()
        consumer = Consumer(
            self._settings.librdkafka()
            | {
                "group.id": self._settings.group("reader"),  # librdkafka wants a name; nothing is ever committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            },
            logger=LibrdkafkaLog(again_after_s=_AGAIN_AFTER_S),
        )
        try:
            while not self._stop.is_set():
                try:
                    self._follow(consumer)
                except KafkaException as error:
                    what = "heartbeats cannot be read (%s): alerts do not say whether processes live"
                    log.warning(f"%s: {what}", self._topic, error.args[0].str())
                    self._stop.wait(_AGAIN_AFTER_S)
        finally:
            consumer.close()

    def _follow(self, consumer: Consumer) -> None:
        found = consumer.list_topics(self._topic, timeout=_TIMEOUT_S).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        since_ms = int((self._clock() - _BACK_S) * 1000)
        wanted = [TopicPartition(self._topic, number, since_ms) for number in found.partitions]
        starts = consumer.offsets_for_times(wanted, timeout=_TIMEOUT_S)
        for start in starts:
            start.offset = start.offset if start.offset >= 0 else OFFSET_END
        consumer.assign(starts)
        check_at = self._clock()
        while not self._stop.is_set():
            for message in consumer.consume(1_000, 0.5):
                if message.error() is None:
                    self._take(message)
            if self._clock() >= check_at:
                check_at = self._clock() + _CHECK_EVERY_S
                if _has_read_all(consumer):
                    self._processes.read_all(self._clock())

    def _take(self, message: Any) -> None:
        with suppress(DecodeError):  # the heartbeats sink puts it on the dead-letter topic
            self._processes.take(read(Heartbeat, message.value()), message.timestamp()[1] / 1000)


def _has_read_all(consumer: Consumer) -> bool:
    """Whether all that is in the log now was read. Raises KafkaException where the broker does not answer."""
    for at in consumer.position(consumer.assignment()):
        first, end = consumer.get_watermark_offsets(at, timeout=_TIMEOUT_S)
        if 0 <= at.offset < end or (at.offset < 0 and end > first):
            return False
    return True
