"""Writes judgements to the scores topic, and returns only once the broker has all of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings
from callgauge.transport import Outbound, producer_config

__all__ = ["ScoreBus"]


class ScoreBus:
    """See above. May be used from any thread."""

    def __init__(self, settings: Settings, timeout_s: float = 10.0) -> None:
        self._topic = settings.topics.scores.name
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        own = {"client.id": "callgauge-console", "linger.ms": 0, "message.timeout.ms": int(timeout_s * 1e3)}
        self._producer = Producer(producer_config(settings) | own, logger=LibrdkafkaLog(again_after_s=60.0))

    def publish(self, messages: Sequence[Outbound]) -> None:
        """Write them all.

        Raises:
            BrokerError: the broker has not acknowledged all. It may have some: each keeps its id, so that to send the
                same messages again counts nothing twice.
        """
        failed: list[str] = []

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error.str())

        # One at a time: whoever flushes serves the reports of all.
        with self._lock:
            try:
                for message in messages:
                    self._producer.produce(self._topic, message.value, message.key, on_delivery=on_delivery)
            except (KafkaException, BufferError) as error:
                raise BrokerError(f"{self._topic}: {error}; send it again") from error
            left = self._producer.flush(self._timeout_s + 1)
        if failed or left:
            why = failed[0] if failed else f"no answer within {self._timeout_s:g} s"
            raise BrokerError(f"{self._topic}: the broker did not take it: {why}; send it again")
