"""A micro-batch as columns: integers only, one row of NumPy arrays for each event.

`call_reader.py` gives the calls' numbers as one array; here they become what is added up, what a maximum is taken of,
and histogram items, in one compiled pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.counted import COUNTED_NUMBERS, MEASURES, TOKEN_SUMS
from callgauge.units import LIMIT
from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.histogram import PER_DOUBLING, upper_bounds
from callgauge_windows.instructions import leading_zeros

__all__ = ["BUCKET_BITS", "EXTREMES", "LARGEST", "MEASURE_NAMES", "SUMS", "Columns", "columns_of"]

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MEASURE_NAMES = tuple(MEASURES)
#: Columns of `Columns.sums`: events, tokens, then count, sum and sum of squares of each measure.
SUMS = 1 + len(TOKEN_SUMS) + 3 * len(MEASURE_NAMES)
#: Columns of `Columns.extremes`: value + 1 of each measure, LARGEST - value of each, then the rate limit used (ppm). So
#: 0 always means "nothing yet" and one maximum finds largest and smallest.
EXTREMES = 2 * len(MEASURE_NAMES) + 1
LARGEST = LIMIT * max(measure.square_unit for measure in MEASURES.values()) + 1
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


_AT = {name: at for at, name in enumerate(COUNTED_NUMBERS)}
_MEASURES = list(MEASURES.values())
_TOKENS_AT = np.array([_AT[name] for name in TOKEN_SUMS])
_MEASURES_AT = np.array([_AT[measure.field] for measure in _MEASURES])
_PER_UNIT = np.array([measure.per_unit for measure in _MEASURES])
_SQUARE_UNITS = np.array([measure.square_unit for measure in _MEASURES])
_SUCCESSFUL_ONLY = np.array([measure.successful_only for measure in _MEASURES])
_INPUT, _OUTPUT, _REASONING = (_AT[f"{name}_tokens"] for name in ("input", "output", "reasoning"))
_CACHE_READ, _CACHE_WRITE = _AT["cache_read_tokens"], _AT["cache_write_tokens"]
_LIMIT_REQUESTS, _LEFT_REQUESTS = _AT["rate_limit_limit_requests"], _AT["rate_limit_remaining_requests"]
_LIMIT_TOKENS, _LEFT_TOKENS = _AT["rate_limit_limit_tokens"], _AT["rate_limit_remaining_tokens"]
_FIRST_MEASURE = 1 + len(TOKEN_SUMS)
_BOUNDS = upper_bounds()
_S55, _LOW_BYTE = np.uint64(55), np.uintp(0xFF)


def columns_of(numbers: Float64s, unanswered: Bools) -> Columns:
    """The columns of calls.

    Args:
        numbers: COUNTED_NUMBERS of each; -1 where one is not given; integers up to 2^53 are exact. Shape (n, 13).
        unanswered: which failed or were cancelled, shape (n,).
    """
    n = len(numbers)
    sums, extremes = np.zeros((n, SUMS), dtype=np.int64), np.zeros((n, EXTREMES), dtype=np.int64)
    items = np.full((n, len(MEASURE_NAMES)), -1, dtype=np.int64)
    clamped, violations = _fill(numbers, unanswered, sums, extremes, items)
    latency_ms = np.maximum(numbers[:, _AT["latency_ms"]], 0.0)  # -1: not known
    event_ms = (numbers[:, _AT["ts"]] * 1e3 + latency_ms).astype(np.int64)
    return Columns(n, event_ms, sums, extremes, items, int(clamped), int(violations))


def _first_buckets() -> npt.NDArray[np.int16]:
    """For each power of two and 256th of the way to the next: the place in _BOUNDS of the first bound that is not below
    the smallest value there."""
    doublings = (len(_BOUNDS) - 1) // PER_DOUBLING
    values = (np.int64(1) << np.arange(doublings))[:, None] * (256 + np.arange(256)) >> 8
    return np.searchsorted(_BOUNDS, values).astype(np.int16)


_FIRST = _first_buckets()


@inlined
def _item_of(value: int) -> int:
    """The histogram item of a value: `histogram.bucket_of` + 2, 0 for 0.

    A 256th of a doubling is smaller than a bucket, so the value's bucket is the first there, or the next."""
    if value == 0:
        return 0
    zeros = leading_zeros(np.uint64(value))
    place = _FIRST[np.uintp(63 - zeros), np.uintp(np.uint64(value) << np.uint64(zeros) >> _S55) & _LOW_BYTE]
    return int(place + (_BOUNDS[np.uintp(place)] < value) + 1)


@inlined
def _used_ppm(limit: float, remaining: float) -> int:
    """Share of a rate limit used up, in millionths; 0 when the provider told nothing."""
    if limit <= 0 or remaining < 0:
        return 0
    return int((int(limit) - int(min(limit, remaining))) * 1_000_000 // int(limit))


@uncounted
def _fill(numbers: Any, unanswered: Any, sums: Any, extremes: Any, items: Any) -> Any:
    """Fill in the columns of each event; returns how many were clamped, and how many token counts are at odds."""
    clamped, violations = 0, 0
    measures = len(_MEASURES_AT)
    for event in range(len(numbers)):
        row = numbers[event]
        sums[event, 0] = 1
        for at in range(len(_TOKENS_AT)):
            sums[event, 1 + at] = max(row[_TOKENS_AT[at]], 0.0)
        cached = max(row[_CACHE_READ], 0.0) + max(row[_CACHE_WRITE], 0.0)
        violations += cached > max(row[_INPUT], 0.0) or max(row[_REASONING], 0.0) > max(row[_OUTPUT], 0.0)
        is_clamped = False
        for at in range(measures):
            given = row[_MEASURES_AT[at]]
            if given < 0 or (_SUCCESSFUL_ONLY[at] and unanswered[event]):
                continue
            # To nearest, ties to even, as `callgauge.units` does.
            value, limit = int(np.rint(given * _PER_UNIT[at])), LIMIT * _SQUARE_UNITS[at]
            if value > limit:
                value, is_clamped = limit, True
            column = _FIRST_MEASURE + 3 * at
            sums[event, column], sums[event, column + 1] = 1, value
            sums[event, column + 2] = (value // _SQUARE_UNITS[at]) ** 2
            extremes[event, at], extremes[event, measures + at] = value + 1, LARGEST - value
            items[event, at] = _item_of(value)
        clamped += is_clamped
        extremes[event, 2 * measures] = max(
            _used_ppm(row[_LIMIT_REQUESTS], row[_LEFT_REQUESTS]), _used_ppm(row[_LIMIT_TOKENS], row[_LEFT_TOKENS])
        )
    return clamped, violations
