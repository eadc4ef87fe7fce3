"""What could not be read: what `llm.dead` holds."""

from __future__ import annotations

from callgauge.wire.message import SCHEMA_VERSION, Message

__all__ = ["DeadLetter"]


class DeadLetter(Message):
    """What could not be read: raw bytes (base64, cut after 64 KiB), reason, origin."""

    topic: str
    partition: int
    offset: int
    ts: float
    """Append time of the unreadable record."""
    reason: str
    field: str = ""
    size: int
    """Bytes of the whole value."""
    raw: str
    """The value's first 64 KiB, base64."""
    schema_version: int = SCHEMA_VERSION
