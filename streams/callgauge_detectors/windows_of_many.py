"""The newest values of many series, and their centre and σ: one row of numbers a series, in compiled loops.

Values are kept twice: in the order they came, so that the oldest can make room, and in order of size, so that a median
is a look at the middle. A new value moves the numbers between the place of the one that goes and its own, some hundred
of them. The deviations from the median grow from the middle to both sides, so their median is found by walking there:
no sorting, and the same result to the last bit as sorting gives.

Memory 16 bytes * series * size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.baseline import SIGMA_PER_MAD, SIGMA_PER_MEAN_AD
from callgauge_windows.compiled import compiled

__all__ = ["WindowsOfMany"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class WindowsOfMany:
    """At most `size` values of each of `series` series.

    Attributes:
        learned: values taken in so far, of each series.
    """

    def __init__(self, series: int, size: int) -> None:
        self.learned: Integers = np.zeros(series, dtype=np.int64)
        self._as_come: Floats = np.zeros((series, size))
        self._by_size: Floats = np.zeros((series, size))

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no values."""
        more = series - len(self.learned)
        if more > 0:
            self.learned = np.concatenate([self.learned, np.zeros(more, dtype=np.int64)])
            empty = np.zeros((more, self._as_come.shape[1]))
            self._as_come, self._by_size = (np.concatenate([old, empty]) for old in (self._as_come, self._by_size))

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"learned": self.learned, "as_come": self._as_come, "by_size": self._by_size}

    def values(self, row: int) -> Floats:
        """The values of one series, in the order they came from the first of the ring on."""
        kept: Floats = self._as_come[row, : min(int(self.learned[row]), self._as_come.shape[1])]
        return kept

    def put(self, row: int, values: Sequence[float], learned: int) -> None:
        """Set the values of one series, as `values` gave them."""
        self.learned[row] = learned
        self._as_come[row, : len(values)] = values
        self._by_size[row, : len(values)] = np.sort(np.array(values))

    def learn(self, rows: Integers, values: Floats) -> None:
        """Take a finite value in for each of these series."""
        _learn(self._as_come, self._by_size, self.learned, rows, values)

    def mean_sigma(self, rows: Integers) -> tuple[Floats, Floats]:
        """Mean and sample standard deviation of these series, each of at least one value."""
        centre, sigma = np.empty(len(rows)), np.empty(len(rows))
        _mean_sigma(self._as_come, self.learned, rows, centre, sigma)
        return centre, sigma

    def median_mad(self, rows: Integers) -> tuple[Floats, Floats]:
        """Median and the σ that the median absolute deviation stands for, as `baseline.median_mad` has it."""
        centre, sigma = np.empty(len(rows)), np.empty(len(rows))
        _median_mad(self._by_size, self.learned, rows, centre, sigma)
        return centre, sigma

    def snapshot(self) -> list[list[float]]:
        """The values of each series, in the order they came from the first of the ring on."""
        return [self.values(row).tolist() for row in range(len(self.learned))]

    def restore(self, values: Sequence[Sequence[float]], learned: Sequence[int]) -> None:
        """Put a snapshot back."""
        for row, (kept, count) in enumerate(zip(values, learned, strict=True)):
            self.put(row, kept, count)


@compiled
def _learn(as_come: Floats, by_size: Floats, learned: Integers, rows: Integers, values: Floats) -> None:
    size = as_come.shape[1]
    for place in range(len(rows)):
        row, new = rows[place], values[place]
        x, slot = by_size[row], learned[row] % size
        last = min(learned[row], size - 1)
        free = last if learned[row] < size else np.searchsorted(x, as_come[row, slot])
        while free > 0 and x[free - 1] > new:
            x[free] = x[free - 1]
            free -= 1
        while free < last and x[free + 1] < new:
            x[free] = x[free + 1]
            free += 1
        x[free] = new
        as_come[row, slot] = new
        learned[row] += 1


@compiled
def _mean_sigma(as_come: Floats, learned: Integers, rows: Integers, centre: Floats, sigma: Floats) -> None:
    for place in range(len(rows)):
        x = as_come[rows[place]]
        n = min(learned[rows[place]], len(x))
        total = 0.0
        for i in range(n):
            total += x[i]
        mean, squares = total / n, 0.0
        for i in range(n):
            squares += (x[i] - mean) * (x[i] - mean)
        centre[place], sigma[place] = mean, np.sqrt(squares / max(1, n - 1))


@compiled
def _median_mad(by_size: Floats, learned: Integers, rows: Integers, centre: Floats, sigma: Floats) -> None:
    for place in range(len(rows)):
        x = by_size[rows[place]]
        n = min(learned[rows[place]], len(x))
        half = n // 2
        odd = n % 2 == 1
        median = x[half] if odd else (x[half - 1] + x[half]) / 2.0
        left, right = half - 1, half
        before = deviation = 0.0
        for _ in range(half + 1):
            before = deviation
            if right == n or (left >= 0 and median - x[left] <= x[right] - median):
                deviation = median - x[left]
                left -= 1
            else:
                deviation = x[right] - median
                right += 1
        spread = SIGMA_PER_MAD * (deviation if odd else (before + deviation) / 2.0)
        if spread == 0.0:
            total = 0.0
            for i in range(n):
                total += abs(x[i] - median)
            spread = SIGMA_PER_MEAN_AD * (total / n)
        centre[place], sigma[place] = median, spread
