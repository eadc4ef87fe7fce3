"""A micro-batch of scores as columns: integers only, one row of NumPy arrays for each score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.units import SCORE_LIMIT
from callgauge_streams.rollup.reading.columns import BUCKET_BITS
from callgauge_windows.histogram import bucket_of

__all__ = ["BEYOND", "NEGATIVE", "SIGNED_BITS", "ScoreColumns", "score_columns_of"]

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

#: Larger than every value in millionths (scores end at a million), so that BEYOND +- value is positive.
BEYOND = 1_000_000_000_001
#: A bucket item is that of the absolute value, as of a call's measure; negative values' are this much larger.
NEGATIVE = 1 << BUCKET_BITS
SIGNED_BITS = BUCKET_BITS + 1

_numbers_of = attrgetter("ts", "value")


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """`n` scores in log order."""

    n: int
    event_ms: Int64s
    """Shape (n,)."""
    sums: Int64s
    """What is added up: 1, value, square; shape (n, 3)."""
    extremes: Int64s
    """What a maximum is taken of: BEYOND - value, BEYOND + value; shape (n, 2)."""
    items: Int64s
    """Histogram item of each, shape (n,)."""
    clamped: int
    """Scores that were cut to be squared."""
    token_violations: int = 0


def score_columns_of(scores: Sequence[Any]) -> ScoreColumns:
    """The columns of decoded scores (structs of `callgauge.codec.decode_scores`)."""
    n = len(scores)
    numbers = np.fromiter(chain.from_iterable(map(_numbers_of, scores)), dtype=np.float64, count=2 * n).reshape(-1, 2)
    values = np.rint(numbers[:, 1] * 1e6).astype(np.int64)
    absolute = np.abs(values)
    buckets = np.where(absolute > 0, bucket_of(np.maximum(absolute, 1)) + 2, 0)
    return ScoreColumns(
        n=n,
        event_ms=(numbers[:, 0] * 1e3).astype(np.int64),
        sums=np.column_stack([np.ones(n, dtype=np.int64), values, _squares(np.minimum(absolute, SCORE_LIMIT))]),
        extremes=np.column_stack([BEYOND - values, BEYOND + values]),
        items=buckets + np.where(values < 0, NEGATIVE, 0),
        clamped=int(np.count_nonzero(absolute > SCORE_LIMIT)),
    )


def _squares(values: Int64s) -> Int64s:
    """value² / 10⁶ to nearest, as `callgauge.units.score_square` has it. value² itself does not fit: with
    value = 1000 a + b it is 10⁶ a² + 2000 a b + b²."""
    a, b = values // 1_000, values % 1_000
    return np.asarray(a * a + (2_000 * a * b + b * b + 500_000) // 1_000_000)
