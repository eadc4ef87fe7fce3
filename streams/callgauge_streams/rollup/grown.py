"""An array that grows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Grown"]

Int64s = npt.NDArray[np.int64]


class Grown:
    """A zeroed int64 array that grows by doubling; `filled` is the part in use."""

    def __init__(self, width: int = 0) -> None:
        self._array = np.zeros((64, width) if width else 64, dtype=np.int64)
        self.filled: Int64s = self._array[:0]

    def to(self, size: int) -> Int64s:
        """The first `size` entries, at least; never shrinks."""
        if size > len(self._array):
            grown = np.zeros((max(size, 2 * len(self._array)), *self._array.shape[1:]), dtype=np.int64)
            grown[: len(self._array)] = self._array
            self._array = grown
        self.filled = self._array[: max(size, len(self.filled))]
        return self.filled
