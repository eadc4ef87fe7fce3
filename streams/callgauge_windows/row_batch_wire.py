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
from callgauge_windows.row_batch_loops import renumber, write_columns

__all__ = ["FORMAT", "decode_rows", "encode_rows", "is_rows"]

Int64s = npt.NDArray[np.int64]

#: Raised when readers of before could not read what is written now.
FORMAT = 1

_WIDTHS = {0: None, 1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<i8")}


class _Wire(msgspec.Struct, gc=False):
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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Wire).decode
_decode_format = msgspec.msgpack.Decoder(_Format).decode


def is_rows(value: bytes | None) -> bool:
    """Whether a message's value is no JSON object, so that it must be a batch."""
    return bool(value) and value[:1] not in (b"{", b" ", b"\n", b"\t", b"\r")  # type: ignore[index]


def encode_rows(batch: RowBatch) -> bytes:
    """The batch as bytes. Labels' values and event ids that none of its rows has are left out."""
    names = (*batch.names, *(f"{name}.buckets" for name in batch.buckets))
    numbers = np.empty((len(names), len(batch)), dtype=np.int64)
    numbers[: len(batch.names)] = batch.numbers
    for line, each in enumerate(batch.buckets.values(), start=len(batch.names)):
        numbers[line] = np.diff(each.bucket_at)
    label_values = {name: _used_values(batch, numbers, name) for name in batch.label_values}
    ids = _used_ids(batch, numbers)
    base = numbers.min(axis=1)
    spans = numbers.max(axis=1) - base
    kept = np.flatnonzero((base != 0) | (spans != 0))
    width = _width_of(spans[kept])
    base = np.where(width == 8, 0, base[kept])
    data = np.empty(int(width.sum()) * len(batch), dtype=np.uint8)
    write_columns(numbers, kept, base, width, data)
    return _encode(
        _Wire(
            kind="rows",
            format=FORMAT,
            grouping=batch.grouping,
            window_ms=batch.window_ms,
            source=batch.source,
            block=batch.block,
            epoch=batch.epoch,
            rows=len(batch),
            names=[names[line] for line in kept.tolist()],
            base=base.tolist(),
            width=width.tolist(),
            data=data.data,
            series_id=memoryview(batch.series_id.astype("<u8").tobytes()),
            label_values=label_values,
            ids=memoryview(ids.data),
            id_length=memoryview(np.diff(ids.at).astype("<u2").tobytes()),
            buckets={name: _packed(each) for name, each in batch.buckets.items()},
        )
    )


def _width_of(spans: Int64s) -> Int64s:
    """Bytes that differences up to these need."""
    # A span beyond 63 bits has become negative.
    wide = np.where(spans < 0, 8, np.searchsorted([1, 1 << 8, 1 << 16, 1 << 32], spans, side="right"))
    return np.array([0, 1, 2, 4, 8, 0, 0, 0, 8])[wide]


def _packed(buckets: Buckets) -> tuple[memoryview, int, memoryview]:
    most = int(buckets.counts.max(initial=0))
    wide = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4 if most < 1 << 32 else 8
    counts = buckets.counts.astype(_WIDTHS[wide])
    return memoryview(buckets.buckets.astype("<i2").tobytes()), wide, memoryview(counts.tobytes())


def _used_values(batch: RowBatch, numbers: Int64s, label: str) -> list[str]:
    """The values of a label that these rows have; its column in `numbers` is renumbered to them."""
    values = batch.label_values[label]
    if f"label.{label}" not in batch.names:  # of a batch that was read from the wire: all rows have the first value
        return list(values[:1])
    line = batch.line_of(f"label.{label}")
    return [values[at] for at in renumber(numbers[line : line + 1], len(values)).tolist()]


def _used_ids(batch: RowBatch, numbers: Int64s) -> Texts:
    """The event ids that these rows have; their columns in `numbers` are renumbered to them."""
    lines = [line for line, name in enumerate(batch.names) if name.endswith(".max_event")]
    if not lines:
        return Texts.of([])
    # 0 stands for no event, so it comes first, whether a row has it or not.
    named = np.zeros((len(lines), len(batch) + 1), dtype=np.int64)
    named[:, 1:] = numbers[lines]
    met = renumber(named, len(batch.event_ids) + 1)
    numbers[lines] = named[:, 1:]
    return batch.event_ids.take(met[1:] - 1)


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


def _unpacked(wire: _Wire) -> RowBatch:
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
    found = _WIDTHS.get(wide)
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
