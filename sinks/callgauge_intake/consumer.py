"""A member of a consumer group that hands out batches, and commits the offsets that its caller says are safe.

Offsets are committed only when the caller asks for it, and only for partitions that are still ours, that is, which the
group still assigns to this process. When a partition is taken away, what was read of it but not committed is dropped,
because its new owner reads it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from callgauge.errors import BrokerError
from callgauge_intake.client import ConsumerLike

__all__ = ["Intake", "Partition"]

log = logging.getLogger(__name__)

#: The most messages taken at once of those that librdkafka has fetched (it keeps at most `queued.max.messages.kbytes`),
#: the most that are waited for at once, and the most bytes of a batch. Messages of 1 MB must not fill the memory.
CHUNK, AWAITED, BATCH_BYTES = 1_000, 64, 64 << 20

Partition = tuple[str, int]


class Intake:
    """Reads batches of one topic.

    `assigned` is set once the group has given us our partitions for the first time. These may be none.
    """

    def __init__(self, consumer: ConsumerLike, topic: str, clock: Callable[[], float]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._clock = clock
        self._read: list[Any] = []
        self._held = False
        self._owed: dict[Partition, int] = {}
        self._lost_since_take: set[Partition] = set()
        self._last_offsets: dict[Partition, int] = {}
        self._without_commit: dict[Partition, bool] = {}
        self.assigned = threading.Event()
        #: The partitions that are ours -> the number of the assignment that gave them.
        self.given: dict[Partition, int] = {}
        self._assignments = 0
        consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)

    def take(self, most: int, within_s: float) -> list[Any]:
        """Return the next batch, after at most `within_s` seconds: at most `most` messages, of together at most
        BATCH_BYTES, or one message that is larger.

        Raises:
            BrokerError: the client cannot go on (fenced, not authorised), or the topic was deleted and made again, or
                cut, while it was read.
        """
        self.go_on()
        until = self._clock() + within_s
        size = sum(map(_size_of, self._read))
        while len(self._read) < most and size < BATCH_BYTES:
            left_s = until - self._clock()
            number = min(CHUNK, most - len(self._read))
            # A rebalance during these calls removes what was read of a lost partition from `_read`; its new owner reads
            # it again.
            chunk = self._consumer.consume(number, 0.0) or self._consumer.consume(
                min(AWAITED, number), max(0.0, left_s)
            )
            good = [message for message in chunk if not _is_error(message)]
            self._keep(good)
            size += sum(map(_size_of, good))
            if left_s <= 0:
                break
        # What does not fit is kept for the next batch.
        fitting = _how_many_fit(self._read[:most], BATCH_BYTES)
        messages, self._read = self._read[:fitting], self._read[fitting:]
        self._lost_since_take.clear()
        return messages

    def began_without_commit(self, partition: Partition) -> bool:
        """Whether the group had committed nothing for a partition when this was first asked.

        The broker's first answer is kept, so commits made since then do not change it. False if the broker does not
        answer.
        """
        if partition not in self._without_commit:
            try:
                [found] = self._consumer.committed([TopicPartition(*partition)], timeout=10.0)
            except KafkaException:
                return False
            self._without_commit[partition] = found.offset < 0
        return self._without_commit[partition]

    def is_ours(self, partitions: Iterable[Partition]) -> bool:
        """Whether at least one of these partitions has stayed ours since `take` gave out the last batch."""
        return any(partition not in self._lost_since_take for partition in partitions)

    def hold(self, seconds: float) -> None:
        """Wait for up to `seconds` without reading further, and stay a member of the group."""
        self._held = True
        # Paused at each call, since a rebalance may have brought more partitions.
        self._consumer.pause(self._consumer.assignment())
        message = self._consumer.poll(seconds)
        if message is not None and not _is_error(message):
            # This message belongs to the next batch: it was read before the pause took effect, or comes from a
            # partition that was just assigned.
            self._keep([message])

    def go_on(self) -> None:
        """End the pause that `hold` began, for all partitions."""
        if self._held:
            self._held = False
            self._consumer.resume(self._consumer.assignment())

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets, for those partitions that are still ours.

        If a rebalance makes the commit fail, it is dropped, and the new owner reads those records again. If it fails
        for another reason that may pass, the offsets are kept and committed with the next ones.

        Raises:
            BrokerError: the client cannot go on (fenced, not authorised).
        """
        self._owed |= {part: offset for part, offset in next_offsets.items() if part not in self._lost_since_take}
        self.commit_owed()

    def commit_owed(self) -> None:
        """Try again to commit the offsets that the broker did not take before."""
        if not self._owed:
            return
        offsets = [TopicPartition(topic, number, offset) for (topic, number), offset in self._owed.items()]
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            self._on_failed_commit(error.args[0], list(self._owed))
            return
        for answer in answers or offsets:
            if answer.error is None:
                self._owed.pop((answer.topic, answer.partition), None)
        for answer in answers or []:
            if answer.error is not None:
                self._on_failed_commit(answer.error, [(answer.topic, answer.partition)])

    def lag(self) -> dict[Partition, int]:
        """How many records of each partition that is ours were not read yet. To be called from any thread.

        Both ends are those of the last fetch; nobody is asked. A partition that was never fetched is left out.
        """
        try:
            found = self._consumer.position([TopicPartition(*partition) for partition in list(self.given)])
            ends = {(at.topic, at.partition): self._consumer.get_watermark_offsets(at, cached=True) for at in found}
        except (KafkaException, RuntimeError):
            return {}  # the client is closing
        lags = {}
        for at in found:
            end = ends[at.topic, at.partition]
            if at.offset >= 0 and end is not None and end[1] >= 0:
                lags[at.topic, at.partition] = max(0, end[1] - at.offset)
        return lags

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _keep(self, messages: list[Any]) -> None:
        for message in messages:
            partition, offset = (message.topic(), message.partition()), message.offset()
            if offset <= self._last_offsets.get(partition, -1):
                # When a topic was made anew, librdkafka silently goes on at the start of the new one, and we would take
                # its records for records of the old one.
                raise BrokerError(
                    f"{partition[0]}/{partition[1]}: offset {offset} came after {self._last_offsets[partition]}: the "
                    "topic was made anew or cut; start again, to read it as what it is now"
                )
            self._last_offsets[partition] = offset
        self._read += messages

    def _on_failed_commit(self, error: KafkaError, partitions: list[Partition]) -> None:
        where = ", ".join(f"{topic}/{number}" for topic, number in partitions)
        if error.fatal() or error.code() in _FATAL:
            raise BrokerError(f"cannot commit the offsets of {where}: {error.str()}; {_WHAT_TO_DO}")
        if error.code() in _REBALANCED:
            what = (
                "the group shares its partitions out again; whoever gets them reads those records again, none is lost"
            )
            log.warning("offsets of %s not committed: %s (%s)", where, what, error.str())
            for partition in partitions:
                self._owed.pop(partition, None)
        else:
            log.warning("offsets of %s not committed: %s; they are committed with the next ones", where, error.str())

    def _on_assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        names = ", ".join(f"{p.topic}/{p.partition}" for p in partitions)
        nothing = f"nothing of {self._topic}: other members of the group read all its partitions"
        log.info("assigned %s", names or nothing)
        self._assignments += 1
        for assigned in partitions:
            self._last_offsets.pop((assigned.topic, assigned.partition), None)
            self.given[assigned.topic, assigned.partition] = self._assignments
        # In librdkafka a pause outlives a rebalance: a partition that comes back may still be paused, so the next
        # `take` ends all pauses.
        self._held = True
        self.assigned.set()

    def _on_revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        lost = {(partition.topic, partition.partition) for partition in partitions}
        self._lost_since_take |= lost
        self._read = [message for message in self._read if (message.topic(), message.partition()) not in lost]
        for partition in lost:
            self._owed.pop(partition, None)
            self.given.pop(partition, None)


_REBALANCED = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._ASSIGNMENT_LOST,
}
_WHAT_TO_DO = (
    "is a second process running with this CALLGAUGE_WORKER_NAME, and may this user read the topic and use the group?"
)
_FATAL = {
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.FENCED_INSTANCE_ID,
}


def _size_of(message: Any) -> int:
    return len(message.value() or b"")


def _how_many_fit(messages: list[Any], most_bytes: int) -> int:
    """How many of the first messages have together at most so many bytes; at least one, if there is any."""
    sizes = accumulate(map(_size_of, messages))
    return max(sum(size <= most_bytes for size in sizes), min(1, len(messages)))


def _is_error(message: Any) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.fatal() or error.code() in _FATAL:
        raise BrokerError(f"cannot read {message.topic()}: {error.str()}; {_WHAT_TO_DO}")
    log.warning("cannot read %s/%s now: %s; trying again", message.topic(), message.partition(), error.str())
    return True
