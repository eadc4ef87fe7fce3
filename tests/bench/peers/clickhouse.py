"""ClickHouse's engine (chDB, in process): `consume`, insert as JSONEachRow, a materialized view that aggregates.

Does: its own JSON decoding of the fields it needs, windows by event time, sums and a DDSketch of latency (1 %) per
series, in an AggregatingMergeTree in memory-backed temporary storage. 65,536 calls an insert, one thread (it
has one core). This is the work of ClickHouse's own Kafka engine, with librdkafka's Python client in front.
Does not: offsets (a crash between insert and commit counts calls again or loses them), duplicates, dead letters. The
calls themselves go to a Null table and are not kept.
"""

from __future__ import annotations

import tempfile
from typing import Any

from chdb.session import Session
from confluent_kafka import Consumer, TopicPartition

from tests.bench.peers.fold import WINDOW_S
from tests.bench.peers.progress import Job, Progress, job_from_command_line

BATCH = 65_536
SETTINGS = "max_threads=1, max_insert_threads=1, input_format_parallel_parsing=0, input_format_skip_unknown_fields=1"


def tables(job: Job) -> tuple[str, ...]:
    """The statements that make them."""
    labels = "".join(f"{label} LowCardinality(String), " for label in job.by)
    return (
        "CREATE DATABASE bench",
        f"""CREATE TABLE bench.calls (
            {labels} ts Float64, latency_ms Float64, status LowCardinality(String),
            input_tokens UInt32, output_tokens UInt32, cost_usd Float64
        ) ENGINE = Null""",
        f"""CREATE TABLE bench.windows (
            {labels} start DateTime,
            calls SimpleAggregateFunction(sum, UInt64), errors SimpleAggregateFunction(sum, UInt64),
            input_tokens SimpleAggregateFunction(sum, UInt64), output_tokens SimpleAggregateFunction(sum, UInt64),
            cost_usd SimpleAggregateFunction(sum, Float64), latency_ms_sum SimpleAggregateFunction(sum, Float64),
            latency AggregateFunction(quantilesDD(0.01, 0.5, 0.95, 0.99), Float64)
        ) ENGINE = AggregatingMergeTree ORDER BY ({job.labels}, start)""",
        f"""CREATE MATERIALIZED VIEW bench.fold TO bench.windows AS SELECT
            {job.labels},
            toDateTime(intDiv(toUInt32(ts + latency_ms / 1000), {WINDOW_S}) * {WINDOW_S}) AS start,
            count() AS calls, countIf(status = 'error') AS errors,
            sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
            sum(cost_usd) AS cost_usd, sum(latency_ms) AS latency_ms_sum,
            quantilesDDState(0.01, 0.5, 0.95, 0.99)(latency_ms) AS latency
        FROM bench.calls GROUP BY {job.labels}, start""",
    )


def main(job: Job) -> None:
    """Read until ended from outside."""
    consumer = Consumer({"bootstrap.servers": job.bootstrap, "group.id": job.group, "enable.auto.commit": False})
    partitions = consumer.list_topics(job.topic, timeout=30).topics[job.topic].partitions
    with tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        open_session: Any = Session  # chdb has no types
        session = open_session(folder)
        for statement in tables(job):
            session.query(statement)
        consumer.assign([TopicPartition(job.topic, number, 0) for number in partitions])
        progress = Progress(job.count)
        while True:
            values = [message.value() or b"" for message in consumer.consume(BATCH, timeout=1.0)]
            if values:
                insert = session.send_insert(f"INSERT INTO bench.calls SETTINGS {SETTINGS}", "JSONEachRow")
                insert.append(b"\n".join(values))
                insert.finish()
                progress.add(len(values))


if __name__ == "__main__":
    main(job_from_command_line())
