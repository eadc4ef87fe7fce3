"""Makes dead letters: what could not be read, with its bytes, the reason and where it came from."""

from __future__ import annotations

import base64

from callgauge.schema import DeadLetter

__all__ = ["RAW_BYTES", "dead_key", "dead_letter"]

#: How many bytes of an unreadable value its dead letter keeps.
RAW_BYTES = 65_536


def dead_letter(
    value: bytes, reason: str, field: str = "", *, topic: str, partition: int, offset: int, ts: float
) -> DeadLetter:
    """The dead letter of an unreadable value.

    Args:
        topic, partition, offset: where it came from; they are the letter's identity.
        ts: when it came, epoch seconds.
    """
    return DeadLetter(
        topic=topic,
        partition=partition,
        offset=offset,
        ts=ts,
        reason=reason[:1_000],
        field=field[:256],
        size=len(value),
        raw=base64.b64encode(value[:RAW_BYTES]).decode(),
    )


def dead_key(letter: DeadLetter) -> bytes:
    """The key of a letter, origin topic/partition/offset. So a letter that is sent again goes to the same partition."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}".encode()
