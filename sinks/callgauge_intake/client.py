"""The client of the broker that sinks, evaluator and notifiers read with: its settings, and what is used of it."""

from __future__ import annotations

import logging
from typing import Any, Literal, Protocol

from confluent_kafka import Consumer, KafkaError, TopicPartition

from callgauge.log_once import LibrdkafkaLog, LogOnce
from callgauge.settings import Settings

__all__ = ["ConsumerLike", "consumer_config", "open_consumer"]

log = logging.getLogger(__name__)


class ConsumerLike(Protocol):
    """The methods of a confluent-kafka consumer that are used here."""

    def subscribe(self, topics: list[str], on_assign: Any = ..., on_revoke: Any = ..., on_lost: Any = ...) -> None: ...
    def consume(self, num_messages: int = ..., timeout: float = ...) -> list[Any]: ...
    def poll(self, timeout: float = ...) -> Any: ...
    def assignment(self) -> list[TopicPartition]: ...
    def committed(self, partitions: list[TopicPartition], timeout: float = ...) -> list[TopicPartition]: ...
    def pause(self, partitions: list[TopicPartition]) -> None: ...
    def resume(self, partitions: list[TopicPartition]) -> None: ...
    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[False]) -> list[Any]: ...
    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]: ...
    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int] | None: ...
    def close(self) -> None: ...


def consumer_config(settings: Settings, role: str) -> dict[str, Any]:
    """The librdkafka settings of a sink or notifier."""
    config = settings.librdkafka() | {
        "group.id": settings.group(role),
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": int(settings.session_timeout_s * 1e3),
        "heartbeat.interval.ms": int(settings.heartbeat_s * 1e3),
        # An insert may take a minute; the group must not take our partitions away meanwhile.
        "max.poll.interval.ms": max(300_000, int(settings.session_timeout_s * 1e3)),
        # Partitions that are added to a topic are read within seconds; until then nobody stores or tells them.
        "topic.metadata.refresh.interval.ms": 3_000,
        "queued.max.messages.kbytes": 32_768,
        "log_level": 4,
    }
    if settings.worker_name:
        config["group.instance.id"] = f"{settings.worker_name}-{role}"
    return config


def open_consumer(settings: Settings, role: str) -> ConsumerLike:
    """A consumer in the role's group."""
    once = LogOnce(log, again_after_s=60.0)

    def on_error(error: KafkaError) -> None:
        what = "trying again; if this stays: is the broker at %s up, and is CALLGAUGE_BOOTSTRAP_SERVERS right?"
        once.warn(error.name(), f"%s: %s; {what}", settings.group(role), error.str(), settings.bootstrap_servers)

    config = consumer_config(settings, role) | {"error_cb": on_error}
    consumer: ConsumerLike = Consumer(config, logger=LibrdkafkaLog(again_after_s=60.0))
    return consumer
