"""Numbers and counts as few bytes, for the entries of `callgauge_streams.detect.evidence`.

    number    seven bits a byte, the lowest first, the eighth says that more follow; its sign is the lowest bit (zigzag)
    count     one byte, 16 * step + count, where step is how many buckets after the one before; 15 in either half says
              that it follows as a number: first the step, then the count

So a histogram of neighbouring buckets with few events each takes a byte a bucket, and no count is rounded.

Source: Protocol Buffers, "Encoding" (base 128 varints, ZigZag).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_windows.compiled import compiled

__all__ = ["next_count", "read_number", "write_count", "write_number"]

_FOLLOWS = 15


@compiled
def write_number(data: Any, at: int, number: int) -> int:
    """Write a number below 2**62; returns where it ends."""
    rest = -2 * number - 1 if number < 0 else 2 * number
    while rest > 127:
        data[at] = 128 | rest & 127
        rest >>= 7
        at += 1
    data[at] = rest
    return at + 1


@compiled
def read_number(data: Any, at: int) -> Any:
    """Where a number ends, and the number."""
    rest, shift = np.int64(0), 0
    while data[at] > 127:
        rest |= (np.int64(data[at]) & 127) << shift
        shift += 7
        at += 1
    rest |= np.int64(data[at]) << shift
    return at + 1, -(rest >> 1) - 1 if rest & 1 else rest >> 1


@compiled
def write_count(data: Any, at: int, step: int, count: int) -> int:
    """Write a count > 0, so many buckets after the one before; returns where it ends."""
    high = step if 0 <= step < _FOLLOWS else _FOLLOWS
    low = count if count < _FOLLOWS else _FOLLOWS
    data[at] = high << 4 | low
    at += 1
    if high == _FOLLOWS:
        at = write_number(data, at, step)
    return write_number(data, at, count) if low == _FOLLOWS else at


@compiled
def next_count(data: Any, at: int, end: int, bucket: int) -> Any:
    """Where the next count ends, its bucket, and the count; 0 when there is no more before `end`.

    Args:
        bucket: the one before.
    """
    if at >= end:
        return at, bucket, np.int64(0)
    step, count = np.int64(data[at]) >> 4, np.int64(data[at]) & 15
    at += 1
    if step == _FOLLOWS:
        at, step = read_number(data, at)
    if count == _FOLLOWS:
        at, count = read_number(data, at)
    return at, bucket + step, count
