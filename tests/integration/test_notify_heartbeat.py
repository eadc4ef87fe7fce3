"""The dead-man's switch on a real broker: fetched while rollup, detect and the notifier are alive, and not after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

from confluent_kafka import Consumer, Producer, TopicPartition

from callgauge.codec import encode
from callgauge.schema import Progress, SourceProgress
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_notify.heartbeat import Heartbeat
from tests.brokers import Broker
from tests.unit.sinks.notify.http_stub import Stub, local_web, serving


def tell_progress(settings: Settings, lag_s: float) -> None:
    """As a rollup worker does each second, to every partition."""
    at_ms = round((time.time() - lag_s) * 1000)
    source = SourceProgress(source="c/t/0", block=0, next_offset=1, watermark_ms=at_ms, idle=False)
    producer = Producer(settings.librdkafka())
    for number in range(settings.windows_partitions):
        message = encode(Progress(worker="w", at_ms=at_ms, sources=[source]))
        producer.produce(settings.topics.windows.name, message, partition=number)
    assert producer.flush(30) == 0


def read_all(settings: Settings) -> None:
    """As detect does: commit the ends of the windows topic."""
    consumer = Consumer(settings.librdkafka() | {"group.id": settings.group("detect")})
    try:
        partitions = [TopicPartition(settings.topics.windows.name, n) for n in range(settings.windows_partitions)]
        for each in partitions:
            each.offset = consumer.get_watermark_offsets(each, timeout=10)[1]
        consumer.commit(offsets=partitions, asynchronous=False)
    finally:
        consumer.close()


def test_it_beats_while_all_of_it_is_alive(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """Nobody tells progress: no beat. Progress, and detect has read it: beats. Rollup falls behind: no more beats."""
    with serving(Stub()) as stub:
        settings = settings_of(broker, heartbeat_url=stub.url, windows_partitions=2)
        ensure_topics(settings)
        loop = SimpleNamespace(turned_at=time.monotonic())
        heartbeat = Heartbeat(settings, local_web(), loop, every_s=0.0)
        thread = threading.Thread(target=heartbeat.run)
        thread.start()
        try:
            assert heartbeat.ready.wait(30)

            def beats() -> bool:
                tell_progress(settings, 1.0)
                read_all(settings)
                return heartbeat.sent > 0

            assert wait_until(beats, 60)
            assert {(request.method, request.path) for request in stub.requests} == {("GET", "/secret-path")}

            def silent() -> bool:
                tell_progress(settings, 1_000.0)
                read_all(settings)
                before = heartbeat.sent
                return not wait_until(lambda: heartbeat.sent > before, 2.0)

            assert wait_until(silent, 60)
        finally:
            heartbeat.stop()
            thread.join()
