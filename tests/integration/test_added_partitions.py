"""Partitions that are added to a topic in use: of the windows topic detect says what is wrong and what to do; those of
the calls topic are rolled up and stored within seconds, and until then completeness does not say exact."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from callgauge.codec import encode
from callgauge.settings import Settings, load_settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.integration.test_completeness import command
from tests.random_calls import random_calls

CALLS = 3_000


def add_partitions(settings: Settings, topic: str, total: int) -> None:
    admin = AdminClient(settings.librdkafka())
    admin.create_partitions([NewPartitions(topic, total)])[topic].result(30)


def test_detect_says_what_is_wrong_with_added_partitions_of_the_windows_topic(kafka: Broker, tmp_path: Path) -> None:
    """While it runs, and when it is started again."""
    settings = pipeline_settings(kafka.bootstrap, tmp_path, windows_partitions=2, groupings=load_settings().groupings)
    ensure_topics(settings)
    windows = settings.topics.windows.name
    wrong = f"{windows} has 3 partitions, CALLGAUGE_WINDOWS_PARTITIONS is 2: all rows of a series must stay in one"
    with Role("detect", settings) as detect:
        detect.wait_ready()
        add_partitions(settings, windows, 3)
        assert wait_until(lambda: not detect.alive, 90, poll_s=0.2)
        assert detect.process.poll() != 0
        said = detect.log.read_text()
        assert wrong in said
        assert f"delete {windows}, {settings.topics.alerts.name}, {settings.topics.alerts_current.name} and" in said
        assert "is the broker up?" not in said
        detect.log.unlink()
        detect.start()
        assert detect.wait(60) == 1
        assert f"callgauge: error: {wrong}" in detect.log.read_text()
        assert "Traceback" not in detect.log.read_text()


def test_added_partitions_of_the_calls_topic_are_stored_within_seconds(kafka: Broker, tmp_path: Path) -> None:
    """Completeness says that they are on their way until they are."""
    settings = pipeline_settings(kafka.bootstrap, tmp_path, partitions=4)
    ensure_topics(settings)
    calls = settings.topics.calls.name
    send(settings, lambda at: at % 4)
    with Role("rollup", settings) as rollup:
        with Role("sinks", settings) as sinks:
            rollup.wait_ready()
            sinks.wait_ready()
            wait_for_code(settings, 0)
        # Nobody is there to find the new partitions.
        rollup.kill()
        add_partitions(settings, calls, 7)
        send(settings, lambda at: 4 + at % 3)
        code, output = command(settings, "--json")
        found = json.loads(output)
        assert (code, found["status"], found["to_come"]) == (3, "on its way", CALLS)
        assert sum("neither rollup nor a sink has told of this partition yet" in line for line in found["pending"]) == 3
        rollup.start()
        with Role("sinks", settings) as sinks:
            sinks.wait_ready()
            wait_for_code(settings, 0)
            # Both run now, and look every three seconds; a client by default every five minutes.
            add_partitions(settings, calls, 8)
            send(settings, lambda at: 7)
            code, output = command(settings)
            assert code in (0, 3), output
            wait_for_code(settings, 0, within_s=60)
            assert json.loads(command(settings, "--json")[1])["totals"]["stored"] == 3 * CALLS


def send(settings: Settings, partition_of: Callable[[int], int]) -> None:
    """Sends calls, each to the partition that is given for its number."""
    producer = Producer(settings.librdkafka() | {"topic.metadata.refresh.interval.ms": 500})
    for at, call in enumerate(random_calls(CALLS, seed=partition_of(0))):
        renamed = call.model_copy(update={"event_id": f"{partition_of(at)}-{at}"})
        producer.produce(settings.topics.calls.name, encode(renamed), partition=partition_of(at))
    assert producer.flush(30) == 0


def wait_for_code(settings: Settings, code: int, within_s: float = 60) -> None:
    last: list[tuple[int, str]] = []

    def holds() -> bool:
        last[:] = [command(settings)]
        return last[0][0] == code

    assert wait_until(holds, within_s, poll_s=1.0), last
