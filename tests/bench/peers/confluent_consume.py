"""A limit: confluent-kafka's `consume` in large batches, values untouched. Nothing is decoded or aggregated."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition

from tests.bench.peers.progress import Job, Progress, job_from_command_line

BATCH = 8_192


def main(job: Job) -> None:
    """Read until ended from outside."""
    consumer = Consumer({"bootstrap.servers": job.bootstrap, "group.id": job.group, "enable.auto.commit": False})
    partitions = consumer.list_topics(job.topic, timeout=30).topics[job.topic].partitions
    consumer.assign([TopicPartition(job.topic, number, 0) for number in partitions])
    progress = Progress(job.count)
    while True:
        if batch := consumer.consume(BATCH, timeout=1.0):
            progress.add(len(batch))


if __name__ == "__main__":
    main(job_from_command_line())
