"""The k-th smallest of all differences y - x between two samples, without making them.

There are n * m of them. How many are at most d is found by n binary searches in the sorted y, so the k-th smallest is
found by halving the span of d: about 60 times n log m steps, and memory of n + m.

>>> kth_difference(np.array([0.0, 1.0]), np.array([1.0, 5.0]), 1)  # 0, 1, 4, 5
1.0
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "kth_difference", "pairs_at_most"]

Floats = npt.NDArray[np.float64]

_HALVINGS = 80


def pairs_at_most(x: Floats, y: Floats, difference: float) -> int:
    """How many pairs have y - x <= difference. `y` must be sorted."""
    return int(np.searchsorted(y, x + difference, side="right").sum())


def kth_difference(x: Floats, y: Floats, k: int) -> float:
    """The k-th smallest difference y - x, counted from 0.

    Args:
        x, y: any order, at least one value each; k: below len(x) * len(y).
    """
    x, y = np.sort(x), np.sort(y)
    low, high = float(y[0] - x[-1]), float(y[-1] - x[0])
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if not low < middle < high:
            break
        if pairs_at_most(x, y, middle) > k:
            high = middle
        else:
            low = middle
    return _nearest_difference(x, y, high)


def _nearest_difference(x: Floats, y: Floats, wanted: float) -> float:
    """What halving has come upon is a difference but for rounding; this is the difference itself."""
    at = np.searchsorted(y, x + wanted)
    found = np.concatenate([y[np.clip(at + step, 0, len(y) - 1)] - x for step in (-1, 0)])
    return float(found[np.argmin(np.abs(found - wanted))])
