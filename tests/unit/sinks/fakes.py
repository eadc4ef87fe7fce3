"""A consumer, a store and a letter box in memory, to script what brokers and ClickHouse may do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from callgauge.schema import DeadLetter
from callgauge_history.store import StoreUnavailable


class FakeMessage:
    """A consumed message; `ts_ms` is its append time."""

    def __init__(self, value: bytes | None, topic: str = "t", partition: int = 0, offset: int = 0, ts_ms: int = 0):
        self._value, self._topic, self._partition, self._offset, self._ts_ms = value, topic, partition, offset, ts_ms

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return (2, self._ts_ms)

    def error(self) -> None:
        return None


class Refused(NamedTuple):
    """A commit's answer for a partition that the broker has refused."""

    topic: str
    partition: int
    error: KafkaError


class FakeConsumer:
    """One topic's partitions as lists of values. Gives its partitions at the first read.

    `commit_errors` are of whole commits, one each; `partition_errors`: partition -> its error in the next commit.

    As in librdkafka a pause outlives a rebalance. `on_poll` is run once, at the next poll or consume: the place for a
    rebalance.
    """

    def __init__(self, logs: dict[int, list[bytes]], topic: str = "t") -> None:
        self.logs, self.topic = logs, topic
        self.offsets: dict[int, int] = {}
        self.commits: list[dict[int, int]] = []
        self.commit_errors: list[int] = []
        self.partition_errors: dict[int, int] = {}
        self.paused: set[int] = set()
        self.closed = False
        self.on_poll: Callable[[], None] | None = None
        self._positions: dict[int, int] = {}
        self._callbacks: dict[str, Any] = {}
        self._joined = False

    def committed(self, partitions: list[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        return [TopicPartition(p.topic, p.partition, self.offsets.get(p.partition, -1001)) for p in partitions]

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(p.topic, p.partition, self._positions.get(p.partition, -1001)) for p in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int] | None:
        assert cached, "a scrape must not ask the broker"
        return 0, len(self.logs[partition.partition])

    def subscribe(self, topics: list[str], on_assign: Any = None, on_revoke: Any = None, on_lost: Any = None) -> None:
        assert topics == [self.topic]
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def assign(self, partitions: Iterable[int]) -> None:
        """The group gives partitions: reading starts at what is committed."""
        partitions = list(partitions)
        self._positions |= {partition: self.offsets.get(partition, 0) for partition in partitions}
        self._callbacks["assign"](self, [TopicPartition(self.topic, partition) for partition in partitions])

    def revoke(self, partitions: Iterable[int]) -> None:
        """The group takes partitions away."""
        partitions = list(partitions)
        self._callbacks["revoke"](self, [TopicPartition(self.topic, partition) for partition in partitions])
        for partition in partitions:
            self._positions.pop(partition)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Any]:
        self._serve()
        messages: list[Any] = []
        for partition in sorted(self._positions.keys() - self.paused):
            while self._positions[partition] < len(self.logs[partition]) and len(messages) < num_messages:
                offset = self._positions[partition]
                messages.append(FakeMessage(self.logs[partition][offset], self.topic, partition, offset))
                self._positions[partition] += 1
        return messages

    def poll(self, timeout: float = -1) -> Any:
        return next(iter(self.consume(1, timeout)), None)

    def _serve(self) -> None:
        if not self._joined:
            self._joined = True
            self.assign(self.logs)
        if self.on_poll is not None:
            action, self.on_poll = self.on_poll, None
            action()

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, partition) for partition in self._positions]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {partition.partition for partition in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {partition.partition for partition in partitions}

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[Any]:
        assert asynchronous is False
        if self.commit_errors:
            raise KafkaException(KafkaError(self.commit_errors.pop(0)))
        assert {partition.partition for partition in offsets} <= self._positions.keys(), "not ours to commit"
        errors, self.partition_errors = self.partition_errors, {}
        taken = [partition for partition in offsets if partition.partition not in errors]
        self.commits.append({partition.partition: partition.offset for partition in taken})
        self.offsets |= self.commits[-1]
        return [*taken, *(Refused(self.topic, number, KafkaError(code)) for number, code in errors.items())]

    def close(self) -> None:
        self.closed = True


class FakeStore:
    """Keeps tables; `failures` is how many inserts fail first, `on_failure` and `on_insert` are told."""

    def __init__(self, failures: int = 0, on_insert: Callable[[], None] | None = None) -> None:
        self.failures, self.on_insert = failures, on_insert
        self.tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.attempts = 0
        self.on_failure: Callable[[], None] = lambda: None

    def insert(self, table: str, rows: pa.Table) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            self.on_failure()
            raise StoreUnavailable("ClickHouse is down")
        if self.on_insert is not None:
            self.on_insert()
        self.tables[table] += rows.to_pylist()

    def columns(self, table: str) -> dict[str, str]:
        return {}


class FakeLetterBox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def write(self, letters: Iterable[DeadLetter]) -> None:
        self.letters += letters


class ManualClock:
    """Seconds that pass by `tick` each time they are read."""

    def __init__(self, tick: float = 0.5) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now
