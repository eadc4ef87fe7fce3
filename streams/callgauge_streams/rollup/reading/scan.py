"""Reads what windows count straight out of the JSON of calls, without making a Python object of any of it.

One pass over a call's bytes, compiled by Numba: its numbers go into a row of an array; of its id, its label values and
its outcome only 64-bit hashes of their bytes as they stand there are kept (`call_reader.py` knows what they mean).
Decoding to objects, counting their fields and freeing them cost four times as much.

It reads what emitters usually write, and leaves the rest to msgspec: escapes in a name, an id or a label, numbers of
more than 18 digits, repeated fields, anything out of its bounds. Whatever is read here, msgspec reads as the same (a
test checks it). The parts it is made of are in `callgauge_windows/json_*.py`.
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
from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.json_names import field_of, name_table
from callgauge_windows.json_numbers import read_number
from callgauge_windows.json_scan import after_colon, after_space, after_string, after_value
from callgauge_windows.json_strings import end_of_text, is_ascii, mark_ends, next_end, room_for_marks
from callgauge_windows.json_words import BAD, MIX, byte_at, hash_range, mixed, word_at

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
_NAMES, _SLOTS = name_table(_FIELDS)
_QUOTE, _COMMA, _OPEN, _CLOSE, _OPEN_LIST = (ord(sign) for sign in '",{}[')
_NO_HASH, _TWO_BYTES, _WORD_SEED = np.uint64(0), np.uint64(0xFFFF), np.uint64(0x340D631B7BDDDCDA)
_NAME_END = np.uint64(int.from_bytes(b'":', "little"))


@inlined
def _hash_word(data: Any, at: int) -> Any:
    """The position after a number, true, false or null, and the hash of its bytes. It does not check that the scalar is
    valid: decoding one call that has it does."""
    value = _WORD_SEED
    if byte_at(data, at) == _OPEN or byte_at(data, at) == _OPEN_LIST:
        return BAD, value
    while byte_at(data, at) > 32 and byte_at(data, at) != _COMMA and byte_at(data, at) != _CLOSE:
        value = (value ^ np.uint64(byte_at(data, at))) * MIX
        at += 1
    return at, mixed(value)


@inlined
def _scan_call(
    data: Any, begin: int, end: int, marks: Any, marks_at: Any, used: Any, numbers: Any, hashes: Any, id_at: Any
) -> bool:
    """Read the call in the bytes from `begin` to `end`; whether that was possible."""
    for number in range(len(_NOT_GIVEN)):
        numbers[number] = _NOT_GIVEN[number]
    labels, outcome, seen = _NO_HASH, _NO_HASH, 0
    all_ascii = mark_ends(data, begin, end, marks)
    at = after_space(data, begin)
    if byte_at(data, at) != _OPEN:
        return False
    while True:
        at = after_space(data, at + 1)
        # A call that is cut off would be read on in the next record, where nothing is marked.
        if at >= end or byte_at(data, at) != _QUOTE:
            return False
        name = at + 1
        at = next_end(marks_at, begin, name)
        field = field_of(data, name, at - name, _NAMES, _SLOTS)
        if word_at(data, at) & _TWO_BYTES == _NAME_END:
            at = after_space(data, at + 2)
        else:  # an escaped name could be that of any field
            at = after_colon(data, at + 1 if byte_at(data, at) == _QUOTE else BAD)
        if at < 0 or at >= end:
            return False
        if field < 0:
            if byte_at(data, at) == _QUOTE:
                close = next_end(marks_at, begin, at + 1)
                at = close + 1 if byte_at(data, close) == _QUOTE else after_string(data, close)
            else:
                at = after_value(data, at)
        elif seen >> field & 1:
            return False
        else:
            seen |= 1 << field
            if field >= _NUMBER:
                # Without spaces there is but a comma between it and the next name, or it is the last.
                close = min(next_end(marks_at, begin, at), end) - 1
                at = read_number(data, at, close, field - _NUMBER, numbers, _BOUNDS)
            elif field == _ID or not used[field]:
                begin_text = at + 1
                close = end_of_text(data, marks_at, begin, at)
                shortest, longest = (1, _LONGEST_ID) if field == _ID else (0, _LONGEST_LABEL)
                if not shortest <= close - begin_text <= longest:
                    return False
                if not all_ascii and not is_ascii(data, begin_text, close):
                    return False
                if field == _ID:
                    hashes[0] = hash_range(data, begin_text, close)
                    id_at[0], id_at[1] = begin_text, close
                at = close + 1
            else:
                if byte_at(data, at) == _QUOTE:
                    close = end_of_text(data, marks_at, begin, at)
                    if close < 0:
                        return False
                    value = hash_range(data, at + 1, close)
                    at = close + 1
                else:
                    at, value = _hash_word(data, at)
                value = mixed(value + np.uint64(field))
                if field < _OUTCOME:
                    labels += value
                else:
                    outcome += value
        if at < 0:
            return False
        at = after_space(data, at)
        if byte_at(data, at) != _COMMA:
            break
    hashes[1], hashes[2] = labels, outcome
    complete = seen & _REQUIRED == _REQUIRED
    # A call that is cut off may have been read beyond `end`, into the next record; then this is not its end.
    return bool(complete and byte_at(data, at) == _CLOSE and (at + 1 == end or after_space(data, at + 1) == end))


@uncounted
def _scan(
    data: Any, value_at: Any, marks: Any, marks_at: Any, used: Any, numbers: Any, hashes: Any, id_at: Any, read: Any
) -> None:
    for event in range(len(value_at)):
        begin, end = value_at[event]
        read[event] = begin < end and _scan_call(
            data, begin, end, marks, marks_at, used, numbers[event], hashes[event], id_at[event]
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
    longest = int((records.value_at[:, 1] - records.value_at[:, 0]).max(initial=0))
    marks = room_for_marks(longest)
    _scan(np.frombuffer(records.data, dtype=np.uint8), records.value_at, *marks, used, numbers, hashes, id_at, read)
    return Scanned(read, numbers, hashes[:, 0], hashes[:, 1], hashes[:, 2], id_at)


def hash_of(event_id: str) -> int:
    """The hash of an id, equal to the one that `scan` computes."""
    encoded = event_id.encode()
    return int(hash_range(np.frombuffer(encoded + bytes(PADDING), dtype=np.uint8), 0, len(encoded)))
