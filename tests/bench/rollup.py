"""Events per second of one rollup worker: `python -m tests.bench.rollup [--broker tansu|kafka] [--calls 500000]`.

Beside it, on the same topic in the same run, what the clients alone can read.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import aiokafka
from confluent_kafka import Consumer, TopicPartition

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.reading import Reading
from tests.bench.report import report
from tests.bench.stream import messages_of
from tests.bench.worker import read_rollup
from tests.brokers import start_broker
from tests.chaos.load import Load, Publisher
from tests.chaos.pipeline import pipeline_settings

CALLS_PER_S = 5_000  # of event time: how dense the windows are, and so how many calls a row holds
GROUPINGS = "@10s service,model@10s"  # 80 series and their total


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
