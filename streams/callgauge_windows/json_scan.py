"""Goes through JSON in its bytes, without making a Python object of any of it: the compiled parts from which the
readers of calls are made (rollup's `scan.py`, the sink's `call_scan.py`), with `json_strings`, `json_names` and
`json_numbers`.

A position is an index into the data, which ends with PADDING bytes. Whatever these functions read, msgspec reads as the
same; where they return BAD, nothing is said of the value, and msgspec is to be asked.

After a change of these files run `make clean-compiled`: the readers have them compiled in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.instructions import trailing_zeros
from callgauge_windows.json_words import BAD, byte_at, word_at

__all__ = ["after_colon", "after_space", "after_string", "after_value", "after_word"]

_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = (ord(sign) for sign in '"\\,:{}[]')
_ZERO, _NINE, _MINUS, _PLUS, _DOT, _E, _SMALL_E, _SMALL_U = (ord(sign) for sign in "09-+.Eeu")
_ESCAPES = np.array([chr(code) in '"\\/bfnrt' for code in range(256)])
_HEX = np.array([int(chr(code), 16) if chr(code) in "0123456789abcdefABCDEF" else -1 for code in range(256)])
_WORDS = np.frombuffer(b"true\0false\0null\0", dtype=np.uint8)
_DEEPEST = 60
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _SPACES = (_ONES * np.uint64(sign) for sign in (0x22, 0x5C, 0x20))


@uncounted
def _stop_in(word: Any) -> int:
    """How many of eight bytes come before the first quote, backslash or control character; 8: there is none."""
    quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
    stops = ((quote - _ONES) & ~quote) | ((backslash - _ONES) & ~backslash) | ((word - _SPACES) & ~word)
    return int(trailing_zeros(stops & _HIGHS) >> 3)


@inlined
def after_space(data: Any, at: int) -> int:
    """From any space to what follows it."""
    while byte_at(data, at) <= 32 and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@uncounted
def after_string(data: Any, at: int) -> int:
    """The position after a string whose first character is at `at`; BAD if there is no valid string, or one with a
    surrogate."""
    while True:
        stop = _stop_in(word_at(data, at))
        at += stop
        if stop < 8:
            if data[at] == _QUOTE:
                return at + 1
            if data[at] != _BACKSLASH:
                return BAD
            if _ESCAPES[data[at + 1]]:
                at += 2
            elif data[at + 1] == _SMALL_U and _is_letter(data, at + 2):
                at += 6
            else:
                return BAD


@uncounted
def _is_letter(data: Any, at: int) -> bool:
    """Whether there are four hexadecimal digits that are not half of a surrogate pair."""
    for i in range(4):
        if _HEX[data[at + i]] < 0:
            return False
    return bool(_HEX[data[at]] != 13 or _HEX[data[at + 1]] < 8)


@uncounted
def _after_digits(data: Any, at: int) -> int:
    """The position after one or more digits."""
    begin = at
    while _ZERO <= data[at] <= _NINE:
        at += 1
    return at if at > begin else BAD


@uncounted
def _after_number(data: Any, at: int) -> int:
    """The position after a number that is not counted."""
    if data[at] == _MINUS:
        at += 1
    at = at + 1 if data[at] == _ZERO else _after_digits(data, at)
    if at > 0 and data[at] == _DOT:
        at = _after_digits(data, at + 1)
    if at > 0 and (data[at] == _E or data[at] == _SMALL_E):
        at += 2 if data[at + 1] == _PLUS or data[at + 1] == _MINUS else 1
        at = _after_digits(data, at)
    return at


@uncounted
def after_word(data: Any, at: int) -> int:
    """The position after true, false or null."""
    begin = 0 if data[at] == _WORDS[0] else 5 if data[at] == _WORDS[5] else 11
    while _WORDS[begin]:
        if data[at] != _WORDS[begin]:
            return BAD
        at, begin = at + 1, begin + 1
    return at


@uncounted
def _after_scalar(data: Any, at: int) -> int:
    """The position after a string, a number or a word."""
    if data[at] == _QUOTE:
        return after_string(data, at + 1)
    if data[at] == _MINUS or _ZERO <= data[at] <= _NINE:
        return _after_number(data, at)
    return after_word(data, at)


@uncounted
def after_colon(data: Any, at: int) -> int:
    """From past a member's name to its value; BAD stays so."""
    if at < 0:
        return BAD
    at = after_space(data, at)
    return after_space(data, at + 1) if data[at] == _COLON else BAD


@uncounted
def _after_name(data: Any, at: int) -> int:
    """From the start of a member's name to its value."""
    return after_colon(data, after_string(data, at + 1) if data[at] == _QUOTE else BAD)


@uncounted
def after_value(data: Any, at: int) -> int:
    """The position after any value; objects and lists may be nested."""
    if data[at] != _OPEN and data[at] != _OPEN_LIST:
        return _after_scalar(data, at)
    depth, objects = 0, 0  # one bit a level, set where it is an object
    while True:
        if data[at] == _OPEN or data[at] == _OPEN_LIST:
            is_object = data[at] == _OPEN
            at = after_space(data, at + 1)
            if data[at] != (_CLOSE if is_object else _CLOSE_LIST):
                depth, objects = depth + 1, objects << 1 | is_object
                if depth > _DEEPEST:
                    return BAD
                if is_object:
                    at = _after_name(data, at)
                    if at < 0:
                        return BAD
                continue
            at += 1
        else:
            at = _after_scalar(data, at)
            if at < 0:
                return BAD
        while depth:
            at = after_space(data, at)
            if data[at] == _COMMA:
                at = after_space(data, at + 1)
                if objects & 1:
                    at = _after_name(data, at)
                    if at < 0:
                        return BAD
                break
            if data[at] != (_CLOSE if objects & 1 else _CLOSE_LIST):
                return BAD
            at, depth, objects = at + 1, depth - 1, objects >> 1
        if depth == 0:
            return at
