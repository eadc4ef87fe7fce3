"""A limit: aiokafka's `getmany` in large batches, values untouched. Nothing is decoded or aggregated.

The client that callgauge's own worker reads with (through Faust), so this is the most that worker could do.
"""

from __future__ import annotations

import asyncio

import aiokafka

from tests.bench.peers.progress import Job, Progress, job_from_command_line

BATCH = 8_192


async def main(job: Job) -> None:
    """Read until ended from outside."""
    consumer = aiokafka.AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    progress = Progress(job.count)
    while True:
        batches = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
        if read := sum(map(len, batches.values())):
            progress.add(read)


if __name__ == "__main__":
    asyncio.run(main(job_from_command_line()))
