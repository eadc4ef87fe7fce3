"""Asks the bus how far each consumer group is."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka._model import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError
from callgauge.settings import Settings
from callgauge_intake.lag import Lag

__all__ = ["GROUPS", "lags_of", "read_lags", "unprocessed_in"]

#: Role of a consumer group -> the topics it reads, by their name in `Topics`.
GROUPS: dict[str, tuple[str, ...]] = {
    "rollup": ("calls", "scores"),
    "detect": ("windows",),
    "quality": ("content", "calls"),
    "judge": ("content",),
    "sink-calls": ("calls",),
    "sink-scores": ("scores",),
    "sink-content": ("content",),
    "sink-heartbeats": ("heartbeats",),
    "sink-windows": ("windows",),
    "sink-alerts": ("alerts",),
    "sink-rules": ("rules",),
    "sink-dead": ("dead",),
    "notify": ("alerts",),
}
TIMEOUT_S = 10.0
Partition = tuple[str, int]
_METRIC = re.compile(r"^callgauge_lag_records\{(?P<labels>[^}]*)\} (?P<value>\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def unprocessed_in(metrics: str) -> dict[Partition, int]:
    """Topic and partition -> records that a worker is not done with, from the page of its metrics."""
    found = {}
    for match in _METRIC.finditer(metrics):
        labels = dict(_LABEL.findall(match["labels"]))
        found[labels["topic"], int(labels["partition"])] = int(float(match["value"]))
    return found


def lags_of(
    settings: Settings,
    ends: Mapping[Partition, int],
    committed: Mapping[str, Mapping[Partition, int]],
    unprocessed: Mapping[str, Mapping[Partition, int]],
) -> list[Lag]:
    """One `Lag` for each group and partition.

    Args:
        committed: role -> its committed offsets.
        unprocessed: role -> what its metrics tell.
    """
    # A judge runs only where one is set up.
    groups = {role: read for role, read in GROUPS.items() if role != "judge" or settings.judge_url}
    topics = {role: {getattr(settings.topics, name).name for name in read} for role, read in groups.items()}
    return [
        Lag(
            settings.group(role),
            *partition,
            committed.get(role, {}).get(partition),
            end,
            unprocessed.get(role, {}).get(partition),
        )
        for role in topics
        for partition, end in sorted(ends.items())
        if partition[0] in topics[role]
    ]


def read_lags(settings: Settings, unprocessed: Mapping[str, Mapping[Partition, int]]) -> list[Lag]:
    """How far each group is; partitions of topics that do not exist are left out.

    Raises:
        BrokerError: the bus does not answer.
    """
    names = {getattr(settings.topics, name).name for topics in GROUPS.values() for name in topics}
    quiet = settings.librdkafka() | {"log_level": 0}
    try:
        admin = AdminClient(quiet)
        listed = admin.list_topics(timeout=TIMEOUT_S).topics
        partitions = [(name, number) for name in names & listed.keys() for number in listed[name].partitions]
        committed = {role: _committed(admin, settings.group(role)) for role in GROUPS}
        return lags_of(settings, _ends(quiet, settings.group("reader"), partitions), committed, unprocessed)
    except KafkaException as error:
        raise BrokerError(f"the bus at {settings.bootstrap_servers} does not answer: {error.args[0].str()}") from error


def _committed(admin: AdminClient, group: str) -> dict[Partition, int]:
    request = [ConsumerGroupTopicPartitions(group)]
    answer = admin.list_consumer_group_offsets(request, request_timeout=TIMEOUT_S)[group].result(TIMEOUT_S)
    return {(tp.topic, tp.partition): tp.offset for tp in answer.topic_partitions if tp.offset >= 0}


def _ends(config: Mapping[str, object], group: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The offset after the last record of each partition.

    Read up to there: asked for the end, tansu 0.6 answers with the first offset of the last batch.
    """
    own = {"group.id": group, "enable.auto.commit": False, "enable.partition.eof": True}
    own |= {"fetch.wait.max.ms": 20, "fetch.error.backoff.ms": 20}  # by default each fetch of nothing waits for 500
    consumer = Consumer({**config, **own})
    try:
        consumer.assign([TopicPartition(*partition, OFFSET_END) for partition in partitions])
        ends: dict[Partition, int] = {}
        deadline = time.monotonic() + TIMEOUT_S
        while len(ends) < len(partitions):
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            ends |= dict(filter(None, map(_end, consumer.consume(1_000, timeout=0.05))))
        return ends
    finally:
        consumer.close()


def _end(message: Message) -> tuple[Partition, int] | None:
    """The end that a message tells; None if it is a record."""
    fault = message.error()
    if fault is None:
        return None
    if fault.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(fault)
    return (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
