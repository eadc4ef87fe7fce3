"""The brokers that other tests stand on: they answer, take large messages, die and come back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # mypy: admin uses the name without exporting it

from tests.brokers import Broker, start_broker

MEBIBYTE = 1 << 20


def make_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def send(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "message.max.bytes": 4 * MEBIBYTE,
            "acks": "all",
            "max.in.flight.requests.per.connection": 1,  # a retry would overtake what was sent after it
        }
    )
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(60) == 0


def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "fetch.message.max.bytes": 4 * MEBIBYTE})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    deadline = time.monotonic() + 60
    while len(values) < count and time.monotonic() < deadline:
        for message in consumer.consume(count - len(values), timeout=1):
            assert message.error() is None, message.error()
            values.append(message.value() or b"")
    consumer.close()
    return values


def test_what_is_sent_is_read(broker: Broker, topics_prefix: str) -> None:
    """Both brokers carry small messages and one of 2 MB."""
    sent = [b"one", b"two", b"x" * (2 * MEBIBYTE)]
    make_topic(broker.bootstrap, topics_prefix)
    send(broker.bootstrap, topics_prefix, sent)
    assert read(broker.bootstrap, topics_prefix, 3) == sent


def test_kafka_comes_back_with_its_log(own_kafka: Broker, topics_prefix: str) -> None:
    """Killed with -9 and started again, Kafka has what it acknowledged, on the same port."""
    make_topic(own_kafka.bootstrap, topics_prefix)
    send(own_kafka.bootstrap, topics_prefix, [b"before"])
    bootstrap, pid = own_kafka.bootstrap, own_kafka.pid
    own_kafka.kill()
    assert not own_kafka.alive
    own_kafka.start()
    send(own_kafka.bootstrap, topics_prefix, [b"after"])
    assert own_kafka.bootstrap == bootstrap
    assert own_kafka.pid != pid
    assert read(bootstrap, topics_prefix, 2) == [b"before", b"after"]


def test_tansu_comes_back_empty_and_as_another_cluster() -> None:
    """Nobody can take the new log of a restarted tansu for the old one."""
    with start_broker("tansu") as broker:
        make_topic(broker.bootstrap, "gone")
        first = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10)
        broker.kill()
        broker.start()
        second = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10)
        assert "gone" in first.topics
        assert "gone" not in second.topics
        assert first.cluster_id != second.cluster_id


def test_a_broker_dies_with_its_test_run() -> None:
    """SIGKILL of the process that started a broker ends the broker too."""
    code = "import sys, time; from tests.brokers import Tansu; b = Tansu(); b.start(); print(b.pid, flush=True)"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"{code}; time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(pid)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
