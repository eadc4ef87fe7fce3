"""An array that grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Grown"]


class Grown:
    """A zeroed array of integers that grows by half; `filled` is the part in use.

    Args:
        width: of a row; 0: entries are single numbers.
        in_place: it is so large that it cannot be had twice: it grows where it is if the system can, by an eighth.
            Nobody may hold what `filled`, `room` or `to` gave while it grows.
    """

    def __init__(self, width: int = 0, dtype: npt.DTypeLike = np.int64, *, in_place: bool = False) -> None:
        self._in_place = in_place
        self._array: npt.NDArray[Any] = np.zeros((64, width) if width else 64, dtype=dtype)
        self.filled: npt.NDArray[Any] = self._array[:0]

    def room(self, size: int) -> npt.NDArray[Any]:
        """The array with room for `size` entries, at least; what is behind the part in use is 0."""
        if size > len(self._array) and self._in_place:
            used, shape = len(self.filled), self._array.shape[1:]
            self._array.resize((max(size, 9 * len(self._array) // 8), *shape), refcheck=False)
            self.filled = self._array[:used]
        elif size > len(self._array):
            grown = np.zeros((max(size, 3 * len(self._array) // 2), *self._array.shape[1:]), dtype=self._array.dtype)
            grown[: len(self.filled)] = self.filled
            self._array = grown
            self.filled = grown[: len(self.filled)]
        return self._array

    def to(self, size: int) -> npt.NDArray[Any]:
        """The first `size` entries, at least; never shrinks."""
        self.filled = self.room(size)[: max(size, len(self.filled))]
        return self.filled
