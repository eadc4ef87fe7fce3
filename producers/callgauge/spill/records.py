"""The form of a spill file: one line a message, which tells by itself whether it is whole.

    <CRC-32 of the rest, 8 hex digits> ["calls", "<key>", <the message, JSON>]

A process that is killed may leave the last line torn, a disk may damage another: such a line is skipped and counted,
and the next one is read. No JSON of ours holds a line break.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from callgauge.transport import Kind, Outbound

__all__ = ["lines_of", "read_lines"]

_decode = msgspec.json.Decoder(tuple[Kind, str, msgspec.Raw]).decode


def lines_of(messages: Iterable[Outbound]) -> bytes:
    """The lines of messages."""
    return b"".join(map(_line, messages))


def _line(message: Outbound) -> bytes:
    body = msgspec.json.encode([message.kind, message.key.decode(), msgspec.Raw(message.value)])
    return b"%08x %s\n" % (zlib.crc32(body), body)


def read_lines(data: bytes) -> tuple[list[Outbound], int]:
    """The messages of a file, and how many of its lines are damaged.

    >>> whole = lines_of([Outbound("calls", b"k", b'{"event_id":"e"}')])
    >>> read_lines(whole + whole[:-7])
    ([Outbound(kind='calls', key=b'k', value=b'{"event_id":"e"}')], 1)
    """
    lines = data.split(b"\n")
    torn = lines.pop() != b""  # what follows the last line break
    found = [message for line in lines if (message := _message(line)) is not None]
    return found, len(lines) - len(found) + torn


def _message(line: bytes) -> Outbound | None:
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        kind, key, value = _decode(body)
    except msgspec.MsgspecError:  # a kind that this version does not know
        return None
    return Outbound(kind, key.encode(), bytes(value))
