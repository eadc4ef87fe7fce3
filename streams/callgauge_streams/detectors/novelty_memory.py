"""What the novelty detector remembers: a ring of rows, and the distance from a new row to the nearest of them.

For each view the distance is the weighted mean over its columns of |f − p| / (largest − smallest f), and the smallest
over all remembered rows p. The newest rows wait outside: what follows an anomaly looks like it. Largest and smallest
are of all rows so far, and anew of the remembered ones each time the ring has been filled once more: one absurd value
must not dull the detector for ever.

Cost: about six passes of NumPy over `columns` x `rows` float32.
"""

from __future__ import annotations

import math
import threading
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "Memory"]

#: A column that moved less than this counts as constant. With values up to LARGEST, every ratio fits float32.
SMALLEST_RANGE = 1e-18
LARGEST = 1e18

Floats = NDArray[np.float32]


class _Scratch(threading.local):
    """Arrays to compute in, shared by all memories of a thread: they hold nothing between calls."""

    def __init__(self) -> None:
        self.arrays: dict[tuple[int, int], Floats] = {}

    def of(self, rows: int, columns: int) -> Floats:
        array = self.arrays.get((rows, columns))
        if array is None:
            array = self.arrays[rows, columns] = np.empty((rows, columns), np.float32)
        return array


_SCRATCH = _Scratch()


class Memory:
    """Rows laid out as `novelty_features` says: firsts, seconds, clock values, sin, cos.

    Args:
        rows: how many rows are compared with; the oldest is overwritten.
        skip: how many of the newest rows are not compared with.
        even: number of views with two columns of equal weight.
        clock_weights: weight of the time columns in each clock view, where the value has 1.

    Attributes:
        moved: whether anything but the time of day varies.
    """

    def __init__(self, rows: int, skip: int, even: int, clock_weights: Sequence[float]) -> None:
        self.skip, self.even, self.clocks = skip, even, len(clock_weights)
        self._values = 2 * even + self.clocks  # columns but for the two of time
        columns = self._values + (2 if self.clocks else 0)
        self._ring: Floats = np.zeros((columns, rows), np.float32)
        self._clock_weights: Floats = np.asarray(clock_weights, np.float32)[:, None]
        self._totals = [2.0] * even + [1 + 2 * weight for weight in clock_weights]
        self._inverse: Floats = np.zeros((columns, 1), np.float32)
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
                    self._inverse[column, 0] = 1 / width
                    self.moved = self.moved or column < self._values

    def distances(self, row: Sequence[float]) -> tuple[list[float], list[int]]:
        """For each view, even ones first: the distance to the nearest remembered row, and its place in the ring.

        0 and -1 while nothing is remembered.
        """
        count = min(self._stored, self._ring.shape[1])
        if count == 0:
            return [0.0] * len(self._totals), [-1] * len(self._totals)
        apart = _SCRATCH.of(*self._ring.shape)[:, :count]
        np.subtract(self._ring[:, :count], np.asarray(row, np.float32)[:, None], out=apart)
        np.abs(apart, out=apart)
        np.multiply(apart, self._inverse, out=apart)
        nearest: list[float] = []
        places: list[int] = []
        for sums in self._sums(apart):
            at = sums.argmin(axis=1)
            places += at.tolist()
            nearest += sums[np.arange(len(at)), at].tolist()
        return [total / weight for total, weight in zip(nearest, self._totals, strict=True)], places

    def _sums(self, apart: Floats) -> list[Floats]:
        """Weighted sums over the columns of each view, by kind of view; overwrites `apart`."""
        even, sums = self.even, []
        if even:
            sums.append(np.add(apart[:even], apart[even : 2 * even], out=apart[:even]))
        if self.clocks:
            sine = np.add(apart[-2], apart[-1], out=apart[-2])
            time = _SCRATCH.of(self.clocks, self._ring.shape[1])[:, : len(sine)]
            np.multiply(self._clock_weights, sine, out=time)
            sums.append(np.add(time, apart[2 * even : self._values], out=time))
        return sums

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
