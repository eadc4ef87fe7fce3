"""Reads what windows count straight out of the JSON of calls, without making a Python object of any of it.

One pass over a call's bytes, compiled by Numba: its numbers go into a row of an array; of its id, its label values and
its outcome only 64-bit hashes of their bytes as they stand there are kept (`call_reader.py` knows what they mean).
Decoding to objects, counting their fields and freeing them cost four times as much.

It reads what emitters usually write, and leaves the rest to msgspec: escapes in a name, an id or a label, numbers of
more than 18 digits, repeated fields, anything out of its bounds. Whatever is read here, msgspec reads as the same (a
test checks it). The parts it is made of are in `callgauge_windows/json_scan.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import counted_bounds
from callgauge.counted import COUNTED_NUMBERS, LABELS, OUTCOME_FIELDS
from callgauge_streams.bus.records import PADDING, Records
from callgauge_windows.compiled import compiled
from callgauge_windows.json_scan import (
    after_bare,
    after_colon,
    after_plain,
    after_space,
    after_value,
    field_of,
    hash_range,
    hash_scalar,
    mixed,
    name_table,
    read_number,
    views,
)

__all__ = ["Scanned", "hash_of", "scan"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FIELDS = ("event_id", *LABELS, *OUTCOME_FIELDS, *COUNTED_NUMBERS)
_ID, _OUTCOME, _NUMBER = 0, 1 + len(LABELS), 1 + len(LABELS) + len(OUTCOME_FIELDS)
_REQUIRED = sum(1 << _FIELDS.index(name) for name in ("event_id", "ts", "service"))
_LONGEST_ID, _LONGEST_LABEL = 64, 256
_BOUNDS = np.array([counted_bounds(name) for name in COUNTED_NUMBERS])
"""Per number: smallest, largest, whether it must be whole, whether it may be null, its value when it is not given."""
_NOT_GIVEN = _BOUNDS[:, 4].copy()
_NAMES, _LENGTHS, _SLOTS = name_table(_FIELDS)
_QUOTE, _COMMA, _OPEN, _CLOSE = (ord(sign) for sign in '",{}')


@compiled
def _scan_call(data: Any, words: Any, at: int, end: int, used: Any, numbers: Any, hashes: Any, id_at: Any) -> bool:
    """Read the call in the bytes from `at` to `end`; whether that was possible."""
    numbers[:] = _NOT_GIVEN
    labels, outcome, seen = np.uint64(0), np.uint64(0), 0
    at = after_space(data, at)
    if data[at] != _OPEN:
        return False
    while True:
        at = after_space(data, at + 1)
        name = at + 1
        if data[at] != _QUOTE:
            return False
        at = after_bare(data, words, name)
        field = field_of(words, name, at - 1 - name, _NAMES, _LENGTHS, _SLOTS)
        at = after_colon(data, at)
        if at < 0:
            return False
        if field < 0:
            at = after_value(data, words, at)
        elif seen >> field & 1:
            return False
        else:
            seen |= 1 << field
            if field >= _NUMBER:
                at = read_number(data, at, field - _NUMBER, numbers, _BOUNDS)
            elif field == _ID:
                id_at[0] = at + 1
                at, hashes[0] = after_plain(data, words, at, 1, _LONGEST_ID)
                id_at[1] = at - 1
            elif used[field]:
                at, value = hash_scalar(data, words, at)
                value = mixed(value + np.uint64(field))
                if field < _OUTCOME:
                    labels += value
                else:
                    outcome += value
            else:
                at, value = after_plain(data, words, at, 0, _LONGEST_LABEL)
        if at < 0:
            return False
        at = after_space(data, at)
        if data[at] != _COMMA:
            break
    hashes[1], hashes[2] = labels, outcome
    complete = seen & _REQUIRED == _REQUIRED
    # A call that is cut off may have been read beyond `end`, into the next record; then this is not its end.
    return bool(complete and data[at] == _CLOSE and (at + 1 == end or after_space(data, at + 1) == end))


@compiled
def _scan(data: Any, words: Any, value_at: Any, used: Any, numbers: Any, hashes: Any, id_at: Any, read: Any) -> None:
    for event in range(len(value_at)):
        begin, end = value_at[event]
        read[event] = begin < end and _scan_call(
            data, words, begin, end, used, numbers[event], hashes[event], id_at[event]
        )


@dataclass(frozen=True, slots=True)
class Scanned:
    """`n` messages, as far as they could be read."""

    read: Bools
    """Which messages could be read, shape (n,). The other fields mean nothing for those that could not."""
    numbers: Float64s
    """COUNTED_NUMBERS of each, what `decode_counted` gives where one is not given; shape (n, 13)."""
    ids: UInt64s
    """Hash of each event_id, see `hash_of`; shape (n,)."""
    labels: UInt64s
    """Hash of each call's label values; equal ones were written the same way. Shape (n,)."""
    outcomes: UInt64s
    """Hash of each call's OUTCOME_FIELDS, likewise."""
    id_at: Int64s
    """Where in the records' data each event_id begins and ends, shape (n, 2)."""


def scan(records: Records, labels: Sequence[str] = LABELS) -> Scanned:
    """Read, of each message, what windows with these labels count."""
    n = len(records)
    used = np.array([name in labels or name in OUTCOME_FIELDS for name in _FIELDS])
    numbers, id_at = np.empty((n, len(COUNTED_NUMBERS))), np.empty((n, 2), dtype=np.int64)
    hashes, read = np.empty((n, 3), dtype=np.uint64), np.empty(n, dtype=np.bool_)
    _scan(*views(records.data), records.value_at, used, numbers, hashes, id_at, read)
    return Scanned(read, numbers, hashes[:, 0], hashes[:, 1], hashes[:, 2], id_at)


def hash_of(event_id: str) -> int:
    """The hash of an id, equal to the one that `scan` computes."""
    encoded = event_id.encode()
    return int(hash_range(views(encoded + bytes(PADDING))[1], 0, len(encoded)))
