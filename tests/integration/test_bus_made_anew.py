"""A service goes on when its bus is started anew, as the local stack's is: another cluster at the same address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from callgauge import Gauge
from callgauge.codec import decode_call
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.tansu import Tansu
from callgauge_deploy.topics import ensure_topics


def ids_on(settings: Settings) -> set[str]:
    """The calls that are on the topic."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    topic, found = settings.topics.calls, set[str]()
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
    try:
        for message in consumer.consume(1_000, 2.0):
            if message.error() is None:
                found.add(decode_call(message.value()).event_id)
    finally:
        consumer.close()
    return found


@pytest.mark.parametrize("spills", [False, True], ids=["memory", "disk"])
def test_it_delivers_to_the_new_one(settings_of: Callable[..., Settings], tmp_path: Path, spills: bool) -> None:
    """What was emitted while there was no bus, and after; a service need not be started again."""
    bus = Tansu()
    bus.start()
    try:
        more = {"spill_dir": tmp_path / "spill"} if spills else {}
        settings = settings_of(bus, service="chat", **more)
        ensure_topics(settings)
        with Gauge(settings) as gauge:
            gauge.emit(event_id="before")
            assert gauge.flush(30) == 0
            bus.kill()
            gauge.emit(event_id="meanwhile")
            bus = Tansu(port=bus.port)
            bus.start()
            ensure_topics(settings)
            gauge.emit(event_id="after")
            assert wait_until(lambda: ids_on(settings) >= {"meanwhile", "after"}, 60, poll_s=0.1), gauge.stats
            assert gauge.stats.failed == gauge.stats.dropped == 0
    finally:
        bus.kill()
