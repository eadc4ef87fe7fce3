"""Events per second of one rollup worker: `python -m tests.bench.rollup [--broker tansu|kafka] [--calls 500000]`.

Beside it, on the same topic in the same run, what the clients alone can read.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiokafka
import psutil
from confluent_kafka import Consumer, TopicPartition

from callgauge.codec import decode_window_record
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.report import report
from tests.brokers import start_broker
from tests.chaos.load import Load, Publisher
from tests.chaos.pipeline import Role, pipeline_settings
from tests.random_calls import random_calls

DISTINCT = 50_000
CALLS_PER_S = 5_000  # of event time: how dense the windows are, and so how many calls a row holds
GROUPINGS = "@10s service,model@10s"  # 80 series and their total
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Reading:
    """What a reader needed."""

    events: int
    seconds: float
    cpu_seconds: float
    peak_mb: float | None = None

    def row(self, name: str, baseline: Reading) -> dict[str, object]:
        per_s = self.events / self.seconds
        return {
            "reader": name,
            "events_per_s": per_s,
            "share_of_aiokafka": per_s / (baseline.events / baseline.seconds),
            "cpu_s_per_million": self.cpu_seconds / self.events * 1e6,
            "peak_rss_mb": self.peak_mb,
        }


@dataclass(frozen=True)
class Sample:
    """A worker's progress record, and what the process had used when it was read."""

    at_s: float
    events: int
    cpu_s: float


def messages_of(count: int) -> list[tuple[bytes, bytes]]:
    """Calls on the wire, about 545 bytes each: one seeded stretch again and again, with new ids and later times."""
    span_s = DISTINCT / CALLS_PER_S
    more = {
        "span_id": "00f067aa0ba902b7",
        "session_id": "session-4bf92f3577b34da6",
        "endpoint": "/v1/chat/completions",
        "user_id": "user-7f3a9c51e2",
        "response_model": "model-2025-01-31",
    }
    stretch = []
    for call in random_calls(DISTINCT, seed=1, span_s=span_s):
        value = call.model_copy(update=more).model_dump_json(exclude_defaults=True, exclude={"event_id", "ts"})
        stretch.append((call.trace_id.encode(), call.event_id, call.ts, value[1:]))
    return [
        (key, f'{{"event_id":"{number:x}-{event_id}","ts":{ts + span_s * number:.3f},{rest}'.encode())
        for number in range(-(-count // DISTINCT))
        for key, event_id, ts, rest in stretch
    ][:count]


def partitions_of(settings: Settings) -> list[int]:
    return list(range(settings.topics.calls.partitions))


async def read_aiokafka(settings: Settings, count: int) -> Reading:
    """`getmany` with the worker's batch size, values untouched."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        topic = settings.topics.calls.name
        consumer.assign([aiokafka.TopicPartition(topic, number) for number in partitions_of(settings)])
        await consumer.seek_to_beginning()
        read, started, cpu = 0, time.perf_counter(), time.process_time()
        while read < count:
            batches = await consumer.getmany(timeout_ms=1_000, max_records=settings.fetch_max_records)
            read += sum(map(len, batches.values()))
        return Reading(read, time.perf_counter() - started, time.process_time() - cpu)
    finally:
        await consumer.stop()


def read_confluent(settings: Settings, count: int) -> Reading:
    """`consume`, values untouched."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    topic = settings.topics.calls.name
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions_of(settings)])
    read, started, cpu = 0, time.perf_counter(), time.process_time()
    while read < count:
        read += len(consumer.consume(settings.fetch_max_records, timeout=1.0))
    reading = Reading(read, time.perf_counter() - started, time.process_time() - cpu)
    consumer.close()
    return reading


def samples_of(settings: Settings, worker: Role, process: psutil.Process) -> Iterator[Sample]:
    """The worker's progress as it is told, by its own clock."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(settings.topics.windows.name, 0, 0)])
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        worker.check()
        for message in consumer.consume(1_000, timeout=0.02):
            record = decode_window_record(message.value())
            if record.kind == "progress":
                times = process.cpu_times()
                reached = sum(source.next_offset for source in record.sources)
                yield Sample(record.at_ms / 1000, reached, times.user + times.system)
    consumer.close()
    raise RuntimeError(f"the worker did not finish within {TIMEOUT_S:g} s")


def read_rollup(settings: Settings, count: int) -> Reading:
    """One worker, from its first progress to the one that covers all."""
    with Role("rollup", settings) as worker:
        process = psutil.Process(worker.process.pid)
        peak, first, last = 0, None, None
        for sample in samples_of(settings, worker, process):
            peak = max(peak, process.memory_info().rss)
            first = first or sample
            # progress is told once a second: the end lies somewhere in the last second, which is left out if it can be
            if sample.events < count or last is None or last.events <= first.events:
                last = sample
            if sample.events >= count:
                return Reading(last.events - first.events, last.at_s - first.at_s, last.cpu_s - first.cpu_s, peak / 1e6)
    raise AssertionError("samples end with the whole or with an error")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--calls", type=int, default=500_000)
    options = parser.parse_args()
    messages = messages_of(options.calls)
    mean = sum(len(value) for _, value in messages) / len(messages)
    with start_broker(options.broker) as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        settings = pipeline_settings(
            broker.bootstrap, Path(folder), partitions=4, block_offsets=65_536, groupings=GROUPINGS
        )
        ensure_topics(settings)
        Publisher(settings, Load(messages, {}, 0, 0), per_s=float("inf"), gate=0).publish_all()
        bare = asyncio.run(read_aiokafka(settings, len(messages)))
        confluent = read_confluent(settings, len(messages))
        rollup = read_rollup(settings, len(messages))
    report(
        "rollup",
        [
            bare.row("bare aiokafka getmany", bare),
            confluent.row("bare confluent consume", bare),
            rollup.row("rollup worker", bare),
        ],
        title=f"Rollup of {len(messages):,} calls of {mean:.0f} bytes, 80 series, on {options.broker}",
        notes=f"grouping sets {GROUPINGS}; {CALLS_PER_S:,} calls per second of event time; 4 partitions; one by one",
    )


if __name__ == "__main__":
    main()
