"""Publishing for benchmarks: as fast as it goes, or at a pace that is kept on average."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice

from confluent_kafka import KafkaError, Message, Producer

from callgauge.settings import Settings
from tests.bench import stream

__all__ = ["FULL_SPEED", "publish"]

FULL_SPEED = float("inf")
_CHUNK = 100  # messages that are due together
_FLUSH_S = 60.0


def publish(settings: Settings, messages: Iterable[stream.Message], per_s: float = FULL_SPEED) -> float:
    """Publish calls and wait until the broker has them all; returns how many it were per second.

    A message is taken from `messages` when it is due, so that they may be made of the present time. What a slow moment
    held up is caught up.

    Raises:
        RuntimeError: the broker did not take every call.
    """
    errors: list[str] = []

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error.str())

    config = {"enable.idempotence": True, "partitioner": "murmur2_random", "compression.type": "lz4"}
    # flush() tells that all were taken; reports of each would only cost time
    producer = Producer(settings.librdkafka() | config | {"delivery.report.only.error": True})
    topic, coming = settings.topics.calls.name, iter(messages)
    sent, started = 0, time.monotonic()
    while True:
        _wait_until(started + sent / per_s, producer)
        chunk = list(islice(coming, _CHUNK))
        if not chunk:
            break
        for key, value in chunk:
            while True:
                try:
                    producer.produce(topic, value, key, on_delivery=on_delivery)
                    break
                except BufferError:
                    producer.poll(0.1)
        sent += len(chunk)
    left = producer.flush(_FLUSH_S)
    if errors or left:
        raise RuntimeError(f"{len(errors) + left} of {sent} calls were not taken; {errors[:3]}")
    return sent / (time.monotonic() - started)


def _wait_until(due: float, producer: Producer) -> None:
    producer.poll(0)
    while (left_s := due - time.monotonic()) > 0:
        producer.poll(left_s)
