"""A micro-batch as columns: integers only, one row of NumPy arrays for each event.

Per-event Python is what costs, so there is none of it: `call_reader.py` gives the calls' numbers as one array, and
everything after that is arithmetic on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from callgauge.schema import MEASURES
from callgauge.units import LIMIT, SQUARE_UNITS
from callgauge_streams.histogram import bucket_of

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
    buckets: list[tuple[Int64s, Int64s]]
    """Per measure: the events that carry it, and the histogram item of each."""
    clamped: int
    """Events with a value cut to the largest that a block can add up."""
    token_violations: int
    """Events whose parts exceed their whole: cache_read + cache_write > input, or reasoning > output."""


def columns_of(numbers: Float64s, failed: Bools) -> Columns:
    """The columns of calls.

    Args:
        numbers: COUNTED_NUMBERS of each; -1 where one is not given; integers up to 2^53 are exact. Shape (n, 13).
        failed: which are errors, shape (n,).
    """
    n = len(numbers)
    ts, latency_ms = numbers[:, 0], numbers[:, 1]
    tokens = numbers[:, 4:9].astype(np.int64)
    given = np.maximum(tokens, 0)
    sums, extremes = np.empty((n, SUMS), dtype=np.int64), np.empty((n, EXTREMES), dtype=np.int64)
    sums[:, 0] = 1
    sums[:, 1 : 1 + len(TOKEN_SUMS)] = given[:, (0, 2, 3, 4)]
    buckets, clamped = [], np.zeros(n, dtype=np.bool_)
    values_of = {
        "latency": np.where(failed, -1, _scaled(latency_ms, 1e3)),
        "ttft": _scaled(numbers[:, 2], 1e3),
        "cost": _scaled(numbers[:, 3], 1e9),
        "output_tokens": tokens[:, 1],
    }
    for at, name in enumerate(MEASURE_NAMES):
        values, limit = values_of[name], LIMIT * SQUARE_UNITS[name]
        clamped |= values > limit
        values = np.minimum(values, limit)
        present = values >= 0
        _measure(values, present, SQUARE_UNITS[name], sums[:, 5 + 3 * at : 8 + 3 * at])
        extremes[:, at] = np.where(present, values + 1, 0)
        extremes[:, len(MEASURE_NAMES) + at] = np.where(present, LARGEST - values, 0)
        buckets.append((carriers := np.flatnonzero(present), _items(values[carriers])))
    extremes[:, -1] = np.maximum(_used_ppm(numbers[:, 9], numbers[:, 10]), _used_ppm(numbers[:, 11], numbers[:, 12]))
    exceed = (given[:, 2] + given[:, 3] > given[:, 0]) | (given[:, 4] > given[:, 1])
    return Columns(
        n=n,
        event_ms=(ts * 1e3 + latency_ms).astype(np.int64),
        sums=sums,
        extremes=extremes,
        buckets=buckets,
        clamped=int(np.count_nonzero(clamped)),
        token_violations=int(np.count_nonzero(exceed)),
    )


def _scaled(values: Float64s, factor: float) -> Int64s:
    """To integers, nearest, ties to even, as `callgauge.units` does one by one; negative stays negative."""
    return np.rint(values * factor).astype(np.int64)


def _measure(values: Int64s, present: Bools, square_unit: int, sums: Int64s) -> None:
    """Fill in count, sum and sum of squares of each event."""
    sums[:, 0] = present
    sums[:, 1] = counted = np.where(present, values, 0)
    sums[:, 2] = (counted // square_unit) ** 2


def _items(values: Int64s) -> Int64s:
    """The histogram item of each value."""
    return np.where(values > 0, bucket_of(np.maximum(values, 1)) + 2, 0)


def _used_ppm(limit: Float64s, remaining: Float64s) -> Int64s:
    """Share of a rate limit used up, in millionths; 0 when the provider told nothing."""
    told = (limit > 0) & (remaining >= 0)
    whole = np.where(told, limit, 1).astype(np.int64)
    left = np.where(told, np.minimum(limit, remaining), 1).astype(np.int64)
    return np.asarray((whole - left) * 1_000_000 // whole)
