"""What the harness asks of a broker."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import Producer

from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.chaos.pipeline import ends, pipeline_settings, quiet


def test_the_end_is_behind_the_last_batch(broker: Broker, tmp_path: Path) -> None:
    """Not within it, and not only where there is something."""
    settings = pipeline_settings(broker.bootstrap, tmp_path)
    ensure_topics(settings)
    topic = settings.topics.calls.name
    producer = Producer(quiet(settings) | {"linger.ms": 200})
    for size in (5, 100):
        for _ in range(size):
            producer.produce(topic, b"{}", partition=1)
        producer.flush(30)
    assert ends(settings, topic, 2) == [0, 105]
