"""Events per second of one rollup worker: `python -m tests.bench.rollup [--broker tansu|kafka] [--calls 500000]`.

Beside it, on the same topic in the same run, what the clients alone can read.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiokafka
import psutil
from confluent_kafka import Consumer, TopicPartition

from callgauge.codec import decode_window_record
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.process import peak_mb
from tests.bench.reading import Reading, Sample, reading_of
from tests.bench.report import report
from tests.bench.stream import messages_of
from tests.brokers import start_broker
from tests.chaos.load import Load, Publisher
from tests.chaos.pipeline import Role, ends, pipeline_settings

CALLS_PER_S = 5_000  # of event time: how dense the windows are, and so how many calls a row holds
GROUPINGS = "@10s service,model@10s"  # 80 series and their total
TIMEOUT_S = 600.0


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


def samples_of(settings: Settings, worker: Role, process: psutil.Process, start: int) -> Iterator[Sample]:
    """The worker's progress as it is told from offset `start` on, by its own clock."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(settings.topics.windows.name, 0, start)])
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            worker.check()
            for message in consumer.consume(1_000, timeout=0.02):
                record = decode_window_record(message.value())
                if record.kind == "progress":
                    times = process.cpu_times()
                    reached = sum(source.next_offset for source in record.sources)
                    yield Sample(record.at_ms / 1000, reached, times.user + times.system)
    finally:
        consumer.close()
    raise RuntimeError(f"the worker did not finish within {TIMEOUT_S:g} s")


def read_rollup(settings: Settings, count: int, command: Sequence[str] | None = None) -> Reading:
    """One worker, from its first progress to the one that covers all; `command` starts it otherwise than usual.

    Raises:
        RuntimeError: it ended by itself, or did not read `count` calls in time.
        ValueError: it was through before it had told its progress twice.
    """
    start = ends(settings, settings.topics.windows.name, 1)[0]
    samples = []
    with Role("rollup", settings, command) as worker:
        process = psutil.Process(worker.process.pid)
        for sample in samples_of(settings, worker, process, start):
            samples.append(sample)
            if sample.events >= count:
                break
        peak = peak_mb(process.pid)
    try:
        # progress is told once a second: the end lies somewhere in the last second, which is left out if it can be
        return reading_of(samples[:-1], peak)
    except ValueError:
        return reading_of(samples, peak)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--calls", type=int, default=500_000)
    options = parser.parse_args()
    messages = messages_of(options.calls, CALLS_PER_S)
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
