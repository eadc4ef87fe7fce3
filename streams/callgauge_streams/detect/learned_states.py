"""What a rule has learned of one series, as it is kept in the compacted topic of detect's state, by the fingerprint of
the alert.

It covers the windows up to `to_ms`: a worker that is started reads the log back for the windows alone, and feeds its
detectors with those that come after. It is written after the alerts up to there are on their topic.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from callgauge_rules.bound import BoundRule
from callgauge_rules.lifecycle import State

__all__ = ["SAVED_EVERY_MS", "LearnedState", "decode_state", "encode_state", "settings_of"]

#: A series that has learned something is written once in so much log time, and when it is forgotten.
SAVED_EVERY_MS = 120_000


class LearnedState(msgspec.Struct, array_like=True):
    """See above.

    Attributes:
        log: the partition that was read.
        settings: names what the rule judges and how; a rule that has changed learns anew.
        to_ms: the end of the last window that was fed.
        until_ms: event time after which nobody wants it any more.
        alert: the state of the alert; None if nothing ever happened.
        conditions: by position, what the detector of each condition has learned and said last.
    """

    rule: str
    fingerprint: str
    log: str
    settings: str
    to_ms: int
    until_ms: int
    alert: State | None
    conditions: dict[int, dict[str, Any]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LearnedState).decode


def encode_state(state: LearnedState) -> bytes:
    """As bytes."""
    return _encode(state)


def decode_state(value: bytes) -> LearnedState:
    """From bytes.

    Raises:
        msgspec.MsgspecError: it is of another version.
    """
    return _decode(value)


def settings_of(rule: BoundRule) -> str:
    """A hash of what decides what a rule learns."""
    parts = [
        (each.judged.aggregate, each.lookback_ms, each.every_ms, each.min_count, each.kind.name, repr(each.config))
        for each in rule.conditions
        if each.learns
    ]
    return blake2b(repr((rule.grouping.name, parts)).encode(), digest_size=8).hexdigest()
