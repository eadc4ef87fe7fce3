"""Mends an export that protobuf's reader refuses, so that one bad span does not cost the others.

Text that is no UTF-8 (some SDKs cut it inside a character) makes the whole message unreadable, and so does a value that
is nested too deep. https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from callgauge.errors import DecodeError

__all__ = ["mended"]

#: Messages inside each other that protobuf's reader takes: a few less than its limit of 100.
MOST_LEVELS = 90

_VARINT, _EIGHT_BYTES, _SIZED, _FOUR_BYTES = 0, 1, 2, 5


def mended(body: bytes | memoryview, kind: Descriptor, levels: int = MOST_LEVELS) -> bytes:
    """The message with its text repaired, without what lies more than so many levels deep.

    Raises:
        DecodeError: the bytes are no message of protobuf.
    """
    body = memoryview(body)  # no copy for each of ninety levels
    fields = kind.fields_by_number
    out = bytearray()
    at = 0
    while at < len(body):
        tag, value_at = _varint(body, at)
        wire = tag & 7
        if wire != _SIZED:
            end = _end_of_plain(body, value_at, wire)
            out += body[at:end]
            at = end
            continue
        size, value_at = _varint(body, value_at)
        at = value_at + size
        if at > len(body):
            raise _no_message()
        value: bytes | memoryview = body[value_at:at]
        field = fields.get(tag >> 3)
        if field is not None and field.type == FieldDescriptor.TYPE_STRING:
            value = str(value, "utf-8", "replace").encode()
        elif field is not None and field.message_type is not None:
            if not levels:
                continue
            value = mended(value, field.message_type, levels - 1)
        out += _as_varint(tag) + _as_varint(len(value)) + value
    return bytes(out)


def _end_of_plain(body: memoryview, at: int, wire: int) -> int:
    if wire == _VARINT:
        end = _varint(body, at)[1]
    elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
        end = at + (8 if wire == _EIGHT_BYTES else 4)
    else:
        raise _no_message()
    if end > len(body):
        raise _no_message()
    return end


def _varint(body: memoryview, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            break
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise _no_message()


def _as_varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _no_message() -> DecodeError:
    return DecodeError("", "not the protobuf message that OTLP sends here")
