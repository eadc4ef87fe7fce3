"""Decides what is sent again for a dead letter, or why nothing is. Pure.

A record is sent again to the topic and partition that it came from, with its bytes and its key, so its event id stays
what it was. Rollup counts it there for the first time, unless the same event came in the same partition shortly before
(the duplicate horizon); ClickHouse stores it once in any case.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from callgauge.errors import DecodeError
from callgauge.schema import DeadLetter
from callgauge_sinks.dead.selection import LetterId, id_of

__all__ = ["Original", "Resend", "Skip", "kept_bytes", "resend_of"]

#: Reason of letters whose record could be read, and so was counted; only the sink could not make a row of it.
_COUNTED = "fits no column"
#: Fields that a record's key is taken from, in the order in which emitters take it: the first that is not empty.
_KEYS = ("trace_id", "score_id", "event_id", "fingerprint", "series_id", "kind")

Decode = Callable[[bytes | None], Any]


class Original(NamedTuple):
    """A record that its topic still holds."""

    value: bytes
    key: bytes | None


@dataclass(frozen=True)
class Resend:
    """A record to be sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    event_id: str
    """Of a call, score or change of a breaker; empty for other records."""
    ts: float
    """Start of the event, epoch seconds."""
    letter: LetterId


@dataclass(frozen=True)
class Skip:
    """A letter for which nothing is sent."""

    letter: LetterId
    why: str


def kept_bytes(letter: DeadLetter) -> bytes:
    """The bytes of the record that its letter holds: all of them, or the first 64 KiB."""
    return base64.b64decode(letter.raw)


def resend_of(letter: DeadLetter, original: Original | None, decoders: Mapping[str, Decode]) -> Resend | Skip:
    """What to send again for a letter.

    Args:
        original: the record at the letter's place in its topic now, if there is one.
        decoders: topic -> its decoder.
    """
    place = id_of(letter)
    if letter.topic.startswith("gateway "):
        return Skip(place, "the gateway refused it, so it was never on a topic: mend the emitter, which sends it again")
    decode = decoders.get(letter.topic)
    if decode is None:
        return Skip(place, f"{letter.topic} is none of {', '.join(sorted(decoders))}: is CALLGAUGE_TOPIC_PREFIX right?")
    if letter.reason.startswith(_COUNTED):
        return Skip(place, "it was read and counted, only the store could not take it: sent again it would count twice")
    found = _found(letter, original)
    if found is None:
        return Skip(
            place,
            "only its first 64 KiB were kept, and its topic does not hold the record any more (retention, or the topic "
            "was made anew)",
        )
    try:
        decode(found.value)
    except DecodeError as error:
        return Skip(place, f"still cannot be read: {error}")
    fields = msgspec.json.decode(found.value)
    event_id = fields.get("score_id") if fields.get("kind") == "score" else fields.get("event_id")
    key = found.key if found.key is not None else _key_of(fields)
    ts = float(fields.get("ts") or 0.0)
    return Resend(letter.topic, letter.partition, key, found.value, str(event_id or ""), ts, place)


def _found(letter: DeadLetter, original: Original | None) -> Original | None:
    """The whole record, with its key if that is known."""
    kept = kept_bytes(letter)
    if original is not None and len(original.value) == letter.size and original.value.startswith(kept):
        return original
    return Original(kept, None) if len(kept) == letter.size else None


def _key_of(fields: Mapping[str, Any]) -> bytes | None:
    """The key that an emitter would give the record."""
    return next((str(value).encode() for name in _KEYS if (value := fields.get(name))), None)
