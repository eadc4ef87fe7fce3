"""A stream of calls, the workers on it, and what they have said on the windows topic."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from callgauge.codec import encode
from callgauge.origins import describe_origins
from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.as_sent import read_records
from tests.chaos.load import GROUPINGS, Load, Publisher
from tests.chaos.pipeline import Role, committed, ends, role_command
from tests.oracle import Key, merged, recount
from tests.random_calls import random_calls

__all__ = ["RollupStream", "WindowsLog"]


class WindowsLog:
    """Everything on the windows topic, read on from where it was read last."""

    def __init__(self, settings: Settings) -> None:
        topic, calls = settings.topics.windows, settings.topics.calls.name
        self._calls_origin = describe_origins(settings, [calls])[calls].id
        self._partitions = [TopicPartition(topic.name, number, 0) for number in range(topic.partitions)]
        own = {"group.id": "unused", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 50}
        self._consumer = Consumer(settings.librdkafka() | own)
        self._consumer.assign(self._partitions)
        self.records: list[tuple[int, Any]] = []
        """Each with its partition; in order within a partition."""
        self.rows: list[Any] = []
        self.summaries: dict[tuple[str, int], Any] = {}
        self.next_offsets: dict[str, dict[str, int]] = {}
        self._at = [0] * topic.partitions
        self._at_end = [False] * topic.partitions

    def read(self) -> WindowsLog:
        """Take in all that is on the topic now."""
        wanted = [self._consumer.get_watermark_offsets(tp, timeout=20)[1] for tp in self._partitions]

        def reached() -> bool:
            # Asked for the end, tansu names the first offset of the last batch; the consumer finds the end itself.
            self.poll()
            return all(a >= b for a, b in zip(self._at, wanted, strict=True)) and all(self._at_end)

        if not wait_until(reached, 60, poll_s=0):
            raise AssertionError(f"read the windows topic up to {self._at}, not up to its end, {wanted}")
        return self

    def poll(self) -> WindowsLog:
        """Take in some of what has come since; for conditions that are waited for."""
        for message in self._consumer.consume(10_000, timeout=0.05):
            partition, offset, error = message.partition() or 0, message.offset() or 0, message.error()
            self._at_end[partition] = error is not None
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                continue
            self._at[partition] = offset + 1
            for record in read_records(message.value()):
                self.records.append((partition, record))
                self._take(record)
        return self

    def _take(self, record: Any) -> None:
        if record.kind == "row":
            self.rows.append(record)
        elif record.kind == "summary":
            key = (record.source, record.block)
            known = self.summaries.get(key)
            if known is None or (record.complete, record.last_offset) >= (known.complete, known.last_offset):
                self.summaries[key] = record
        elif record.kind == "progress":
            reached = {source.source: source.next_offset for source in record.sources}
            self.next_offsets[record.worker.rpartition("-")[2]] = reached

    def starts(self, partition: int = 0) -> list[Any]:
        """The epoch starts of calls in one partition of the topic, repetitions left out."""
        told: dict[tuple[str, int], Any] = {}
        for number, record in self.records:
            if number == partition and record.kind == "epoch" and record.source.startswith(self._calls_origin):
                told.setdefault((record.source, record.term), record)
        return list(told.values())

    def counted(self) -> int:
        """Calls in all blocks' newest summaries."""
        return sum(summary.counted for summary in self.summaries.values())

    def reached_by(self, pid: int) -> int:
        """Sum of the next offsets that the worker with this pid has told."""
        return sum(self.next_offsets.get(str(pid), {}).values())

    def confirmed_below(self, partition: int, offset: int) -> dict[str, int]:
        """How many calls of the blocks before `offset` are in rows, per grouping set."""
        newest: dict[tuple[Any, ...], Any] = {}
        for row in self.rows:
            if row.source.endswith(f"/{partition}") and row.block < offset:
                identity = (row.grouping, row.series_id, row.window_start_ms, row.block)
                newest[identity] = max(newest.get(identity, row), row, key=lambda r: int(r.n))
        counts: Counter[str] = Counter()
        for (grouping, *_), row in newest.items():
            counts[grouping] += row.n
        return dict(counts)

    def close(self) -> None:
        self._consumer.close()


class RollupStream:
    """Topics of its own, calls sent to them, and rollup workers, good and faulty."""

    def __init__(self, settings: Settings) -> None:
        ensure_topics(settings)
        self.settings = settings
        self.windows = WindowsLog(settings)
        self.calls: list[Call] = []
        self._slices = 0

    def publish(self, count: int) -> None:
        """Send the next `count` calls and wait until the broker has them."""
        self._slices += 1
        start = 1_700_000_000.0 + 10 * self._slices
        calls = list(random_calls(count, seed=self._slices, start=start, span_s=10.0))
        messages = [(call.trace_id.encode(), encode(call)) for call in calls]
        Publisher(self.settings, Load(messages, {}, 0, 0), per_s=float("inf"), gate=0).publish_all()
        self.calls += calls

    def worker(self, number: int = 0) -> Role:
        """A rollup worker, to be entered."""
        return Role(f"rollup{number}", self.settings, role_command("rollup"))

    def faulty(self, point: str, nth: int, role: str = "rollup") -> Role:
        """A worker that fails at a point."""
        command = [sys.executable, "-m", "tests.integration.faulty_worker", point, str(nth), role]
        return Role(f"faulty {point}", self.settings, command)

    def committed(self) -> list[int]:
        """The rollup group's committed offsets; -1 where none."""
        topic = self.settings.topics.calls
        return committed(self.settings, "rollup", topic.name, topic.partitions)

    def wait_counted(self, worker: Role, timeout_s: float = 60.0) -> None:
        """Wait until the blocks' summaries count all calls sent."""

        def all_counted() -> bool:
            worker.check()
            return self.windows.poll().counted() >= len(self.calls)

        if not wait_until(all_counted, timeout_s, poll_s=0.1):
            raise AssertionError(f"{self.windows.counted()} of {len(self.calls)} counted after {timeout_s:g} s")

    def wait_reached(self, worker: Role, timeout_s: float = 60.0) -> None:
        """Wait until this very worker has read to the end of every partition."""
        topic = self.settings.topics.calls
        end = sum(ends(self.settings, topic.name, topic.partitions))

        def reached() -> bool:
            worker.check()
            return self.windows.poll().reached_by(worker.process.pid) >= end

        if not wait_until(reached, timeout_s, poll_s=0.1):
            at = self.windows.reached_by(worker.process.pid)
            raise AssertionError(f"{worker.name} is at {at} of {end} after {timeout_s:g} s")

    def assert_commits_are_confirmed(self) -> list[int]:
        """Everything before the committed offsets is in rows on the topic, once; returns the offsets."""
        offsets = self.committed()
        self.windows.read()
        for partition, offset in enumerate(offsets):
            found = self.windows.confirmed_below(partition, offset)
            expected = dict.fromkeys(GROUPINGS.split(), offset) if offset > 0 else {}
            assert found == expected, f"partition {partition} is committed at {offset}"
        return offsets

    def totals(self) -> dict[Key, Counter[str]]:
        """The windows, out of all rows sent so far."""
        return merged(self.windows.read().rows)

    def assert_exact(self) -> None:
        """The windows are the recount of all calls sent."""
        assert self.windows.read().counted() == len(self.calls)
        assert self.totals() == recount(self.calls, GROUPINGS)

    def close(self) -> None:
        self.windows.close()
