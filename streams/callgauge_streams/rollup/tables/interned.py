"""Tables that give small numbers (codes) to a few distinct values that come again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.grown import Grown

__all__ = ["Codes", "Interned", "Numbered"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]


_SPREAD, _TOP = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class Codes(dict[Any, int]):
    """Numbers things from 0 in order of appearance.

    >>> codes = Codes()
    >>> codes["b"], codes["a"], codes["b"]
    (0, 1, 0)
    >>> codes.values_of
    ['b', 'a']
    """

    def __init__(self) -> None:
        super().__init__()
        self.values_of: list[Any] = []
        """What each code stands for."""

    def __missing__(self, key: Any) -> int:
        code = self[key] = len(self)
        self.values_of.append(key)
        return code


class Interned:
    """The codes of values that are known by a 64-bit hash only, in an open-addressing table."""

    def __init__(self) -> None:
        self._hashes: UInt64s = np.zeros(256, dtype=np.uint64)
        self._codes: Int32s = np.full(256, -1, dtype=np.int32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def codes_of(self, hashes: UInt64s) -> Int64s:
        """The code of each hash, -1 where it has none; shape (n,)."""
        codes = np.empty(len(hashes), dtype=np.int64)
        _look_up(self._hashes, self._codes, hashes, codes)
        return codes

    def put(self, value: int, code: int) -> None:
        """Set the code of a hash."""
        if 2 * self._used >= len(self._codes):
            hashes, codes = self._hashes, self._codes
            self._hashes, self._codes = np.zeros(2 * len(codes), np.uint64), np.full(2 * len(codes), -1, np.int32)
            _move(self._hashes, self._codes, hashes, codes)
        self._used += _put(self._hashes, self._codes, np.uint64(value), code)


@inlined
def _place(hashes: Any, codes: Any, value: Any) -> int:
    """The place of a hash in the table, or the free place where it would go."""
    mask = len(codes) - 1
    at = np.int64(value) & mask
    while codes[at] >= 0 and hashes[at] != value:
        at = (at + 1) & mask
    return int(at)


@uncounted
def _look_up(hashes: Any, codes: Any, wanted: Any, found: Any) -> None:
    for i in range(len(wanted)):
        found[i] = codes[_place(hashes, codes, wanted[i])]


@uncounted
def _put(hashes: Any, codes: Any, value: Any, code: int) -> bool:
    """Enter a hash; returns whether it is new."""
    at = _place(hashes, codes, value)
    new = codes[at] < 0
    hashes[at], codes[at] = value, code
    return bool(new)


@uncounted
def _move(hashes: Any, codes: Any, old_hashes: Any, old_codes: Any) -> None:
    for i in range(len(old_codes)):
        if old_codes[i] >= 0:
            at = _place(hashes, codes, old_hashes[i])
            hashes[at], codes[at] = old_hashes[i], old_codes[i]


class Numbered:
    """Numbers non-negative integers from 0, in order of appearance.

    >>> Numbered().numbers_of(np.array([70, 30, 70]))
    array([0, 1, 0])
    """

    def __init__(self) -> None:
        self._table: Int32s = np.full(256, -1, dtype=np.int32)
        """Numbers, each at the place of its key: open addressing."""
        self._keys = Grown()

    @property
    def keys(self) -> Int64s:
        """What each number stands for, shape (size,)."""
        return self._keys.filled

    def numbers_of(self, keys: Int64s) -> Int64s:
        """The number of each key, shape (n,)."""
        numbers, done = np.empty(len(keys), dtype=np.int64), 0
        while done < len(keys):  # room is made for those that are new, not for all that could be
            used = len(self.keys)
            if used == len(self._table) // 2:
                self._table = np.full(2 * len(self._table), -1, dtype=np.int32)
                _number(self._table, self.keys, 0, self.keys, 0, np.empty(used, dtype=np.int64))
            known = self._keys.room(used + 1)[: len(self._table) // 2]
            used, done = _number(self._table, known, used, keys, done, numbers)
            self._keys.to(used)
        return numbers


@uncounted
def _number(table: Any, known: Any, used: int, keys: Any, done: int, numbers: Any) -> Any:
    """Number keys from `done` on, of which `known` has `used` so far; new ones are added as long as it has room.
    Returns how many it has then, and how many keys are done."""
    mask = len(table) - 1
    for i in range(done, len(keys)):
        at = np.int64((np.uint64(keys[i]) * _SPREAD) >> _TOP) & mask
        while table[at] >= 0 and known[table[at]] != keys[i]:
            at = (at + 1) & mask
        if table[at] < 0:
            if used == len(known):
                return used, i
            known[used], table[at] = keys[i], used
            used += 1
        numbers[i] = table[at]
    return used, len(keys)
