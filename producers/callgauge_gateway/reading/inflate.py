"""Inflates bodies, never to more than is allowed: the limit holds while inflating, not after."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO

import zstandard

from callgauge.errors import CallgaugeError

__all__ = ["ENCODINGS", "BadEncoding", "TooLarge", "UnknownEncoding", "inflated"]

# A window that costs a few megabytes of memory; larger ones are for archives.
_ZSTD_WINDOW = 1 << 23
#: Members of gzip, or frames of zstd, that a body may be put together of: each costs time, however little is in it.
MOST_MEMBERS = 1_000


class TooLarge(CallgaugeError):
    """A body, or what it inflates to, is larger than is allowed."""


class BadEncoding(CallgaugeError):
    """A body is not what its Content-Encoding says."""


class UnknownEncoding(CallgaugeError):
    """A body's Content-Encoding is none we know."""


def inflated(body: bytes, encoding: str, most: int) -> bytes:
    """The body without its encoding.

    Args:
        encoding: the value of Content-Encoding; empty for none.
        most: bytes that come out at most.

    Raises:
        TooLarge: more would come out.
        BadEncoding, UnknownEncoding: it cannot be read.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):  # some emitters compress and do not say so; no JSON or export begins like this
        name = next((kind for kind, begin in _BEGIN.items() if body.startswith(begin)), "")
    inflate = ENCODINGS.get(name)
    if inflate is None:
        raise UnknownEncoding(f"Content-Encoding {name[:40]!r} is none of {', '.join(filter(None, ENCODINGS))}")
    if inflate is _identity:
        return body
    try:
        found = inflate(body, most + 1)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise BadEncoding(f"the body is not {name}: {error}") from None
    if len(found) > most:
        raise TooLarge(f"the body inflates to more than {most:,} bytes: send fewer events at once")
    return found


def _identity(body: bytes, most: int) -> bytes:
    return body


def _gunzip(body: bytes, most: int) -> bytes:
    """At most so many bytes of all members."""
    _check_members(body, b"\x1f\x8b\x08")
    parts: list[bytes] = []
    left = most
    while body and left > 0:
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(body, left)
        parts.append(part)
        left -= len(part)
        if not member.eof and left > 0:
            raise EOFError("it ends too early")
        body = member.unused_data.lstrip(b"\0")  # some pad the end with zeros
    return b"".join(parts)


def _check_members(body: bytes, *marks: bytes) -> None:
    """Look at the bytes that each member begins with: by chance they come once in millions."""
    if sum(map(body.count, marks)) > MOST_MEMBERS:
        raise TooLarge(f"the body has more than {MOST_MEMBERS:,} members: compress it as one")


def _deflate(body: bytes, most: int) -> bytes:
    stream = zlib.decompressobj()
    found = stream.decompress(body, most)
    if not stream.eof and len(found) < most:
        raise EOFError("it ends too early")
    return found


def _unzstd(body: bytes, most: int) -> bytes:
    _check_members(body, b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18")  # the second of frames that are skipped
    with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        BytesIO(body), read_across_frames=True
    ) as reader:
        found = reader.read(most)
    if len(found) < most:  # it is small, so it may be inflated again to see whether it is whole
        rest = body
        while rest:
            frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
            frame.decompress(rest)
            if not frame.eof:
                raise EOFError("it ends too early")
            rest = frame.unused_data
    return found


#: What the bytes of an encoding begin with.
_BEGIN = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}
#: Content-Encoding -> what inflates it to at most so many bytes.
ENCODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "zstd": _unzstd,
}
