"""Finds where strings end: once for a whole message, 64 bytes at a time, instead of a look at each byte in turn.

A string ends at the next quote, if no backslash and no control character comes before it. `mark_ends` sets a bit for
each of the three, so that `next_end` finds the next one by counting zeros of a word, however long the string is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import AT_ONCE, string_ends, trailing_zeros
from callgauge_windows.json_words import BAD, MASKS, byte_at, word_at

__all__ = ["end_of_text", "is_ascii", "mark_ends", "next_end", "room_for_marks"]

UInt64s = npt.NDArray[np.uint64]

_NOTHING, _ALL = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGHS = np.uint64(0x8080808080808080)
_QUOTE = ord('"')


def room_for_marks(longest: int) -> tuple[UInt64s, npt.NDArray[np.uint8]]:
    """Room for the marks of a message of at most so many bytes: as words, and as bytes."""
    marks = np.empty(longest // AT_ONCE + 4, dtype=np.uint64)
    return marks, marks.view(np.uint8)


@inlined
def mark_ends(data: Any, begin: int, end: int, marks: Any) -> bool:
    """Mark each quote, backslash and control character from `begin` to `end`; up to 64 bytes after it may be marked
    rightly, and what lies behind them is marked as a whole, so that every search ends.

    Returns:
        Whether all are ASCII (False: perhaps only a byte after `end` is not).
    """
    at, place, not_ascii = begin, 0, _NOTHING
    while at < end:
        ends, high = string_ends(data, at)
        marks[np.uintp(place)] = ends
        not_ascii |= high
        at, place = at + AT_ONCE, place + 1
    for beyond in range(2):
        marks[np.uintp(place + beyond)] = _ALL
    return bool(not_ascii == _NOTHING)


@inlined
def next_end(marks_at: Any, begin: int, at: int) -> int:
    """The position of the first mark from `at` on, which is at most one byte after the end of the message.

    Args:
        begin: where the message begins.
    """
    place = at - begin
    found = word_at(marks_at, place >> 3) >> np.uint64(place & 7)
    while found == _NOTHING:
        at += AT_ONCE - (place & 7)
        place = at - begin
        found = word_at(marks_at, place >> 3)  # `place` is a multiple of eight now
    return int(at + trailing_zeros(found))


@uncounted
def is_ascii(data: Any, at: int, end: int) -> bool:
    """Whether the bytes from `at` to `end` are ASCII."""
    while at + 8 <= end:
        if word_at(data, at) & _HIGHS:
            return False
        at += 8
    return bool(word_at(data, at) & MASKS[np.uintp(end - at)] & _HIGHS == _NOTHING)


@inlined
def end_of_text(data: Any, marks_at: Any, begin: int, at: int) -> int:
    """The position of the closing quote of a string without escapes whose opening quote is at `at`; BAD if there is no
    such string."""
    if byte_at(data, at) != _QUOTE:
        return BAD
    end = next_end(marks_at, begin, at + 1)
    return end if byte_at(data, end) == _QUOTE else BAD
