"""A hash table from pairs of integers to numbers, of which entries can be taken out again. The functions are compiled,
so that compiled loops can use them.

Open addressing with linear probing. What is taken out leaves no mark: the entries behind it move up (Knuth, TAOCP 3,
section 6.4, algorithm R).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import compiled

__all__ = ["Pairs", "enter", "find", "take_out"]

Int64s = npt.NDArray[np.int64]

_SPREAD, _TOP = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class Pairs:
    """Numbers by pair.

    >>> pairs = Pairs()
    >>> pairs.room(1)
    >>> enter(pairs.keys, pairs.numbers, 7, 70, 3)
    >>> find(pairs.keys, pairs.numbers, 7, 70), find(pairs.keys, pairs.numbers, 70, 7)
    (3, -1)
    """

    def __init__(self) -> None:
        self.keys: Int64s = np.zeros((256, 2), dtype=np.int64)
        self.numbers: Int64s = np.full(256, -1, dtype=np.int64)
        """-1: free."""

    def room(self, entries: int) -> None:
        """Make room for so many entries in all."""
        if 2 * entries > len(self.numbers):
            keys, numbers, size = self.keys, self.numbers, 1 << (2 * entries).bit_length()
            self.keys, self.numbers = np.zeros((size, 2), dtype=np.int64), np.full(size, -1, dtype=np.int64)
            _move(self.keys, self.numbers, keys, numbers)

    def of(self, first: Int64s, second: Int64s) -> Int64s:
        """The number of each pair, -1 where there is none."""
        found = np.empty(len(first), dtype=np.int64)
        _look_up(self.keys, self.numbers, first, second, found)
        return found


@compiled
def _home(first: int, second: int, mask: int) -> int:
    mixed = ((np.uint64(first) * _SPREAD) ^ np.uint64(second)) * _SPREAD
    return int(np.int64(mixed >> _TOP) & mask)


@compiled
def _place(keys: Any, numbers: Any, first: int, second: int) -> int:
    """The place of a pair, or the free place where it would go."""
    mask = len(numbers) - 1
    at = _home(first, second, mask)
    while numbers[at] >= 0 and (keys[at, 0] != first or keys[at, 1] != second):
        at = (at + 1) & mask
    return at


@compiled
def find(keys: Any, numbers: Any, first: int, second: int) -> int:
    """The number of a pair, -1 if there is none."""
    return int(numbers[_place(keys, numbers, first, second)])


@compiled
def enter(keys: Any, numbers: Any, first: int, second: int, number: int) -> None:
    """Set the number of a pair; there must be room."""
    at = _place(keys, numbers, first, second)
    keys[at, 0], keys[at, 1], numbers[at] = first, second, number


@compiled
def take_out(keys: Any, numbers: Any, first: int, second: int) -> None:
    """Remove a pair, which must be there."""
    mask = len(numbers) - 1
    gap = _place(keys, numbers, first, second)
    at = (gap + 1) & mask
    while numbers[at] >= 0:
        home = _home(keys[at, 0], keys[at, 1], mask)
        if ((at - home) & mask) >= ((at - gap) & mask):
            keys[gap, 0], keys[gap, 1], numbers[gap] = keys[at, 0], keys[at, 1], numbers[at]
            gap = at
        at = (at + 1) & mask
    numbers[gap] = -1


@compiled
def _move(keys: Any, numbers: Any, old_keys: Any, old_numbers: Any) -> None:
    for i in range(len(old_numbers)):
        if old_numbers[i] >= 0:
            enter(keys, numbers, old_keys[i, 0], old_keys[i, 1], old_numbers[i])


@compiled
def _look_up(keys: Any, numbers: Any, first: Any, second: Any, found: Any) -> None:
    for i in range(len(first)):
        found[i] = find(keys, numbers, first[i], second[i])
