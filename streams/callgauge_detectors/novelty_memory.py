"""What the novelty detector remembers: a ring of rows, and the distance from a new row to the nearest of them.

For each view the distance is the weighted mean over its columns of |f − p| / (largest − smallest f), and the smallest
over all remembered rows p. The newest rows wait outside: what follows an anomaly looks like it. Largest and smallest
are of all rows so far, and anew of the remembered ones each time the ring has been filled once more: one absurd value
must not dull the detector for ever.

Cost: compiled passes over the columns of each view.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callgauge_windows.compiled import compiled

__all__ = ["LARGEST", "Memory"]

#: A column that moved less than this counts as constant. With values up to LARGEST, every ratio fits float32.
SMALLEST_RANGE = 1e-18
LARGEST = 1e18

Floats = NDArray[np.float32]


class Memory:
    """Rows laid out as `novelty_features` says: firsts, seconds, clock values, sin, cos.

    Args:
        rows: how many rows are compared with; the oldest is overwritten.
        skip: how many of the newest rows are not compared with.
        even: number of views with two columns of equal weight.
        clock_weights: weight of the time columns in each clock view, where the value has 1.
        named: the view, even ones first, of which the place of the nearest row is wanted too.

    Attributes:
        moved: whether anything but the time of day varies.
    """

    def __init__(self, rows: int, skip: int, even: int, clock_weights: Sequence[float], named: int = 0) -> None:
        self.skip, self.even, self.clocks = skip, even, len(clock_weights)
        self._values = 2 * even + self.clocks  # columns but for the two of time
        columns = self._values + (2 if self.clocks else 0)
        self._ring: Floats = np.zeros((columns, rows), np.float32)
        self._clock_weights: Floats = np.asarray(clock_weights, np.float32)
        self._named = named
        self._totals = [2.0] * even + [1 + 2 * weight for weight in clock_weights]
        self._inverse: Floats = np.zeros(columns, np.float32)
        self._low, self._high = [math.inf] * columns, [-math.inf] * columns
        self._waiting: deque[list[float]] = deque()
        self._stored = 0
        self.moved = False

    @property
    def bytes(self) -> int:
        """Size of the ring."""
        return self._ring.nbytes

    def widen(self, row: Sequence[float]) -> None:
        """Let the row's values count in the columns' ranges."""
        low, high = self._low, self._high
        for column, x in enumerate(row):
            if x < low[column] or x > high[column]:
                low[column], high[column] = min(x, low[column]), max(x, high[column])
                width = high[column] - low[column]
                if width > SMALLEST_RANGE:
                    self._inverse[column] = 1 / width
                    self.moved = self.moved or column < self._values

    def distances(self, row: Sequence[float]) -> tuple[list[float], int]:
        """For each view, even ones first, the distance to the nearest remembered row, and the place of that of `named`.

        0 and -1 while nothing is remembered.
        """
        count = min(self._stored, self._ring.shape[1])
        if count == 0:
            return [0.0] * len(self._totals), -1
        nearest = np.empty(len(self._totals), np.float32)
        columns = np.asarray(row, np.float32), self._inverse, self._ring
        place = _nearest(*columns, count, self.even, self._clock_weights, self._named, nearest)
        return [total / weight for total, weight in zip(nearest.tolist(), self._totals, strict=True)], place

    def add(self, row: list[float]) -> None:
        """Remember a row; it counts once `skip` newer ones have come."""
        self._waiting.append(row)
        if len(self._waiting) > self.skip:
            rows = self._ring.shape[1]
            self._ring[:, self._stored % rows] = self._waiting.popleft()
            self._stored += 1
            if self._stored % rows == 0:
                self._narrow([self._ring.min(axis=1).tolist(), self._ring.max(axis=1).tolist(), *self._waiting])

    def _narrow(self, rows: Iterable[Sequence[float]]) -> None:
        """Let only these rows count in the columns' ranges."""
        self._low, self._high = [math.inf] * len(self._low), [-math.inf] * len(self._high)
        self._inverse[:] = 0
        self.moved = False
        for row in rows:
            self.widen(row)

    def at(self, place: int, column: int) -> float:
        """One number of a remembered row."""
        return float(self._ring[column, place])

    def snapshot(self) -> dict[str, Any]:
        filled = self._ring[:, : min(self._stored, self._ring.shape[1])]
        return {
            "ring": b64encode(filled.astype("<f4").tobytes()).decode(),
            "stored": self._stored,
            "waiting": [list(row) for row in self._waiting],
            "ranges": [list(self._low), list(self._high)] if self._waiting or self._stored else [],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Raises ValueError when the ring is of other views or of another length."""
        columns, rows = self._ring.shape
        self._stored = snapshot["stored"]
        ring = np.frombuffer(b64decode(snapshot["ring"]), "<f4")
        if ring.size != columns * min(self._stored, rows):
            raise ValueError(f"the snapshot holds {ring.size} numbers, not {columns} columns of up to {rows} rows")
        filled = ring.reshape(columns, -1)
        self._ring[:, : filled.shape[1]] = filled
        self._waiting = deque(list(row) for row in snapshot["waiting"])
        self._narrow(snapshot["ranges"])


@compiled
def _sum_apart(
    a: Floats, x: np.float32, scale: np.float32, b: Floats, y: np.float32, other: np.float32, apart: Floats
) -> None:
    for p in range(len(apart)):
        apart[p] = abs(a[p] - x) * scale + abs(b[p] - y) * other


@compiled
def _nearest(
    row: Floats,
    inverse: Floats,
    ring: Floats,
    count: int,
    even: int,
    clock_weights: Floats,
    named: int,
    nearest: Floats,
) -> int:
    """Writes the smallest weighted sum of each view; returns where that of `named` is. No number here is NaN."""
    place, last = -1, len(row) - 1
    apart, time = np.empty(count, np.float32), np.empty(count, np.float32)
    if len(clock_weights):
        _sum_apart(ring[last - 1], row[last - 1], inverse[last - 1], ring[last], row[last], inverse[last], time)
    for view in range(len(nearest)):
        column = view if view < even else even + view
        x, scale, a = row[column], inverse[column], ring[column]
        if view < even:
            _sum_apart(a, x, scale, ring[even + view], row[even + view], inverse[even + view], apart)
        else:
            weight = clock_weights[view - even]
            for p in range(count):
                apart[p] = abs(a[p] - x) * scale + weight * time[p]
        least = apart.min()
        nearest[view] = least
        if view == named:
            for p in range(count):
                if apart[p] == least:
                    place = p
                    break
    return place
