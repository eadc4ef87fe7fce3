"""Records of one partition as columns. No Python object is made of any of them until somebody asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.json_words import PADDING

__all__ = ["PADDING", "Records"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """`n` consecutive records."""

    offsets: Int64s
    """Shape (n,)."""
    timestamps_ms: Int64s
    """Shape (n,)."""
    data: Any
    """Their bytes, bytes-like; `of` and `joined` add PADDING bytes."""
    value_at: Int64s
    """Where in `data` each value begins and ends, shape (n, 2); -1 and -1 for a record without one."""

    @classmethod
    def of(cls, offsets: Sequence[int], timestamps_ms: Sequence[int], values: Sequence[bytes | None]) -> Records:
        """From single values."""
        lengths = np.array([len(value or b"") for value in values], dtype=np.int64)
        ends = np.cumsum(lengths)
        value_at = np.column_stack([ends - lengths, ends])
        value_at[[value is None for value in values]] = -1
        data = b"".join([*(value or b"" for value in values), bytes(PADDING)])
        return cls(np.array(offsets, dtype=np.int64), np.array(timestamps_ms, dtype=np.int64), data, value_at)

    @classmethod
    def joined(cls, parts: Sequence[Records]) -> Records:
        """One after the other, padded."""
        begins = np.cumsum([0, *(len(part.data) for part in parts)])
        value_at = [np.where(p.value_at < 0, -1, p.value_at + begin) for p, begin in zip(parts, begins, strict=False)]
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.timestamps_ms for part in parts]),
            b"".join([*(part.data for part in parts), bytes(PADDING)]),
            np.concatenate(value_at),
        )

    def __len__(self) -> int:
        return len(self.offsets)

    def part(self, which: slice) -> Records:
        """Some of them; the data is shared."""
        return Records(self.offsets[which], self.timestamps_ms[which], self.data, self.value_at[which])

    def values(self, which: Iterable[int] | None = None) -> list[bytes | None]:
        """The values, all or some."""
        value_at = self.value_at if which is None else self.value_at[np.fromiter(which, dtype=np.int64)]
        return [None if begin < 0 else bytes(self.data[begin:end]) for begin, end in value_at.tolist()]
