"""From consumed messages to records and dead letters. Pure: no clock, no I/O."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from callgauge.errors import DecodeError
from callgauge.schema import DeadLetter

__all__ = ["RAW_BYTES", "Batch", "Message", "Record", "dead_key", "dead_letter_of", "decode_messages"]

#: How much of an unreadable value is kept.
RAW_BYTES = 65_536


class Message(Protocol):
    """What is read of a confluent-kafka message."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def value(self) -> bytes | None: ...
    def timestamp(self) -> tuple[int, int]: ...


class Record(NamedTuple):
    """A decoded message and where it came from. A tuple: it is made once per message."""

    value: Any
    message: Message
    place: int = 0
    """Its place among the messages of the batch."""


@dataclass
class Batch:
    """The records of one insert and one commit."""

    records: list[Record] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    first_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) -> the offset of the first record."""
    next_offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    """(topic, partition) -> the offset to commit: one past the last record."""
    unreadable: list[bool] = field(default_factory=list)
    """Per message, in order."""

    def __len__(self) -> int:
        """Messages read."""
        return len(self.unreadable)


def decode_messages(messages: Iterable[Message], decode: Callable[[bytes | None], Any]) -> Batch:
    """A batch of what can be read and letters for what cannot."""
    batch = Batch()
    for place, message in enumerate(messages):
        try:
            batch.records.append(Record(decode(message.value()), message, place))
            batch.unreadable.append(False)
        except DecodeError as error:
            batch.dead.append(dead_letter_of(message, error.reason, error.field))
            batch.unreadable.append(True)
        partition, offset = (message.topic() or "", message.partition() or 0), message.offset() or 0
        batch.first_offsets.setdefault(partition, offset)
        batch.next_offsets[partition] = offset + 1
    return batch


def dead_letter_of(message: Message, reason: str, where: str = "") -> DeadLetter:
    """The dead letter of an unreadable message; the same each time that message is read."""
    value = message.value() or b""
    return DeadLetter(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        ts=message.timestamp()[1] / 1e3,
        reason=reason[:1_000],
        field=where[:256],
        size=len(value),
        raw=base64.b64encode(value[:RAW_BYTES]).decode(),
    )


def dead_key(letter: DeadLetter) -> bytes:
    """The key of a letter, origin topic/partition/offset: if a letter is sent again, both are in the same partition."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
