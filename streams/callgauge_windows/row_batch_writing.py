"""Writes a batch of rows as bytes; `row_batch_wire` says what they look like, and reads them.

Apart from it, since this loads Numba, which those who only read do without.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge_windows.row_batch import Buckets, RowBatch, Texts
from callgauge_windows.row_batch_loops import copy_texts, renumber, write_columns
from callgauge_windows.row_batch_wire import FORMAT, WIDTHS, Wire

__all__ = ["encode_rows"]

Int64s = npt.NDArray[np.int64]

_encode = msgspec.msgpack.Encoder().encode


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
        Wire(
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
    counts = buckets.counts.astype(WIDTHS[wide])
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
    return _taken(batch.event_ids, met[1:] - 1)


def _taken(texts: Texts, which: Int64s) -> Texts:
    """Some of them, in this order."""
    begins = texts.at[which]
    at = np.concatenate([[0], np.cumsum(texts.at[which + 1] - begins)])
    data = np.empty(at[-1], dtype=np.uint8)
    copy_texts(np.frombuffer(texts.data, dtype=np.uint8), begins, at, data)
    return Texts(data.tobytes(), at)
