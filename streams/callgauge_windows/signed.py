"""Buckets of values of both signs in one order: scores, which are added up in millionths.

A signed histogram (`callgauge.schema.SignedHistogram`) has OpenTelemetry's buckets of positive values, those of
negative ones, and a count of zeros. As one number each, in the order of their values:

    negative bucket i -> -(i + 2)        zero -> 0        positive bucket i -> i + 2            i >= -1

>>> [signed_key(value) for value in (-3, 0, 1, 3)]
[-52, 0, 1, 52]
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from callgauge_windows.histogram import bucket_of, estimate

__all__ = ["SIGNED_KEYS", "signed_buckets", "signed_estimate", "signed_key"]

_SHIFT = 2
#: Every key that there can be, and one more at both ends.
SIGNED_KEYS = range(-2_000, 2_001)


def signed_key(value: int) -> int:
    """The key of the bucket of an integer up to 2^41."""
    if not value:
        return 0
    key = int(bucket_of(np.array([abs(value)]))[0]) + _SHIFT
    return key if value > 0 else -key


def signed_estimate(key: int) -> float:
    """The value that a key's bucket stands for."""
    return estimate(key - _SHIFT) if key > 0 else -estimate(-key - _SHIFT) if key else 0.0


def signed_buckets(histogram: Any) -> Counter[int]:
    """The counts of a `SignedHistogram`, model or struct, by key."""
    found = Counter({int(key) + _SHIFT: count for key, count in histogram.buckets.items()})
    found.update({-int(key) - _SHIFT: count for key, count in histogram.negative.items()})
    if histogram.zero_count:
        found[0] = histogram.zero_count
    return found
