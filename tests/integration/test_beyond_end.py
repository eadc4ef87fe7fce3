"""A committed offset beyond the log's end (the topic was made anew, or cut) is explained, and never goes unnoticed."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_streams.bus.reader import PartitionHead, open_reader
from callgauge_streams.rollup.reaggregate import set_back
from tests.brokers import Broker
from tests.chaos.pipeline import Role, committed, pipeline_settings
from tests.integration.test_detect import GROUPINGS, RULES, Publisher, told


def produce(settings: Settings, topic: str, partition: int, count: int) -> None:
    producer = Producer(settings.librdkafka() | {"linger.ms": 200})
    for _ in range(count):
        producer.produce(topic, b"{}", partition=partition)
    assert producer.flush(30) == 0


def commit(settings: Settings, role: str, topic: str, partition: int, offset: int) -> None:
    """Commit as the group's worker did on a log that is no more."""
    group = settings.group(role)
    consumer = Consumer(settings.librdkafka() | {"group.id": group})
    try:
        consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    finally:
        consumer.close()


def test_the_end_is_told_only_where_it_lies_before(broker: Broker, tmp_path: Path) -> None:
    """On both brokers an offset within the log, or at its end, is none beyond it."""
    settings = pipeline_settings(broker.bootstrap, tmp_path)
    ensure_topics(settings)
    topic = settings.topics.calls.name
    for _ in range(2):
        produce(settings, topic, 0, 50)
    for offset in (0, 60, 99, 100):
        with open_reader(settings) as reader:
            assert not PartitionHead(reader, topic, 0).ends_before(offset)
    if broker.name == "kafka":  # tansu does not answer a fetch beyond the end
        with open_reader(settings) as reader:
            assert PartitionHead(reader, topic, 0).ends_before(101)


def test_rollup_ends_and_says_what_to_do(kafka: Broker, tmp_path: Path) -> None:
    """And what it says to do helps."""
    settings = pipeline_settings(kafka.bootstrap, tmp_path)
    ensure_topics(settings)
    topic = settings.topics.calls.name
    produce(settings, topic, 1, 10)
    commit(settings, "rollup", topic, 1, 5_000)
    with Role("rollup", settings) as rollup:
        assert wait_until(lambda: not rollup.alive, 60, poll_s=0.2)
        assert rollup.process.poll() != 0
        said = rollup.log.read_text()
        assert f"{topic}-1: offset 5,000 was committed, but the log ends at 10: the topic was made anew, or its" in said
        assert "`callgauge reaggregate --from 1970-01-01 --topic calls`" in said
        assert wait_until(lambda: _no_members(settings), 60, poll_s=0.5)
        assert [(move.partition, move.start) for move in set_back(settings, topic, 0) if move.start >= 0] == [(1, 0)]
        rollup.start()
        rollup.wait_ready()


def _no_members(settings: Settings) -> bool:
    group = settings.group("rollup")
    admin = AdminClient(settings.librdkafka())
    return not admin.describe_consumer_groups([group], request_timeout=20)[group].result().members


def test_detect_judges_the_log_from_its_beginning(kafka: Broker, tmp_path: Path) -> None:
    """It would be silent until the new log is as long as the old one was."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    settings = pipeline_settings(kafka.bootstrap, tmp_path, groupings=GROUPINGS, rules_file=rules)
    ensure_topics(settings)
    windows = settings.topics.windows.name
    Publisher(settings).to(20)
    commit(settings, "detect", windows, 0, 100_000)
    with Role("detect", settings) as detect:
        detect.wait_ready()
        assert wait_until(lambda: {alert.labels["model"] for alert in told(settings)} >= {"m0", "m1", "m2"}, 60)
        detect.check()
        assert f"{windows}-0: offset 100,000 was committed, but the log ends at " in detect.log.read_text()
        assert wait_until(lambda: 0 < committed(settings, "detect", windows, 1)[0] < 100_000, 60, poll_s=0.2)
