"""The loops that write batches of rows as bytes, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import uncounted

__all__ = ["copy_texts", "renumber", "write_columns"]

Int64s = npt.NDArray[np.int64]


@uncounted
def copy_texts(data: Any, begins: Any, at: Any, copied: Any) -> None:
    """Copy texts of `data` that begin at `begins`, one after the other; `at` says where each goes, and the end."""
    for text in range(len(begins)):
        shift = begins[text] - at[text]
        for to in range(at[text], at[text + 1]):
            copied[to] = data[to + shift]


def renumber(numbers: Int64s, size: int) -> Int64s:
    """Number these anew from 0, in order of appearance by row, in place. Returns what each new number stood for.

    Args:
        numbers: from 0, below `size`; shape (lines, rows).
    """
    met = np.empty(min(size, numbers.size), dtype=np.int64)
    return met[: _renumber(numbers, np.full(size, -1, dtype=np.int32), met)]


@uncounted
def _renumber(numbers: Any, codes: Any, met: Any) -> int:
    used = 0
    for row in range(numbers.shape[1]):
        for line in range(numbers.shape[0]):
            number = numbers[line, row]
            if codes[number] < 0:
                codes[number], met[used] = used, number
                used += 1
            numbers[line, row] = codes[number]
    return used


@uncounted
def write_columns(numbers: Any, lines: Any, low: Any, width: Any, data: Any) -> None:
    """Write some lines of numbers one after the other, each number less the line's lowest in so many bytes, little
    end first."""
    at, rows = 0, numbers.shape[1]
    for column in range(len(lines)):
        line = numbers[lines[column]]
        wide, least = width[column], low[column]
        if wide == 1:
            for row in range(rows):
                data[at + row] = line[row] - least
        else:
            for row in range(rows):
                left = line[row] - least
                for byte in range(wide):
                    data[at + row * wide + byte] = left >> 8 * byte & 0xFF
        at += wide * rows
