"""Finds which field a name is of by the bytes of the name, without making a string of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import inlined
from callgauge_windows.json_words import BAD, MASKS, MIX, word_at

__all__ = ["NameTable", "field_of", "name_table"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

_WORDS, _PLACE_BITS = 4, 10
_LONGEST = 8 * _WORDS
_PLACE_SHIFT = np.uint64(64 - _PLACE_BITS)
# For each length, which bytes count of the second, third and fourth word of a name.
_REST = np.array(
    [[(1 << 8 * min(max(length - 8 * word, 0), 8)) - 1 for word in range(1, _WORDS)] for length in range(_LONGEST + 1)],
    dtype=np.uint64,
)
_NOTHING = np.uint64(0)


class NameTable(NamedTuple):
    """Names of fields, to be found by the bytes of a name. Each is at most 32 bytes long."""

    words: UInt64s
    """Eight bytes at a time, little endian, as they are read from the data; shape (fields, 4)."""
    slots: Int64s
    """An open hash table of fields, -1 where there is none."""


def name_table(names: Sequence[str]) -> NameTable:
    """The table of these names; a field is its place among them.

    Raises:
        ValueError: a name is longer than 32 bytes.
    """
    if too_long := [name for name in names if len(name.encode()) > _LONGEST]:
        raise ValueError(f"names of more than {_LONGEST} bytes: {', '.join(too_long)}")
    words = np.array([_words_of(name.encode()) for name in names], dtype=np.uint64)
    slots = np.full(1 << _PLACE_BITS, -1, dtype=np.int64)
    for field, name in enumerate(names):
        place = ((int(words[field, 0]) ^ len(name.encode())) * int(MIX) & (1 << 64) - 1) >> int(_PLACE_SHIFT)
        while slots[place] >= 0:
            place = (place + 1) % len(slots)
        slots[place] = field
    return NameTable(words, slots)


def _words_of(name: bytes) -> list[int]:
    padded = name.ljust(_LONGEST, b"\0")
    return [int.from_bytes(padded[at : at + 8], "little") for at in range(0, _LONGEST, 8)]


@inlined
def field_of(data: Any, at: int, length: int, names: Any, slots: Any) -> int:
    """The field whose name has `length` bytes from `at` on, BAD for one that is in no table. There must be no control
    character among them: a name that ends in zeros would be taken for the shorter one."""
    if not 0 < length <= _LONGEST:
        return BAD
    first = word_at(data, at) & MASKS[np.uintp(min(length, 8))]
    place = np.uintp(((first ^ np.uint64(length)) * MIX) >> _PLACE_SHIFT)
    field = slots[place]
    while field >= 0:
        row = np.uintp(field)
        if names[row, 0] == first and (length <= 8 or _same_rest(data, at, length, names, row)):
            return int(field)
        place = np.uintp((place + np.uintp(1)) % np.uintp(len(slots)))
        field = slots[place]
    return BAD


@inlined
def _same_rest(data: Any, at: int, length: int, names: Any, row: Any) -> bool:
    """Whether a name goes on as that of a field does, after its first eight bytes."""
    rest = np.uintp(length)
    differ = (word_at(data, at + 8) & _REST[rest, 0]) ^ names[row, 1]
    differ |= (word_at(data, at + 16) & _REST[rest, 1]) ^ names[row, 2]
    differ |= (word_at(data, at + 24) & _REST[rest, 2]) ^ names[row, 3]
    return bool(differ == _NOTHING)
