"""The event ids of a micro-batch, kept as bytes: most are never looked at, so no string is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["EventIds"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EventIds:
    """The event ids of a micro-batch, as they stand in JSON strings."""

    data: Any
    """Bytes-like."""
    at: Int64s
    """Where each begins and ends, shape (n, 2)."""

    @classmethod
    def of(cls, ids: Sequence[str]) -> EventIds:
        """From single ids."""
        texts = [_in_json(event_id) for event_id in ids]
        ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        return cls(b"".join(texts), np.column_stack([np.r_[0, ends[:-1]][: len(texts)], ends]))


def _in_json(text: str) -> bytes:
    """What stands between the quotes of a JSON string."""
    return msgspec.json.encode(text)[1:-1]
