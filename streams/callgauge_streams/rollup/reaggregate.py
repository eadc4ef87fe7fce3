"""Aggregates the past again: sets the rollup group back, so that the next worker reads from there.

It tells everybody an `EpochStart` further back: rows of another epoch from there on are void, those of the same epoch
come out equal and replace themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError, SettingError
from callgauge.settings import Settings
from callgauge_streams.bus.blocks import block_start_from
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.reader import PartitionHead, open_reader

__all__ = ["Move", "epoch_ms", "set_back"]

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Move:
    """What the command does with one partition."""

    partition: int
    committed: int
    """The offset that the group had committed; -1: none."""
    start: int
    """The offset that it is set to; -1: none."""
    remark: str = ""
    """Why `start` is not the block of the time asked for; "" if it is."""


def epoch_ms(time: str) -> int:
    """Epoch seconds, or an ISO 8601 time (UTC unless it says otherwise), as epoch milliseconds.

    Raises:
        SettingError: it is neither.
    """
    try:
        return round(float(time) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        raise SettingError(f"{time!r} is neither epoch seconds nor an ISO 8601 time like 2026-05-01T12:00") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def set_back(settings: Settings, topic: str, since_ms: int) -> list[Move]:
    """Let rollup begin again at the blocks that hold the first record of each partition appended at that time or later.

    Args:
        topic: name of the calls or the scores topic.

    Raises:
        BrokerError: a rollup worker is running, or the broker refused or cannot be reached; nothing was changed.
    """
    group = settings.group("rollup")
    with _speaking(settings) as admin:
        members = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group].result().members
        if members:
            raise _still_running(f"{len(members)} workers of group {group} are running")
        partitions = admin.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        found = _committed(settings, group, topic, sorted(partitions))
        with open_reader(settings) as reader:
            moves = [_move(settings, PartitionHead(reader, topic, tp.partition), tp, since_ms) for tp in found]
        notes = {tp.partition: CommitNote(term=CommitNote.decode(tp.metadata).term) for tp in found}
        _commit(admin, group, topic, {move: notes[move.partition] for move in moves if move.start != move.committed})
    return moves


def _move(settings: Settings, log: PartitionHead, committed: TopicPartition, since_ms: int) -> Move:
    at, partition = committed.offset, committed.partition
    if at < 0:
        return Move(partition, -1, -1, "never read: begins at the log's start as it is")
    asked = log.first_at(since_ms)
    if asked is None:
        return Move(partition, at, at, "no record since then")
    start, remark = asked // settings.block_offsets * settings.block_offsets, ""
    if start < log.start:
        first = log.first_from(log.start)
        start = block_start_from(log.start, first, log, settings.block_offsets) if first else at
        remark = f"the log begins at {log.start}: the first whole block after that"
    return Move(partition, at, start, remark) if start < at else Move(partition, at, at, "not read up to there yet")


def _committed(settings: Settings, group: str, topic: str, partitions: list[int]) -> list[TopicPartition]:
    consumer = Consumer(settings.librdkafka() | {"group.id": group, "enable.auto.commit": False, "log_level": 0})
    try:
        return consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=_TIMEOUT_S)
    finally:
        consumer.close()


def _commit(admin: AdminClient, group: str, topic: str, moves: dict[Move, CommitNote]) -> None:
    # This client refuses metadata that ends with a zero, as a note does.
    written = {move: note.encode().rstrip("\0") for move, note in moves.items()}
    offsets = [TopicPartition(topic, m.partition, m.start, metadata=note) for m, note in written.items()]
    if not offsets:
        return
    request = [ConsumerGroupTopicPartitions(group, offsets)]
    answer = admin.alter_consumer_group_offsets(request, request_timeout=_TIMEOUT_S)[group].result()
    for tp in answer.topic_partitions:
        if tp.error is not None:
            # tansu does not tell who is a member, and refuses the commit as long as the group exists, even after all
            # have left.
            if tp.error.code() in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP):
                raise _still_running(f"group {group} is not empty")
            raise KafkaException(tp.error)


def _still_running(what: str) -> BrokerError:
    return BrokerError(
        f"{what}: stop all rollup workers (one that was killed counts until its session ends); nothing was changed"
    )


@contextmanager
def _speaking(settings: Settings) -> Iterator[AdminClient]:
    try:
        yield AdminClient(settings.librdkafka() | {"log_level": 0})
    except KafkaException as error:
        raise BrokerError(f"{settings.bootstrap_servers}: {error.args[0].str()}; nothing was changed") from error
