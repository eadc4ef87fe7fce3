"""The notifier's reader of heartbeats on a real broker: what was sent before it began, what comes after, no topic."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.schema import Heartbeat
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_notify.processes import Processes
from callgauge_notify.processes_reader import ProcessesReader
from tests.brokers import Broker


def send(settings: Settings, instance: str, service: str) -> None:
    now = time.time()
    beat = Heartbeat(instance=instance, ts=now, started_at=now, interval_s=60.0, service=service)
    producer = Producer(settings.librdkafka())
    producer.produce(settings.topics.heartbeats.name, encode(beat))
    assert producer.flush(30) == 0


@contextmanager
def reading(settings: Settings) -> Iterator[Processes]:
    processes = Processes()
    reader = ProcessesReader(settings, processes)
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        yield processes
    finally:
        reader.stop()
        thread.join(30)
        assert not thread.is_alive()


def test_heartbeats_of_before_and_after(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """A message that is none is passed over."""
    settings = settings_of(broker)
    ensure_topics(settings)
    send(settings, "a", "early")
    producer = Producer(settings.librdkafka())
    producer.produce(settings.topics.heartbeats.name, b"{")
    assert producer.flush(30) == 0
    with reading(settings) as processes:
        assert wait_until(lambda: processes.found("early", "", time.time()) is not None, 60)
        send(settings, "b", "late")
        assert wait_until(lambda: processes.found("late", "", time.time()) is not None, 60)
        assert processes.found("other", "", time.time()) is None


def test_without_the_topic_nothing_is_said(tansu: Broker, settings_of: Callable[..., Settings]) -> None:
    """And the reader goes on, and ends when it is told to."""
    with reading(settings_of(tansu)) as processes:
        assert processes.found("chat", "", time.time()) is None
