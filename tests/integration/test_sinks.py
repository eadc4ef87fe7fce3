"""The sinks against real brokers: what is sent is in ClickHouse once, what cannot be read is kept with its reason."""

from __future__ import annotations

import json
import signal
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
from callgauge_intake.client import consumer_config, open_consumer
from callgauge_intake.consumer import Intake
from callgauge_sinks.sink import Sink
from callgauge_sinks.specs import spec_of
from tests.brokers import Broker
from tests.chaos.pipeline import Role
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeLetterBox, FakeStore

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
def sinks(settings: Settings) -> Iterator[Role]:
    """The sinks as a process, once it is ready."""
    with Role("sinks", settings.model_copy(update={"sink_batch_s": 0.2})) as role:
        role.wait_ready()
        yield role


def wait_for(settings: Settings, sql: str, expected: list[list[object]], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while (rows := run_query(settings, sql).rows) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert rows == expected


@pytest.fixture
def stored(broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> Settings:
    settings = settings_of(broker, store=f"chdb://{tmp_path}/store", data_dir=tmp_path)
    ensure_topics(settings)
    return settings


def test_calls_once_and_poison_with_reasons(stored: Settings) -> None:
    """Good calls are stored once, also after kill -9 and a second start; each poison message is a dead letter."""
    calls = list(random_calls(2_000, seed=5))
    values: list[bytes | None] = [encode(call) for call in calls]
    poison = POISON | {"two megabytes": b'{"event_id": "' + b"x" * 2_000_000 + b'"}'}
    for index, value in enumerate(poison.values()):
        values.insert(index * 150, value)
    with sinks(stored) as role:
        produce(stored, stored.topics.calls.name, values)
        wait_for(stored, "SELECT count() >= 500 FROM calls", [[1]])
        role.kill()
    cost_nano = sum(round((call.cost_usd or 0) * 1e9) for call in calls)
    with sinks(stored) as role:
        wait_for(stored, "SELECT count(), sum(cost_nano) FROM calls_final", [[len(calls), cost_nano]])
        wait_for(stored, "SELECT count() FROM dead_letters FINAL", [[len(poison)]])
        reasons = run_query(stored, "SELECT reason, field, size FROM dead_letters FINAL ORDER BY size").rows
        role.process.send_signal(signal.SIGTERM)
        assert role.wait(60) == 0
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
    with sinks(stored) as role:
        assert api_file.stat().st_mode & 0o777 == 0o600
        assert json.loads(api_file.read_text())["pid"] == role.process.pid
        produce(stored, stored.topics.alerts.name, [encode(alert), encode(alert), b"{}"])
        wait_for(stored, "SELECT rule, labels['model'], value FROM alerts_latest", [["errors", "m", 0.25]])
        wait_for(stored, "SELECT count() FROM dead_letters FINAL", [[1]])
        role.process.send_signal(signal.SIGTERM)
        assert role.wait(60) == 0
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
