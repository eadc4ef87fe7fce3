"""A real broker is killed under a service that goes on emitting, and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from callgauge import Gauge, Settings
from callgauge.codec import decode_call
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker

CALLS = 20_000


def emit(gauge: Gauge, number: int) -> None:
    while not gauge.emit(event_id=f"e{number:06d}", trace_id=f"t{number % 7}", model="m"):
        time.sleep(0.001)


def consumed(settings: Settings, count: int) -> list[str]:
    """Ids in the order of each partition's log: at least `count`, and what comes within two seconds after that."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    topic, found = settings.topics.calls, list[str]()
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])

    def read(timeout_s: float) -> bool:
        messages = [message for message in consumer.consume(10_000, timeout_s) if message.error() is None]
        found.extend(decode_call(message.value()).event_id for message in messages)
        return len(found) >= count

    try:
        assert wait_until(lambda: read(0.5), 60, poll_s=0.0)
        read(2.0)
        return found
    finally:
        consumer.close()


def test_nothing_is_lost_and_the_order_stays(
    own_kafka: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """Kafka is killed with -9 in the middle; memory holds 1,000 calls, the disk the rest; each arrives once, and those
    of a trace in the order in which they were emitted."""
    settings = settings_of(own_kafka, service="s", queue_size=1_000, spill_dir=tmp_path, gauge_heartbeat_s=0.5)
    ensure_topics(settings)
    with Gauge(settings) as gauge:
        for number in range(CALLS // 4):
            emit(gauge, number)
        own_kafka.kill()
        for number in range(CALLS // 4, CALLS * 3 // 4):
            emit(gauge, number)
        assert gauge.stats.spilled > CALLS // 2 - 1_000
        own_kafka.start()
        for number in range(CALLS * 3 // 4, CALLS):
            emit(gauge, number)
        assert gauge.flush(90) == 0
        stats = gauge.stats
    assert (stats.emitted, stats.failed, stats.replayed, stats.replay_failed) == (CALLS, 0, stats.spilled, 0)
    ids = consumed(settings, CALLS)
    assert sorted(ids) == [f"e{number:06d}" for number in range(CALLS)]
    for trace in range(7):
        of_trace = [event_id for event_id in ids if int(event_id[1:]) % 7 == trace]
        assert of_trace == sorted(of_trace)
    assert not list(tmp_path.iterdir())
