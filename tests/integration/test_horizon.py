"""What is read before a start, on real brokers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from callgauge.settings import Settings
from callgauge_streams.rollup.source.horizon import read_horizon
from tests.brokers import Broker
from tests.quickest import quickest

NOW_MS = 1_750_000_000_000


class Log:
    """A topic of one partition whose records are a second apart, by their producer's clock."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topic = f"horizon-{secrets.token_hex(4)}"
        self.admin = AdminClient(settings.librdkafka())
        # The records are old: a broker would delete them when it next looks.
        topic = NewTopic(self.topic, 1, 1, config={"retention.ms": "-1"})
        self.admin.create_topics([topic])[self.topic].result()
        self._producer = Producer(settings.librdkafka())
        self.end = 0

    def append(self, count: int) -> None:
        for _ in range(count):
            value = str(self.end).encode()
            self._producer.produce(self.topic, value, timestamp=NOW_MS + self.end * 1_000)
            self.end += 1
            if self.end % 37 == 0:
                self._producer.flush(30)
        assert self._producer.flush(30) == 0

    def before(self, start: int) -> list[int]:
        pieces = list(read_horizon(self.settings, self.topic, 0, start))
        records = [each for p in pieces for each in zip(p.offsets, p.timestamps_ms, p.values(), strict=True)]
        for offset, timestamp_ms, value in records:
            assert (timestamp_ms, value) == (NOW_MS + offset * 1_000, str(offset).encode())
        return [int(offset) for offset, *_ in records]


@pytest.fixture
def log_on(settings_of: Callable[..., Settings]) -> Callable[..., Log]:
    """Makes logs; the horizon is 50 offsets and twice 10 s unless said otherwise."""

    def make(broker: Broker, **overrides: object) -> Log:
        values: dict[str, object] = {"dedup_offsets": 50, "dedup_s": 10.0}
        return Log(settings_of(broker, **values | overrides))

    return make


def test_offsets_limit_the_horizon(broker: Broker, log_on: Callable[..., Log]) -> None:
    """... and the log's beginning; nothing at or after the start is read."""
    log = log_on(broker, dedup_s=1_000.0)
    log.append(200)
    assert log.before(150) == list(range(100, 150))
    assert log.before(200) == list(range(150, 200))
    assert log.before(20) == list(range(20))
    assert log.before(0) == []


def test_append_time_limits_the_horizon(broker: Broker, log_on: Callable[..., Log]) -> None:
    """Twice the horizon's seconds before the record at the start. (tansu finds times by batches: it may be more.)"""
    log = log_on(broker)
    log.append(200)
    found = log.before(150)
    assert found == list(range(found[0], 150))
    assert found[0] == 129 if broker.name == "kafka" else 100 <= found[0] <= 129


def test_without_deduplication_nothing_is_read(tansu: Broker, log_on: Callable[..., Log]) -> None:
    log = log_on(tansu, dedup_offsets=0)
    log.append(10)
    assert log.before(10) == []


def test_a_large_horizon_is_read_quickly(broker: Broker, log_on: Callable[..., Log]) -> None:
    log = log_on(broker, dedup_offsets=131_072, dedup_s=1e6)
    log.append(60_000)

    def read_s() -> float:
        started = time.monotonic()
        assert len(log.before(60_000)) == 60_000
        return time.monotonic() - started

    assert quickest(read_s, 10.0) < 10.0  # a request for each record takes longer


@pytest.mark.kafka
def test_retention_limits_the_horizon(kafka: Broker, log_on: Callable[..., Log]) -> None:
    """Even when it has eaten the start itself, or everything."""
    log = log_on(kafka, dedup_s=1_000.0)
    log.append(200)
    for eaten, expected in ((120, list(range(120, 150))), (180, []), (200, [])):
        for future in log.admin.delete_records([TopicPartition(log.topic, 0, eaten)]).values():
            future.result()
        assert log.before(150) == expected


@pytest.mark.kafka
def test_holes_are_no_end(kafka: Broker, log_on: Callable[..., Log]) -> None:
    """Markers and aborted records are not read; a start whose record before is a hole is one like any other."""
    log = log_on(kafka, dedup_s=1_000.0)
    producer = Producer(log.settings.librdkafka() | {"transactional.id": log.topic})
    producer.init_transactions(30)
    offset, expected = 0, []
    for number in range(6):
        producer.begin_transaction()
        for _ in range(3):
            producer.produce(log.topic, str(offset).encode(), timestamp=NOW_MS + offset * 1_000)
            expected += [offset] if number % 2 else []
            offset += 1
        producer.flush(30)
        if number % 2:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
        offset += 1
    for start in (offset, offset - 1, 12, 3):
        assert log.before(start) == [found for found in expected if found < start]
