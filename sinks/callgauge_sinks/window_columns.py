"""From batches of rows to the columns of the table `windows`. Nothing is made of any single row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from callgauge.counted import LABELS, MEASURES
from callgauge_windows.row_batch import COUNTS, Buckets, RowBatch, Texts

__all__ = ["window_columns"]

Int64s = npt.NDArray[np.int64]

_TIME = pa.timestamp("ms", tz="UTC")
_COUNT_MAP = pa.map_(pa.string(), pa.int64())
_BUCKET_MAP = pa.map_(pa.int16(), pa.uint64())
#: Parts of a measure that are columns of numbers, and their types.
_PARTS = {
    **dict.fromkeys(("count", "sum", "sum_sq", "min", "max"), pa.int64()),
    "zero_count": pa.uint64(),
    "scale": pa.int8(),
}


def window_columns(batches: Sequence[RowBatch]) -> dict[str, pa.Array]:
    """The columns of `windows`, one entry for each row of all batches, in order."""
    lengths = [len(batch) for batch in batches]
    columns: dict[str, pa.Array] = {
        name: _repeated([getattr(batch, name) for batch in batches], lengths, kind)
        for name, kind in (
            ("grouping", pa.string()), ("source", pa.string()), ("epoch", pa.string()), ("window_ms", pa.int64()),
            ("block", pa.int64()),
        )
    }  # fmt: skip
    columns["series_id"] = pa.array(np.concatenate([batch.series_id for batch in batches]), pa.uint64())
    columns["window_start"] = pa.array(_joined(batches, "window_start_ms")).cast(_TIME)
    columns |= {name: pa.array(_joined(batches, name)) for name in COUNTS}
    columns |= {name: _label(batches, name) for name in LABELS}
    columns |= {"errors": _counts(batches, "error"), "finish_reasons": _counts(batches, "finish")}
    for name in MEASURES:
        columns |= _measure(batches, name)
    return columns


def _joined(batches: Sequence[RowBatch], name: str) -> Int64s:
    return np.concatenate([batch.column(name) for batch in batches])


def _repeated(values: Sequence[Any], lengths: Sequence[int], kind: pa.DataType) -> pa.Array:
    """One value for all rows of a batch."""
    return pa.array(values, kind).take(pa.array(np.repeat(np.arange(len(values)), lengths)))


def _label(batches: Sequence[RowBatch], label: str) -> pa.Array:
    """The values of a label; empty in the rows of a grouping set that does not have it."""
    values, at = [""], []
    for batch in batches:
        mine = batch.label_values.get(label)
        at.append(np.zeros(len(batch), np.int64) if mine is None else batch.column(f"label.{label}") + len(values))
        values += mine or ()
    return pa.array(values, pa.string()).take(pa.array(np.concatenate(at)))


def _counts(batches: Sequence[RowBatch], prefix: str) -> pa.Array:
    """A map column: what each row counts of each key, without zeros."""
    maps = [batch.map_columns(prefix) for batch in batches]
    keys = list(dict.fromkeys(key for each in maps for key in each))
    lengths, keys_at, counts = [], [], []
    for batch, columns in zip(batches, maps, strict=True):
        matrix = np.array(list(columns.values()), dtype=np.int64).reshape(len(columns), len(batch)).T
        rows, at = np.nonzero(matrix)
        lengths.append(np.bincount(rows, minlength=len(batch)))
        keys_at.append(np.array([keys.index(key) for key in columns], dtype=np.int64)[at])
        counts.append(matrix[rows, at])
    return pa.MapArray.from_arrays(
        _offsets(lengths),
        pa.array(keys, pa.string()).take(pa.array(np.concatenate(keys_at))),
        pa.array(np.concatenate(counts)),
        type=_COUNT_MAP,
    )


def _offsets(lengths: Iterable[Int64s]) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(np.concatenate(list(lengths)))]), pa.int32())


def _measure(batches: Sequence[RowBatch], name: str) -> dict[str, pa.Array]:
    columns = {
        f"{name}_{part}": pa.array(_joined(batches, f"{name}.{part}")).cast(kind) for part, kind in _PARTS.items()
    }
    ids, at = _texts([batch.event_ids for batch in batches]), []
    before = 1
    for batch in batches:
        numbers = batch.column(f"{name}.max_event")
        at.append(np.where(numbers > 0, numbers - 1 + before, 0))
        before += len(batch.event_ids)
    columns[f"{name}_max_event_id"] = ids.take(pa.array(np.concatenate(at)))
    columns[f"{name}_histogram"] = _histograms([batch.buckets.get(name) for batch in batches], batches)
    return columns


def _texts(texts: Sequence[Texts]) -> pa.Array:
    """An empty text, then all of these, without a copy of any as an object."""
    ends = np.cumsum([0, *(len(each.data) for each in texts)])
    at = [[0], *(each.at[:-1] + begin for each, begin in zip(texts, ends, strict=False)), [ends[-1]]]
    buffers = [np.concatenate(at).astype(np.int32).tobytes(), b"".join(each.data for each in texts)]
    count = 1 + sum(map(len, texts))
    return pa.StringArray.from_buffers(count, *(pa.py_buffer(buffer) for buffer in buffers))


def _histograms(histograms: Sequence[Buckets | None], batches: Sequence[RowBatch]) -> pa.Array:
    lengths = [
        np.zeros(len(batch), dtype=np.int64) if each is None else np.diff(each.bucket_at)
        for each, batch in zip(histograms, batches, strict=True)
    ]
    given = [each for each in histograms if each is not None]
    nothing = np.zeros(0, dtype=np.int64)
    return pa.MapArray.from_arrays(
        _offsets(lengths),
        pa.array(np.concatenate([nothing, *(each.buckets for each in given)])).cast(pa.int16()),
        pa.array(np.concatenate([nothing, *(each.counts for each in given)])).cast(pa.uint64()),
        type=_BUCKET_MAP,
    )
