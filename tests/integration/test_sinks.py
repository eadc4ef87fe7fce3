"""The sinks against real brokers: what is sent is in ClickHouse once, what cannot be read is kept with its reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from callgauge.codec import encode
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import run_query
from callgauge_intake.consumer import Intake, consumer_config, open_consumer
from callgauge_sinks.sink import Sink
from callgauge_sinks.specs import spec_of
from tests.brokers import Broker
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeLetterBox, FakeStore

RUN = """
from callgauge.settings import load_settings
from callgauge_sinks.app import run
run(load_settings())
"""

POISON: dict[str, bytes | None] = {
    "not JSON": b"{'event_id': 1",
    "not UTF-8": b'{"event_id": "\xff\xfe"}',
    "wrong type": b'{"event_id": "e", "ts": "yesterday", "service": "s"}',
    "NaN": b'{"event_id": "e", "ts": NaN, "service": "s"}',
    "before 1970": b'{"event_id": "e", "ts": -5, "service": "s"}',
    "array": b"[]",
    "empty": b"",
    "tombstone": None,
    "missing": b'{"event_id": "e", "ts": 1}',
}


def produce(settings: Settings, topic: str, values: list[bytes | None]) -> None:
    config = {"acks": "all", "message.max.bytes": 4_000_000, "partitioner": "murmur2_random"}
    producer = Producer(settings.librdkafka() | config)
    errors: list[str] = []
    for index, value in enumerate(values):
        producer.produce(topic, value, str(index), on_delivery=lambda e, _: errors.append(str(e)) if e else None)
        producer.poll(0)
    assert producer.flush(30) == 0
    assert not errors


@contextmanager
def sinks(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """The sinks as a process, until it is ready."""
    ready = settings.ready_file
    assert ready is not None
    ready.unlink(missing_ok=True)
    environment = os.environ | {
        "CALLGAUGE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CALLGAUGE_TOPIC_PREFIX": settings.topic_prefix,
        "CALLGAUGE_GROUP_PREFIX": settings.group_prefix,
        "CALLGAUGE_SESSION_TIMEOUT_S": str(settings.session_timeout_s),
        "CALLGAUGE_HEARTBEAT_S": str(settings.heartbeat_s),
        "CALLGAUGE_API_PORT": str(settings.api_port),
        "CALLGAUGE_STORE": settings.store.get_secret_value(),
        "CALLGAUGE_DATA_DIR": str(settings.data_dir),
        "CALLGAUGE_READY_FILE": str(ready),
        "CALLGAUGE_SINK_BATCH_S": "0.2",
    }
    process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "the sinks are not ready after 60 s"
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(settings: Settings, sql: str, expected: list[list[object]], within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while (rows := run_query(settings, sql).rows) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert rows == expected


@pytest.fixture
def stored(broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> Settings:
    settings = settings_of(
        broker, store=f"chdb://{tmp_path}/store", data_dir=tmp_path / "data", ready_file=tmp_path / "ready"
    )
    ensure_topics(settings)
    return settings


def test_calls_once_and_poison_with_reasons(stored: Settings) -> None:
    """Good calls are stored once, also after kill -9 and a second start; each poison message is a dead letter."""
    calls = list(random_calls(2_000, seed=5))
    values: list[bytes | None] = [encode(call) for call in calls]
    poison = POISON | {"two megabytes": b'{"event_id": "' + b"x" * 2_000_000 + b'"}'}
    for index, value in enumerate(poison.values()):
        values.insert(index * 150, value)
    with sinks(stored) as process:
        produce(stored, stored.topics.calls.name, values)
        wait_for(stored, "SELECT count() >= 500 FROM calls", [[1]])
        process.kill()
    cost_nano = sum(round((call.cost_usd or 0) * 1e9) for call in calls)
    with sinks(stored) as process:
        wait_for(stored, "SELECT count(), sum(cost_nano) FROM calls_final", [[len(calls), cost_nano]])
        wait_for(stored, "SELECT count() FROM dead_letters FINAL", [[len(poison)]])
        reasons = run_query(stored, "SELECT reason, field, size FROM dead_letters FINAL ORDER BY size").rows
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert all(reason for reason, _, _ in reasons)
    assert reasons[-1][2] == 2_000_016
    assert {"ts", "service"} <= {field for _, field, _ in reasons}


def test_alerts_and_the_api(stored: Settings) -> None:
    """Alerts are stored by (fingerprint, starts_at, seq); the API's file is the owner's alone and gone at the end."""
    alert = Alert(
        alert_id="a", fingerprint="f", seq=0, state="firing", rule="errors", severity="critical", labels={"model": "m"},
        starts_at=1_700_000_000.0, at=1_700_000_060.0, aggregate="error_rate", lookback_s=60, op=">", threshold=0.1,
        value=0.25, n=100, summary="error_rate of m is 25 %",
    )  # fmt: skip
    api_file = stored.data_dir / "api.json"
    with sinks(stored) as process:
        assert api_file.stat().st_mode & 0o777 == 0o600
        assert json.loads(api_file.read_text())["pid"] == process.pid
        produce(stored, stored.topics.alerts.name, [encode(alert), encode(alert), b"{}"])
        wait_for(stored, "SELECT rule, labels['model'], value FROM alerts_latest", [["errors", "m", 0.25]])
        wait_for(stored, "SELECT count() FROM dead_letters FINAL", [[1]])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not api_file.exists()


class CountingStore(FakeStore):
    """Slow and down at first; knows each event once."""

    def __init__(self, failures: int) -> None:
        super().__init__(failures)
        self.events: set[str] = set()

    def insert(self, table: str, rows: pa.Table) -> None:
        super().insert(table, rows)
        self.events |= set(rows["event_id"].to_pylist())


def test_a_store_that_is_down_and_a_second_sink(stored: Settings) -> None:
    """While inserts fail the sink reads nothing and stays in its group; a second one joins; nothing is lost."""
    calls = list(random_calls(3_000, seed=6))
    produce(stored, stored.topics.calls.name, [encode(call) for call in calls])
    stores = [CountingStore(failures=6), CountingStore(failures=2)]

    def start(store: CountingStore) -> tuple[Sink, threading.Thread]:
        # Subscribed and run at once: a member that joined and does not poll keeps the whole group waiting.
        sink = Sink(
            replace(spec_of("calls", stored), batch_rows=200, batch_s=0.2),
            Intake(open_consumer(stored, "sink-calls"), stored.topics.calls.name, time.monotonic),
            store,
            FakeLetterBox(),
            waits=lambda: iter([0.5] * 100),
        )
        thread = threading.Thread(target=sink.run)
        thread.start()
        return sink, thread

    made = [start(stores[0])]
    assert made[0][0].ready.wait(30)
    made.append(start(stores[1]))
    until = time.monotonic() + 60
    while len(stores[0].events | stores[1].events) < len(calls) and time.monotonic() < until:
        time.sleep(0.1)
    produce(stored, stored.topics.calls.name, [encode(call) for call in random_calls(500, seed=7)])
    while len(stores[0].events | stores[1].events) < len(calls) + 500 and time.monotonic() < until:
        time.sleep(0.1)
    for sink, _ in made:
        sink.stop()
    for _, thread in made:
        thread.join()
    expected = {call.event_id for call in calls} | {call.event_id for call in random_calls(500, seed=7)}
    assert stores[0].events | stores[1].events == expected
    topic = stored.topics.calls
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    reader = Consumer(consumer_config(stored, "sink-calls"))
    committed = sum(partition.offset for partition in reader.committed(partitions, timeout=10) if partition.offset > 0)
    reader.close()
    assert committed == len(expected)
