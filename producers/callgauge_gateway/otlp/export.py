"""What an export of OTLP holds, whatever it came in."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from callgauge.errors import DecodeError

__all__ = ["ATTRIBUTES_MOST", "Broken", "Export"]

#: Attributes of a span or record, and events of a span, that are looked at. SDKs send 128 by default.
ATTRIBUTES_MOST = 1_000

Item = TypeVar("Item")


class Broken(NamedTuple):
    """What stands where a span or record should be, and is none."""

    raw: bytes
    why: DecodeError


class Export(NamedTuple, Generic[Item]):
    """Spans, or log records, and what is none."""

    items: list[Item]
    broken: list[Broken]
