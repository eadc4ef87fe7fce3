"""Sends alerts to the alerts topic, and returns only when the broker has all of them."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from callgauge.codec import encode
from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import Alert
from callgauge.settings import Settings

__all__ = ["Telling"]

_TIMEOUT_S = 30.0


class Telling:
    """See above."""

    def __init__(self, settings: Settings) -> None:
        self._topic, self._servers = settings.topics.alerts.name, settings.bootstrap_servers
        own = {
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "message.timeout.ms": int(_TIMEOUT_S * 1e3),
        }
        self._producer = Producer(settings.librdkafka() | own, logger=LibrdkafkaLog(again_after_s=60.0))

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send them in this order.

        Raises:
            BrokerError: the broker does not have all of them. It may have some; they may be sent again, since a
                transition that comes twice counts once.
        """
        failed: list[str] = []

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error.str())

        try:
            for alert in alerts:
                self._producer.produce(self._topic, encode(alert), alert.fingerprint.encode(), on_delivery=on_delivery)
                self._producer.poll(0)
        except (KafkaException, BufferError) as error:
            raise BrokerError(f"{self._topic} at {self._servers}: {error}") from error
        left = self._producer.flush(_TIMEOUT_S + 1)
        if failed or left:
            why = failed[0] if failed else f"no answer within {_TIMEOUT_S:g} s"
            raise BrokerError(f"{self._topic} at {self._servers} did not take {len(failed) + left} alerts: {why}")
