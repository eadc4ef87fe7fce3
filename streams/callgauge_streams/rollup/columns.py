"""A micro-batch as columns: integers only, one row of NumPy arrays for each event.

`call_reader.py` gives the calls' numbers as one array; here they become what is added up, what a maximum is taken of,
and histogram items, in one compiled pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.schema import MEASURES
from callgauge.units import LIMIT, SQUARE_UNITS
from callgauge_streams.compiled import compiled
from callgauge_streams.histogram import PER_DOUBLING, upper_bounds

__all__ = ["BUCKET_BITS", "EXTREMES", "LARGEST", "MEASURE_NAMES", "SUMS", "TOKEN_SUMS", "Columns", "columns_of"]

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MEASURE_NAMES = tuple(MEASURES)
TOKEN_SUMS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
#: Columns of `Columns.sums`: events, tokens, then count, sum and sum of squares of each measure.
SUMS = 1 + len(TOKEN_SUMS) + 3 * len(MEASURE_NAMES)
#: Columns of `Columns.extremes`: value + 1 of each measure, LARGEST - value of each, then the rate limit used (ppm). So
#: 0 always means "nothing yet" and one maximum finds largest and smallest.
EXTREMES = 2 * len(MEASURE_NAMES) + 1
LARGEST = LIMIT * max(SQUARE_UNITS.values()) + 1
# A bucket item is bucket + 2 (buckets begin at -1), 0 for values of 0; values end below 2^41, so at 32 * 41 + 2.
BUCKET_BITS = 11


@dataclass(frozen=True, slots=True)
class Columns:
    """`n` events in log order."""

    n: int
    event_ms: Int64s
    """Event time, the end of the call, shape (n,)."""
    sums: Int64s
    """What is added up, shape (n, SUMS)."""
    extremes: Int64s
    """What a maximum is taken of, shape (n, EXTREMES)."""
    items: Int64s
    """Histogram item of each measure, -1 for one that an event does not carry; shape (n, 4)."""
    clamped: int
    """Events with a value cut to the largest that a block can add up."""
    token_violations: int
    """Events whose parts exceed their whole: cache_read + cache_write > input, or reasoning > output."""


_FACTORS = np.array([1e3, 1e3, 1e9, 1.0])
"""From COUNTED_NUMBERS to the integers of each measure, in the order of MEASURE_NAMES: µs, µs, nano-dollars, tokens."""
_UNITS = np.array([SQUARE_UNITS[name] for name in MEASURE_NAMES])
_TS, _INPUT, _OUTPUT, _CACHE_READ, _CACHE_WRITE, _REASONING, _LIMITS = 0, 4, 5, 6, 7, 8, 9
_SOURCES = np.array([1, 2, 3, _OUTPUT])
_BOUNDS = upper_bounds()


def columns_of(numbers: Float64s, failed: Bools) -> Columns:
    """The columns of calls.

    Args:
        numbers: COUNTED_NUMBERS of each; -1 where one is not given; integers up to 2^53 are exact. Shape (n, 13).
        failed: which are errors, shape (n,).
    """
    n = len(numbers)
    sums, extremes = np.zeros((n, SUMS), dtype=np.int64), np.zeros((n, EXTREMES), dtype=np.int64)
    items = np.full((n, len(MEASURE_NAMES)), -1, dtype=np.int64)
    clamped, violations = _fill(numbers, failed, sums, extremes, items)
    event_ms = (numbers[:, _TS] * 1e3 + numbers[:, _SOURCES[0]]).astype(np.int64)
    return Columns(n, event_ms, sums, extremes, items, int(clamped), int(violations))


@compiled
def _item_of(value: int) -> int:
    """The histogram item of a value: `histogram.bucket_of` + 2, 0 for 0; found in the value's power of two."""
    if value == 0:
        return 0
    low = (math.frexp(float(value))[1] - 1) * PER_DOUBLING
    high = low + PER_DOUBLING
    while low < high:
        middle = (low + high) // 2
        if _BOUNDS[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low + 1


@compiled
def _used_ppm(limit: float, remaining: float) -> int:
    """Share of a rate limit used up, in millionths; 0 when the provider told nothing."""
    if limit <= 0 or remaining < 0:
        return 0
    return int((int(limit) - int(min(limit, remaining))) * 1_000_000 // int(limit))


@compiled
def _fill(numbers: Any, failed: Any, sums: Any, extremes: Any, items: Any) -> Any:
    """Fill in the columns of each event; returns how many were clamped, and how many token counts are at odds."""
    clamped, violations = 0, 0
    measures = len(_SOURCES)
    for event in range(len(numbers)):
        row = numbers[event]
        given, reads = max(row[_INPUT], 0.0), max(row[_CACHE_READ], 0.0)
        writes, reasoning = max(row[_CACHE_WRITE], 0.0), max(row[_REASONING], 0.0)
        sums[event, 0] = 1
        sums[event, 1], sums[event, 2], sums[event, 3], sums[event, 4] = given, reads, writes, reasoning
        violations += reads + writes > given or reasoning > max(row[_OUTPUT], 0.0)
        is_clamped = False
        for at in range(measures):
            if row[_SOURCES[at]] < 0 or (at == 0 and failed[event]):  # percentiles of latency: of successful calls
                continue
            # To nearest, ties to even, as `callgauge.units` does.
            value, limit = int(np.rint(row[_SOURCES[at]] * _FACTORS[at])), LIMIT * _UNITS[at]
            if value > limit:
                value, is_clamped = limit, True
            sums[event, 5 + 3 * at], sums[event, 6 + 3 * at] = 1, value
            sums[event, 7 + 3 * at] = (value // _UNITS[at]) ** 2
            extremes[event, at], extremes[event, measures + at] = value + 1, LARGEST - value
            items[event, at] = _item_of(value)
        clamped += is_clamped
        extremes[event, 2 * measures] = max(
            _used_ppm(row[_LIMITS], row[_LIMITS + 1]), _used_ppm(row[_LIMITS + 2], row[_LIMITS + 3])
        )
    return clamped, violations
