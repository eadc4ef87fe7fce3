"""A hash of each record's bytes, to tell an event that is sent again from another one with the same id."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.bus.records import Records
from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import high_product
from callgauge_windows.json_words import MASKS, mixed, word_at

__all__ = ["contents_of"]

Int64s = npt.NDArray[np.int64]

_KEY, _OTHER_KEY, _STEP = (np.uint64(odd) for odd in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


def contents_of(records: Records) -> Int64s:
    """The 64-bit hash of each value, shape (n,); 0 for a record without one."""
    hashes = np.zeros(len(records), dtype=np.uint64)
    _hash_each(np.frombuffer(records.data, dtype=np.uint8), records.value_at, hashes)
    return hashes.view(np.int64)


@inlined
def _folded(one: Any, other: Any) -> Any:
    """All 128 bits of a product, as 64: each bit of both factors changes many of them."""
    return one * other ^ high_product(one, other)


@uncounted
def _hash_each(data: Any, value_at: Any, hashes: Any) -> None:
    """The sum of the products of all pairs of words, each with keys of its own, so that a processor works on several at
    a time (Wang Yi's wyhash multiplies so, Carter and Wegman's NH adds so)."""
    for record in range(len(value_at)):
        at, end = value_at[record, 0], value_at[record, 1]
        if at < 0:
            continue
        key, total = _KEY, np.uint64(end - at)
        while at + 16 <= end:
            total += _folded(word_at(data, at) ^ key, word_at(data, at + 8) ^ key ^ _OTHER_KEY)
            at, key = at + 16, key + _STEP
        left = end - at
        first = word_at(data, at) & MASKS[np.uintp(min(left, 8))]
        second = word_at(data, at + 8) & MASKS[np.uintp(max(left - 8, 0))]
        hashes[record] = mixed(total + _folded(first ^ key, second ^ key ^ _OTHER_KEY))
