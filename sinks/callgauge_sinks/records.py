"""Decodes consumed messages to records, and makes dead letters of those it cannot read. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from callgauge.dead_letter import dead_letter
from callgauge.errors import DecodeError
from callgauge.schema import DeadLetter

__all__ = [
    "Batch",
    "DecodeMany",
    "Message",
    "Record",
    "Tables",
    "batch_of",
    "dead_letter_of",
    "decode_each",
    "decode_messages",
    "decode_one",
]


#: Table -> its rows.
Tables = dict[str, pa.Table]


class Message(Protocol):
    """The methods of a confluent-kafka message that are used here."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def value(self) -> bytes | None: ...
    def timestamp(self) -> tuple[int, int]: ...


class Record(NamedTuple):
    """A decoded message and where it came from. It is a tuple because one is made for each message."""

    value: Any
    message: Message
    place: int = 0
    """Its place among the messages of the batch."""


@dataclass
class Batch:
    """The messages of one insert and one commit: records, and dead letters of those that cannot be read."""

    records: list[Record] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    first_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) -> the offset of its first message."""
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) -> the offset to commit: one past its last message."""
    unreadable: list[bool] = field(default_factory=list)
    """For each message, in the order of the batch: whether it is unreadable."""

    def __len__(self) -> int:
        """The number of messages, readable or not."""
        return len(self.unreadable)

    @property
    def readable(self) -> int:
        """How many of the messages can be read, and are not refused by the store."""
        return len(self.unreadable) - sum(self.unreadable)


#: Decodes many values: the values of those that can be read, and for the others their position and the reason.
DecodeMany = Callable[[Sequence[bytes | None]], tuple[list[Any], dict[int, DecodeError]]]


def decode_each(decode: Callable[[bytes | None], Any]) -> DecodeMany:
    """Decodes many, from what decodes one."""

    def decode_many(values: Sequence[bytes | None]) -> tuple[list[Any], dict[int, DecodeError]]:
        found, errors = [], {}
        for place, value in enumerate(values):
            try:
                found.append(decode(value))
            except DecodeError as error:
                errors[place] = error
        return found, errors

    return decode_many


def decode_one(decode: DecodeMany) -> Callable[[bytes | None], Any]:
    """Decodes one, from what decodes many; raises DecodeError."""

    def decode_value(value: bytes | None) -> Any:
        found, errors = decode([value])
        if errors:
            raise errors[0]
        return found[0]

    return decode_value


def decode_messages(messages: Sequence[Message], decode: DecodeMany) -> Batch:
    """Make a batch: records of the messages that can be read, dead letters of those that cannot."""
    found, errors = decode([message.value() for message in messages])
    batch = batch_of(messages)
    readable: Iterable[tuple[Message, int]] = zip(messages, range(len(messages)), strict=True)
    if errors:
        readable = [(message, place) for message, place in readable if place not in errors]
    batch.records = [Record(value, message, place) for value, (message, place) in zip(found, readable, strict=True)]
    for place, error in errors.items():
        batch.dead.append(dead_letter_of(messages[place], error.reason, error.field))
        batch.unreadable[place] = True
    return batch


def batch_of(messages: Sequence[Message]) -> Batch:
    """A batch of messages, of one topic, of which nothing is known yet but where they come from."""
    batch = Batch(unreadable=[False] * len(messages))
    partitions = [message.partition() or 0 for message in messages]
    offsets = [message.offset() or 0 for message in messages]
    # Whole lists at once: of several entries a dictionary keeps the last.
    firsts = dict(zip(reversed(partitions), reversed(offsets), strict=True))
    lasts = dict(zip(partitions, offsets, strict=True))
    topic = (messages[0].topic() or "") if messages else ""
    batch.first_offsets = {(topic, partition): firsts[partition] for partition in lasts}
    batch.next_offsets = {(topic, partition): last + 1 for partition, last in lasts.items()}
    return batch


def dead_letter_of(message: Message, reason: str, where: str = "") -> DeadLetter:
    """The dead letter of an unreadable message; the same each time that message is read."""
    return dead_letter(
        message.value() or b"",
        reason,
        where,
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        ts=message.timestamp()[1] / 1e3,
    )
