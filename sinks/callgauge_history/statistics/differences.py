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
    return _difference_near(x, y, low, high)


def _difference_near(x: Floats, y: Floats, low: float, high: float) -> float:
    """The difference that lies in the last span: it is one of two samples' values, not a middle of halvings."""
    at = np.searchsorted(y, x + low, side="left")
    candidates = [y[np.minimum(at + step, len(y) - 1)] - x for step in (0, 1)]
    found = np.concatenate(candidates)
    inside = found[(found >= low) & (found <= high)]
    return float(inside.min()) if len(inside) else high
