"""From scanned calls to the columns of the table `calls`: bytes are copied from where they stand, nothing is made of
any single call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from callgauge_sinks.call_columns import TYPES, derived_columns
from callgauge_sinks.call_scan import CHOICE_VALUES, CHOICES, FLAGS, NUMBERS, TEXTS, Scanned
from callgauge_sinks.map_columns import TEXTS as TEXT_MAP
from callgauge_windows.compiled import compiled
from callgauge_windows.json_scan import hash_range, views

__all__ = ["scanned_columns"]

#: A text column is written as its different values and, for each call, which of them it has; with more than so many
#: values in a batch the texts are written out.
_MOST_CODES = 2_048
_SLOTS = 4 * _MOST_CODES


def scanned_columns(scanned: Scanned) -> dict[str, pa.Array]:
    """The columns of `calls` that come from the calls themselves, of those that could be read: at least one."""
    data, words = views(scanned.data)
    which: Any = slice(None) if scanned.read.all() else np.flatnonzero(scanned.read)
    columns = {}
    for place, name in enumerate(TEXTS):
        columns[name] = _text_column(data, words, np.ascontiguousarray(scanned.texts[which, place]))
    for place, name in enumerate(NUMBERS):
        columns[name] = _number_column(scanned.numbers[which, place], TYPES[name])
    columns |= {name: pa.array(scanned.flags[which, place]) for place, name in enumerate(FLAGS)}
    columns |= {name: _choice_column(scanned.choices[which, place]) for place, name in enumerate(CHOICES)}
    columns["tags"] = _tags_column(data, scanned.tags[which], scanned.tag_texts)
    numbers = {name: scanned.numbers[which, NUMBERS.index(name)] for name in ("ts", "latency_ms", "cost_usd")}
    return columns | derived_columns(**numbers)


def _text_column(data: Any, words: Any, at: Any) -> pa.Array:
    codes, firsts = np.empty(len(at), dtype=np.int16), np.empty(_MOST_CODES, dtype=np.int64)
    different = _encode(data, words, at, codes, firsts, np.zeros(_SLOTS, dtype=np.int32))
    if different < 0:
        return _texts(data, at)
    return pa.DictionaryArray.from_arrays(codes, _texts(data, at[firsts[:different]]))


def _texts(data: Any, at: Any) -> pa.Array:
    ends = np.zeros(len(at) + 1, dtype=np.int64)
    np.cumsum(at[:, 1] - at[:, 0], out=ends[1:])
    copied = np.empty(int(ends[-1]), dtype=np.uint8)
    _copy(data, at, copied)
    # A batch has at most 64 MB, so its places fit 32 bits.
    return pa.StringArray.from_buffers(len(at), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(copied))


def _number_column(numbers: Any, kind: pa.DataType) -> pa.Array:
    missing = np.isnan(numbers)
    count = np.count_nonzero(missing)
    if count == len(numbers):
        return pa.nulls(count, kind)
    if pa.types.is_integer(kind):
        numbers = np.where(missing, 0.0, numbers).astype(kind.to_pandas_dtype())
    return pa.array(numbers, kind, mask=missing if count else None)


def _choice_column(chosen: Any) -> pa.Array:
    values = pa.array([*CHOICE_VALUES, ""], pa.string())
    return pa.DictionaryArray.from_arrays(np.where(chosen < 0, len(CHOICE_VALUES), chosen).astype(np.int16), values)


def _tags_column(data: Any, counts: Any, texts: Any) -> pa.Array:
    ends = np.zeros(len(counts) + 1, dtype=np.int32)
    np.cumsum(counts, out=ends[1:])
    names, values = (_texts(data, np.ascontiguousarray(texts[:, part : part + 2])) for part in (0, 2))
    return pa.MapArray.from_arrays(pa.array(ends), names, values, type=TEXT_MAP)


@compiled
def _copy(data: Any, at: Any, out: Any) -> None:
    to = 0
    for row in range(len(at)):
        for place in range(at[row, 0], at[row, 1]):
            out[to] = data[place]
            to += 1


@compiled
def _encode(data: Any, words: Any, at: Any, codes: Any, firsts: Any, slots: Any) -> int:
    """Number the different texts in the order they come; returns how many there are, -1 if there are too many.

    Args:
        slots: an open hash table of codes + 1, all 0.
    """
    different, previous = 0, -1
    for row in range(len(at)):
        begin, end = at[row]
        if previous >= 0 and _is_same(data, at[previous], at[row]):
            codes[row] = codes[previous]
            continue
        place = np.int64(hash_range(words, begin, end) % np.uint64(len(slots)))
        while slots[place] and not _is_same(data, at[firsts[slots[place] - 1]], at[row]):
            place = (place + 1) % len(slots)
        if not slots[place]:
            if different == len(firsts):
                return -1
            firsts[different] = row
            different += 1
            slots[place] = different
        codes[row] = slots[place] - 1
        previous = row
    return different


@compiled
def _is_same(data: Any, one: Any, other: Any) -> bool:
    length = one[1] - one[0]
    if other[1] - other[0] != length:
        return False
    for place in range(length):  # noqa: SIM110 (Numba compiles no generators)
        if data[one[0] + place] != data[other[0] + place]:
            return False
    return True
