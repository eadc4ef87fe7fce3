"""From scanned calls to the columns of the table `calls`: bytes are copied from where they stand, nothing is made of
any single call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from callgauge_sinks.call_columns import TYPES, derived_columns
from callgauge_sinks.call_scan import CHOICE_VALUES, CHOICES, FLAGS, NUMBERS, TEXTS, Scanned
from callgauge_sinks.map_columns import TEXTS as TEXT_MAP
from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.json_words import MASKS, hash_range, word_at

__all__ = ["scanned_columns"]

#: A text column is written as its different values and, for each call, which of them it has; with more than so many
#: values in a batch the texts are written out.
_MOST_CODES = 2_048
_SLOTS = 4 * _MOST_CODES
_NOTHING = np.uint64(0)


def scanned_columns(scanned: Scanned) -> dict[str, pa.Array]:
    """The columns of `calls` that come from the calls themselves, of those that could be read: at least one."""
    data = np.frombuffer(scanned.data, dtype=np.uint8)
    which: Any = slice(None) if scanned.read.all() else np.flatnonzero(scanned.read)
    columns = {}
    for place, name in enumerate(TEXTS):
        columns[name] = _text_column(data, np.ascontiguousarray(scanned.texts[which, place]))
    for place, name in enumerate(NUMBERS):
        columns[name] = _number_column(scanned.numbers[which, place], TYPES[name])
    columns |= {name: pa.array(scanned.flags[which, place]) for place, name in enumerate(FLAGS)}
    columns |= {name: _choice_column(scanned.choices[which, place]) for place, name in enumerate(CHOICES)}
    columns["tags"] = _tags_column(data, scanned.tags[which], scanned.tag_texts)
    numbers = {name: scanned.numbers[which, NUMBERS.index(name)] for name in ("ts", "latency_ms", "cost_usd")}
    return columns | derived_columns(**numbers)


def _text_column(data: Any, at: Any) -> pa.Array:
    codes, firsts = np.empty(len(at), dtype=np.int32), np.empty(_MOST_CODES, dtype=np.int64)
    different = _encode(data, at, codes, firsts, np.zeros(_SLOTS, dtype=np.int32))
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
    return pa.DictionaryArray.from_arrays(np.where(chosen < 0, len(CHOICE_VALUES), chosen).astype(np.int32), values)


def _tags_column(data: Any, counts: Any, texts: Any) -> pa.Array:
    ends = np.zeros(len(counts) + 1, dtype=np.int32)
    np.cumsum(counts, out=ends[1:])
    names, values = (_texts(data, np.ascontiguousarray(texts[:, part : part + 2])) for part in (0, 2))
    return pa.MapArray.from_arrays(pa.array(ends), names, values, type=TEXT_MAP)


@uncounted
def _copy(data: Any, at: Any, out: Any) -> None:
    to = 0
    for row in range(len(at)):
        for place in range(at[row, 0], at[row, 1]):
            out[to] = data[place]
            to += 1


@uncounted
def _encode(data: Any, at: Any, codes: Any, firsts: Any, slots: Any) -> int:
    """Number the different texts in the order they come; returns how many there are, -1 if there are too many.

    Args:
        slots: an open hash table of codes + 1, all 0; its size is a power of two.
    """
    begin: Any
    end: Any
    different, mask = 0, np.uint64(len(slots) - 1)
    previous_begin, previous_end, previous_code = np.int64(0), np.int64(-1), 0
    for row in range(len(at)):
        begin, end = np.int64(at[row, 0]), np.int64(at[row, 1])
        if not _is_same(data, previous_begin, previous_end, begin, end):
            place = np.int64(hash_range(data, begin, end) & mask)
            code = slots[place] - 1
            while code >= 0 and not _is_same(data, at[firsts[code], 0], at[firsts[code], 1], begin, end):
                place = (place + 1) % len(slots)
                code = slots[place] - 1
            if code < 0:
                if different == len(firsts):
                    return -1
                code = different
                firsts[code] = row
                different += 1
                slots[place] = different
            previous_begin, previous_end, previous_code = begin, end, code
        codes[row] = previous_code
    return different


@inlined
def _is_same(data: Any, one: Any, one_end: Any, other: Any, other_end: Any) -> bool:
    """Whether two pieces of the data hold the same bytes, eight at a time."""
    length = one_end - one
    if other_end - other != length:
        return False
    at = 0
    while at + 8 <= length:
        if word_at(data, one + at) != word_at(data, other + at):
            return False
        at += 8
    return bool((word_at(data, one + at) ^ word_at(data, other + at)) & MASKS[length - at] == _NOTHING)
