"""Columns with a line for each series as pieces of bytes, and back.

Only what has changed is to be written again (callgauge_streams.detect.engine_snapshot), so a wide column, of which a
window changes one number a series, is cut up into narrow ones; and a long one into parts of about the size of a piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["column_of", "narrow_names", "pieces_of_column"]

_WIDTH = 10
_PIECE_BYTES = 400_000


def narrow_names(name: str, column: npt.NDArray[Any]) -> Iterator[tuple[str, int, int]]:
    """Of each narrow column of it its name, and where it begins and ends.

    >>> list(narrow_names("points", np.zeros((3, 12))))
    [('points/0', 0, 10), ('points/10', 10, 12)]
    """
    width = 1 if column.ndim == 1 else column.shape[1]
    return ((f"{name}/{begin}", begin, min(begin + _WIDTH, width)) for begin in range(0, width, _WIDTH))


def pieces_of_column(column: npt.NDArray[Any], begin: int, end: int) -> list[bytes]:
    """The pieces of one of its narrow columns."""
    part = column if column.ndim == 1 else column[:, begin:end]
    lines = _PIECE_BYTES // (part.itemsize * (end - begin))
    return [np.ascontiguousarray(part[at : at + lines]).tobytes() for at in range(0, len(part), lines)]


def column_of(pieces: Sequence[Sequence[bytes]], like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The lines of a column, from the pieces of all its narrow ones.

    Args:
        like: a column of the same width and type.
    """
    parts = [np.frombuffer(b"".join(each), dtype=like.dtype) for each in pieces]
    if like.ndim == 1:
        return parts[0]
    widths = [end - begin for _, begin, end in narrow_names("", like)]
    return np.concatenate([part.reshape(-1, width) for part, width in zip(parts, widths, strict=True)], axis=1)
