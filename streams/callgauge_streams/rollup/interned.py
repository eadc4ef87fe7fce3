"""Codes instead of values: a few distinct things that come again and again are told apart by small numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.compiled import compiled
from callgauge_streams.rollup.grown import Grown

__all__ = ["Codes", "Interned", "Renumbered"]

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
    """The codes of what is known by a 64-bit hash only: an open-addressing table."""

    def __init__(self) -> None:
        self._hashes: UInt64s = np.zeros(256, dtype=np.uint64)
        self._codes: Int64s = np.full(256, -1, dtype=np.int64)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def codes_of(self, hashes: UInt64s) -> Int64s:
        """The code of each hash, -1 where it has none; shape (n,)."""
        codes = np.empty(len(hashes), dtype=np.int64)
        _look_up(self._hashes, self._codes, hashes, codes)
        return codes

    def put(self, value: int, code: int) -> None:
        """Say what a hash stands for."""
        if 2 * self._used >= len(self._codes):
            known = np.flatnonzero(self._codes >= 0)
            hashes, codes = self._hashes[known], self._codes[known]
            self._hashes, self._codes = (
                np.zeros(4 * len(self._codes), dtype=np.uint64),
                np.full(4 * len(self._codes), -1),
            )
            for known_hash, known_code in zip(hashes, codes, strict=True):
                _put(self._hashes, self._codes, known_hash, known_code)
        self._used += _put(self._hashes, self._codes, np.uint64(value), code)


@compiled
def _place(hashes: Any, codes: Any, value: Any) -> int:
    """Where a hash is, or would be."""
    mask = len(codes) - 1
    at = np.int64((value * _SPREAD) >> _TOP) & mask  # what is no hash, like slots' keys, must be spread too
    while codes[at] >= 0 and hashes[at] != value:
        at = (at + 1) & mask
    return int(at)


@compiled
def _look_up(hashes: Any, codes: Any, wanted: Any, found: Any) -> None:
    for i in range(len(wanted)):
        found[i] = codes[_place(hashes, codes, wanted[i])]


@compiled
def _put(hashes: Any, codes: Any, value: Any, code: int) -> bool:
    """Whether it is new."""
    at = _place(hashes, codes, value)
    new = codes[at] < 0
    hashes[at], codes[at] = value, code
    return bool(new)


class Renumbered:
    """A reader's codes numbered again from 0, in the order in which a block meets them: what is folded in a block must
    depend on its own log alone."""

    def __init__(self) -> None:
        self._numbers = Grown()  # one more than the number; 0: not met yet
        self.codes: list[int] = []
        """The code of each number."""

    def numbers_of(self, codes: Int64s) -> Int64s:
        """The number of each code, in log order; shape (n,)."""
        numbers = self._numbers.to(int(codes.max()) + 1)[codes]
        if not numbers.all():
            for code in dict.fromkeys(codes[numbers == 0].tolist()):
                self.codes.append(code)
                self._numbers.filled[code] = len(self.codes)
            numbers = self._numbers.filled[codes]
        return np.asarray(numbers - 1)
