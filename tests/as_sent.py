"""Records as whoever reads the topic has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callgauge.codec import decode_window_record, encode

__all__ = ["as_sent"]


def as_sent(records: Iterable[Any]) -> list[Any]:
    """Encoded and decoded again; what was written by hand must be what msgspec writes."""
    sent = []
    for record in records:
        value = encode(record)
        sent.append(decode_window_record(value))
        assert encode(sent[-1]) == value
    return sent
