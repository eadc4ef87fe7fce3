"""A batch of rows as bytes: MessagePack around columns of plain little-endian integers.

    {"kind": "rows", "format": 1, "grouping", "window_ms", "source", "block", "epoch", "rows": number of rows,
     "names": [...], "base": [...], "width": [...], "data": bytes,      # the matrix of numbers, see below
     "series_id": 8 bytes a row, "label_values": {label: [text]}, "ids": bytes, "id_length": 2 bytes an id,
     "buckets": {measure: [2 bytes a bucket, width, counts]}}

Each column is written as its smallest number (`base`) and the differences from it, in as few bytes (`width`: 0, 1, 2,
4 or 8) as they need; a column of equal numbers has no data, and one of zeros is left out. How many buckets each row has
is the column "<measure>.buckets". Chosen for what it costs (`python -m tests.bench.encodings`): of what was tried it is
the smallest and the fastest to encode, but for messages of a few rows. Arrow IPC is read a little faster, and costs a
multiple per message; a quiet stream sends many with one row in them. `callgauge windows` prints the topic for people.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge.errors import DecodeError
from callgauge_windows.row_batch import Buckets, RowBatch, Texts

__all__ = ["FORMAT", "WIDTHS", "Wire", "decode_rows", "is_rows"]

Int64s = npt.NDArray[np.int64]

#: Raised when readers of before could not read what is written now.
FORMAT = 1

#: Bytes of a number -> how it is written.
WIDTHS = {0: None, 1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<i8")}


class Wire(msgspec.Struct, gc=False):
    """What a message holds; see the top of this file."""

    kind: str
    format: int
    grouping: str
    window_ms: int
    source: str
    block: int
    epoch: str
    rows: int
    names: list[str]
    base: list[int]
    width: list[int]
    data: memoryview
    series_id: memoryview
    label_values: dict[str, list[str]]
    ids: memoryview
    id_length: memoryview
    buckets: dict[str, tuple[memoryview, int, memoryview]]


class _Format(msgspec.Struct, gc=False):
    kind: str = ""
    format: int = 0


_decode = msgspec.msgpack.Decoder(Wire).decode
_decode_format = msgspec.msgpack.Decoder(_Format).decode


def is_rows(value: bytes | None) -> bool:
    """Whether a message's value is no JSON object, so that it must be a batch."""
    return bool(value) and value[:1] not in (b"{", b" ", b"\n", b"\t", b"\r")  # type: ignore[index]


def decode_rows(value: bytes | None) -> RowBatch:
    """The batch in a message's value.

    Raises:
        DecodeError: it is none, or of a format that this version does not know.
    """
    try:
        found = _decode_format(value or b"")
        if found.kind != "rows" or found.format != FORMAT:
            raise DecodeError("format", f"{found.format} of {found.kind!r} is not known here ({FORMAT} is): update")
        return _unpacked(_decode(value or b""))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError("", f"no batch of rows: {error}") from None
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise DecodeError("", f"a batch of rows that contradicts itself: {error}") from None


def _unpacked(wire: Wire) -> RowBatch:
    rows = wire.rows
    numbers = np.empty((len(wire.names), rows), dtype=np.int64)
    at = 0
    for line, (low, wide) in enumerate(zip(wire.base, wire.width, strict=True)):
        numbers[line] = low
        if wide:
            numbers[line] += np.frombuffer(wire.data, _dtype(wide), count=rows, offset=at)
            at += wide * rows
    if at != len(wire.data):
        raise ValueError(f"{len(wire.data)} bytes of numbers, not {at}")
    series_id = np.frombuffer(wire.series_id, "<u8")
    if len(series_id) != rows:
        raise ValueError(f"{len(series_id)} series, not {rows}")
    ids = Texts(bytes(wire.ids), np.concatenate([[0], np.cumsum(np.frombuffer(wire.id_length, "<u2"), dtype=np.int64)]))
    names = tuple(wire.names)
    buckets = {
        name: _buckets_of(packed, numbers[names.index(f"{name}.buckets")] if f"{name}.buckets" in names else None, rows)
        for name, packed in wire.buckets.items()
    }
    batch = RowBatch(
        wire.grouping, wire.window_ms, wire.source, wire.block, wire.epoch, series_id.astype(np.uint64), names, numbers,
        wire.label_values, ids, buckets,
    )  # fmt: skip
    _check(batch)
    return batch


def _dtype(wide: int) -> Any:
    found = WIDTHS.get(wide)
    if found is None:
        raise ValueError(f"no width {wide}")
    return found


def _buckets_of(packed: tuple[Any, int, Any], lengths: Int64s | None, rows: int) -> Buckets:
    keys, wide, counts = packed
    lengths = np.zeros(rows, dtype=np.int64) if lengths is None else lengths
    at = np.concatenate([[0], np.cumsum(lengths)])
    found = Buckets(
        at, np.frombuffer(keys, "<i2").astype(np.int64), np.frombuffer(counts, _dtype(wide)).astype(np.int64)
    )
    if not len(found.buckets) == len(found.counts) == at[-1] or (lengths < 0).any():
        raise ValueError("histograms of other lengths than told")
    return found


def _check(batch: RowBatch) -> None:
    """Every number that points at a text points at one."""
    for name, values in batch.label_values.items():
        if not _within(batch.column(f"label.{name}"), len(values)):
            raise ValueError(f"a number of a value of {name} that there is not")
    for name in batch.names:
        if name.endswith(".max_event") and not _within(batch.column(name), len(batch.event_ids) + 1):
            raise ValueError("a number of an event id that there is not")
    data, at = np.frombuffer(batch.event_ids.data, dtype=np.uint8), batch.event_ids.at
    if at[-1] != len(data):
        raise ValueError("event ids of other lengths than told")
    batch.event_ids.data.decode()
    if (data[at[:-1][np.diff(at) > 0]] & 0xC0 == 0x80).any():
        raise ValueError("an event id that begins within a character")


def _within(numbers: Int64s, end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())
