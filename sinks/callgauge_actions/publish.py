"""Writes actions to the alerts topic and rule sets to the rules topic, and returns only once the broker has
acknowledged them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from callgauge.codec import encode
from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import AlertAction, Baseline, RuleSet
from callgauge.settings import Settings
from callgauge_actions.alert_log import partitions_of

__all__ = ["BaselinePublisher", "Publisher", "RuleSetPublisher", "records_of"]


def records_of(action: AlertAction, partition: int | None, partitions: Iterable[int]) -> list[tuple[bytes, int]]:
    """Key and partition of each copy of an action: one beside the alert, or of a silence one in every partition."""
    if action.action in ("silence", "unsilence") or partition is None:
        return [(action.silence_id.encode() or action.fingerprint.encode(), number) for number in partitions]
    return [(action.fingerprint.encode(), partition)]


class _Writer:
    """Writes records to one topic. May be used from any thread."""

    def __init__(self, settings: Settings, topic: str, timeout_s: float) -> None:
        self._topic = topic
        self._servers = settings.bootstrap_servers
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        own = {
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            "message.timeout.ms": int(timeout_s * 1e3),
        }
        self._producer = Producer(settings.librdkafka() | own, logger=LibrdkafkaLog(again_after_s=60.0))

    def write(self, value: bytes, records: Callable[[], Iterable[tuple[bytes, int]]]) -> None:
        """Write a value.

        Args:
            records: asked for the key and the partition of each copy.

        Raises:
            BrokerError: the broker has not acknowledged all copies; it may have some, and doing it again is harmless.
        """
        failed: list[str] = []

        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error.str())

        # One at a time: whoever flushes serves the reports of all.
        with self._lock:
            try:
                for key, number in records():
                    self._producer.produce(self._topic, value, key, number, on_delivery=on_delivery)
            except (KafkaException, BufferError) as error:
                raise BrokerError(f"{self._topic} at {self._servers}: {error}") from error
            left = self._producer.flush(self._timeout_s + 1)
        if failed or left:
            why = failed[0] if failed else f"no answer within {self._timeout_s:g} s"
            raise BrokerError(f"{self._topic} at {self._servers} did not take it: {why}; do it again")

    def partitions(self) -> Iterable[int]:
        """Those of the topic."""
        return partitions_of(self._producer, self._topic, self._servers)


class Publisher:
    """See above. May be used from any thread."""

    def __init__(self, settings: Settings, timeout_s: float = 10.0) -> None:
        self._writer = _Writer(settings, settings.topics.alerts.name, timeout_s)

    def publish(self, action: AlertAction, partition: int | None = None) -> None:
        """Write an action.

        Args:
            partition: that of the alert's transitions; None: every partition.

        Raises:
            BrokerError: see `_Writer.write`.
        """
        self._writer.write(encode(action), lambda: records_of(action, partition, self._writer.partitions()))


class BaselinePublisher:
    """Writes baselines to the rules topic. All stay: whoever reads old windows again compares them as before."""

    def __init__(self, settings: Settings, timeout_s: float = 10.0) -> None:
        self._writer = _Writer(settings, settings.topics.rules.name, timeout_s)

    def publish(self, baseline: Baseline) -> None:
        """Write a baseline.

        Raises:
            BrokerError: see `_Writer.write`.
        """
        parts = (
            "baseline",
            baseline.service,
            baseline.model,
            baseline.prompt_version,
            str(round(baseline.set_at * 1e3)),
        )
        key = "/".join(parts)
        self._writer.write(encode(baseline), lambda: [(key.encode(), 0)])


class RuleSetPublisher:
    """Writes rule sets to the rules topic, each under its version."""

    def __init__(self, settings: Settings, timeout_s: float = 10.0) -> None:
        self._writer = _Writer(settings, settings.topics.rules.name, timeout_s)

    def publish(self, rule_set: RuleSet) -> None:
        """Write a rule set.

        Raises:
            BrokerError: see `_Writer.write`.
        """
        self._writer.write(encode(rule_set), lambda: [(rule_set.version.encode(), 0)])
