"""UUIDs as text of 36 characters (RFC 9562, in lower case), and as 16 bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_windows.compiled import compiled

__all__ = ["is_uuid", "read_digit", "uuid_byte"]

_CHARACTERS = 36
_DASH, _ZERO, _NINE, _A, _F = 45, 48, 57, 97, 102


@compiled
def is_uuid(text: Any, begin: int, end: int) -> bool:
    """Whether text[begin:end] is a UUID as it is written by default."""
    if end - begin != _CHARACTERS:
        return False
    for j in range(_CHARACTERS):
        at = text[begin + j]
        if j == 8 or j == 13 or j == 18 or j == 23:
            if at != _DASH:
                return False
        elif not (_ZERO <= at <= _NINE or _A <= at <= _F):
            return False
    return True


@compiled
def uuid_byte(text: Any, begin: int, j: int) -> Any:
    """The j-th byte of the UUID that begins there."""
    at = begin + 2 * j + (j > 3) + (j > 5) + (j > 7) + (j > 9)
    return _value(np.int64(text[at])) << 4 | _value(np.int64(text[at + 1]))


@compiled
def _value(digit: Any) -> Any:
    return digit - _ZERO if digit <= _NINE else digit - _A + 10


@compiled
def read_digit(data: Any, at: int, j: int) -> Any:
    """The j-th character of the UUID whose bytes begin at `at`."""
    if j == 8 or j == 13 or j == 18 or j == 23:
        return _DASH
    digit = j - (j > 8) - (j > 13) - (j > 18) - (j > 23)
    value = np.int64(data[at + digit // 2]) >> (0 if digit & 1 else 4) & 15
    return _ZERO + value if value < 10 else _A + value - 10
