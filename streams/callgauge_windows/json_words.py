"""Bytes as they are read: one at a time, or eight at once as a word. What all readers of JSON stand on."""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_windows.compiled import inlined
from callgauge_windows.instructions import word_at

__all__ = ["BAD", "MASKS", "MIX", "PADDING", "byte_at", "hash_range", "mixed", "word_at"]

BAD = -1
"""Returned instead of a position: this code cannot read it."""
#: So many bytes must follow the last value in the data, since it is read in words and in pieces of 64 bytes.
PADDING = 64

#: What is left of a word of which only so many bytes count.
MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
#: A factor that spreads bits upwards.
MIX = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2, _SEED = np.uint64(0x94D049BB133111EB), np.uint64(0xCBF29CE484222325)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@inlined
def byte_at(data: Any, at: int) -> Any:
    """A byte. Of a position that may be negative Numba would have to find out whether it counts from the end."""
    return data[np.uintp(at)]


@inlined
def mixed(value: Any) -> Any:
    """splitmix64's finish."""
    value = (value ^ (value >> _S30)) * MIX
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@inlined
def hash_range(data: Any, at: int, end: int) -> Any:
    """A hash of the bytes from `at` to `end`, whatever they are."""
    begin, value = at, _SEED
    while at + 8 <= end:
        value = np.uint64(mixed(value ^ word_at(data, at)))
        at += 8
    return mixed((value ^ (word_at(data, at) & MASKS[np.uintp(end - at)])) + np.uint64(end - begin))
