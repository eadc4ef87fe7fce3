"""A hash of each record's bytes, to tell an event that is sent again from another one with the same id."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.bus.records import Records
from callgauge_windows.compiled import uncounted

__all__ = ["contents_of"]

Int64s = npt.NDArray[np.int64]

_PRIMES = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63], dtype=np.uint64)
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(8)], dtype=np.uint64)
_S29 = np.uint64(29)


def contents_of(records: Records) -> Int64s:
    """The 64-bit hash of each value, shape (n,); 0 for a record without one."""
    hashes = np.zeros(len(records), dtype=np.uint64)
    # The eight bytes from each position on as one integer; the data is padded for it.
    words: Any = np.ndarray((len(records.data) - 7,), dtype=np.uint64, buffer=records.data, strides=(1,))
    _hash_each(words, records.value_at, hashes)
    return hashes.view(np.int64)


@uncounted
def _hash_each(words: Any, value_at: Any, hashes: Any) -> None:
    """Four lanes of words of eight bytes, so that a processor works on them side by side."""
    for record in range(len(value_at)):
        at, end = value_at[record]
        if at < 0:
            continue
        a, b, c, d = _PRIMES[0] ^ np.uint64(end - at), _PRIMES[1], _PRIMES[2], _PRIMES[3]
        while at + 32 <= end:
            a = (a ^ words[at]) * _PRIMES[0]
            b = (b ^ words[at + 8]) * _PRIMES[1]
            c = (c ^ words[at + 16]) * _PRIMES[2]
            d = (d ^ words[at + 24]) * _PRIMES[3]
            a, b, c, d = a ^ (a >> _S29), b ^ (b >> _S29), c ^ (c >> _S29), d ^ (d >> _S29)
            at += 32
        while at + 8 <= end:
            a = (a ^ words[at]) * _PRIMES[0]
            a ^= a >> _S29
            at += 8
        a = (a ^ (words[at] & _MASKS[end - at])) * _PRIMES[0]
        a = ((a ^ (a >> _S29)) + b * _PRIMES[2]) * _PRIMES[1]
        a = ((a ^ (a >> _S29)) + c * _PRIMES[3]) * _PRIMES[2]
        a = ((a ^ (a >> _S29)) + d * _PRIMES[0]) * _PRIMES[3]
        hashes[record] = a ^ (a >> _S29)
