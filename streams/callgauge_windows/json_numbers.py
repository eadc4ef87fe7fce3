"""Reads numbers of JSON from their bytes, to the last bit as Python reads them.

Most are some digits, perhaps a dot, and more digits, and of a message without spaces it is known where they end: then
eight digits are read at a time. All others are read one character after the other, and what that cannot read either is
left to msgspec.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.decimals import nearest
from callgauge_windows.instructions import trailing_zeros
from callgauge_windows.json_words import BAD, byte_at, word_at

__all__ = ["after_null", "read_number"]

_ZERO, _NINE, _MINUS, _DOT, _E, _SMALL_E, _SMALL_N = (ord(sign) for sign in "09-.Een")
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ZEROS, _TO_HIGH = (_ONES * np.uint64(byte) for byte in (_ZERO, 0x80 - 10))
_NOTHING, _LOWEST = np.uint64(0), np.uint64(255)
_PAIR, _FOUR = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_BY_10, _BY_100, _BY_10000 = (np.uint64(1 + (by << bits)) for by, bits in ((10, 8), (100, 16), (10_000, 32)))
_S8, _S16, _S32 = np.uint64(8), np.uint64(16), np.uint64(32)
_MOST_DIGITS, _MOST_PLACES = 18, 22
_TENS = 10 ** np.arange(_MOST_DIGITS + 1)
_NULL = np.uint64(int.from_bytes(b"null", "little"))
_LOW_HALF = np.uint64(0xFFFFFFFF)


@uncounted
def after_null(data: Any, at: int) -> int:
    """The position after null, or BAD."""
    return at + 4 if word_at(data, at) & _LOW_HALF == _NULL else BAD


@inlined
def _not_digits(digits: Any) -> Any:
    """Of eight bytes less "0", the highest bit of each one that is no digit; behind the first of them it may be set
    for others too."""
    return ((digits + _TO_HIGH) | digits) & _HIGHS


@inlined
def _eight(digits: Any) -> Any:
    """The number that eight digits make, a byte each: first pairs of them, then fours, then all."""
    digits = (digits * _BY_10 >> _S8) & _PAIR
    digits = (digits * _BY_100 >> _S16) & _FOUR
    return np.int64(digits * _BY_10000 >> _S32)


@inlined
def _first(digits: Any, count: int) -> Any:
    """The first `count` of eight digits, with zeros before them."""
    return digits << np.uint64(64 - 8 * count)


@inlined
def _plain(data: Any, at: int, end: int) -> Any:
    """The digits of a number that is digits, or digits, a dot and digits, from `at` to `end`; and how many are behind
    the dot, BAD if it is something else."""
    length = end - at
    word = word_at(data, at) ^ _ZEROS
    whole = trailing_zeros(_not_digits(word)) >> 3
    if whole == 0 or length <= 0 or (word & _LOWEST == _NOTHING and whole > 1 and length > 1):
        return 0, BAD
    if whole >= length:
        return _eight(_first(word, length)), 0
    digits = _eight(_first(word, whole))
    if whole == 8:
        word = word_at(data, at + 8) ^ _ZEROS
        more = trailing_zeros(_not_digits(word)) >> 3
        if more == 8:
            return 0, BAD
        if more:
            digits = digits * _TENS[np.uintp(more)] + _eight(_first(word, more))
            whole += more
        if whole >= length:
            return digits, 0 if whole == length else BAD
    places = length - whole - 1
    if byte_at(data, at + whole) != _DOT or not 1 <= places <= _MOST_PLACES:
        return 0, BAD
    at, left, odd = at + whole + 1, places, _NOTHING
    while left > 8:
        word = word_at(data, at) ^ _ZEROS
        odd |= _not_digits(word)
        if digits >= _TENS[_MOST_DIGITS - 8]:
            return 0, BAD
        digits = digits * _TENS[8] + _eight(word)
        at, left = at + 8, left - 8
    word = _first(word_at(data, at) ^ _ZEROS, left)
    odd |= _not_digits(word)
    if odd != _NOTHING or digits >= _TENS[np.uintp(_MOST_DIGITS - left)]:
        return 0, BAD
    return digits * _TENS[np.uintp(left)] + _eight(word), places


@uncounted
def _leading_zeros(data: Any, at: int) -> int:
    """Zeros before a number's first other digit."""
    count = 0
    while data[at] == _ZERO or data[at] == _DOT:
        count += data[at] == _ZERO
        at += 1
    return count


@uncounted
def _any(data: Any, at: int) -> Any:
    """The position after a number, its digits, and how many of them are behind the dot."""
    begin, digits = at, 0
    while _ZERO <= data[at] <= _NINE:
        digits = digits * 10 + (data[at] - _ZERO)
        at += 1
    length, places = at - begin, 0
    if length == 0 or (data[begin] == _ZERO and length > 1):
        return BAD, 0, 0
    if data[at] == _DOT:
        at += 1
        while _ZERO <= data[at] <= _NINE:
            digits = digits * 10 + (data[at] - _ZERO)
            at += 1
        places = at - begin - length - 1
        if places == 0:
            return BAD, 0, 0
    if length + places > _MOST_DIGITS and length + places - _leading_zeros(data, begin) > _MOST_DIGITS:
        return BAD, 0, 0
    if data[at] == _E or data[at] == _SMALL_E:  # 4.2e-05, as a small cost is written
        exponent = data[at + 2] - _ZERO
        if data[at + 1] != _MINUS or not 0 <= exponent <= 9:
            return BAD, 0, 0
        at += 3
        if _ZERO <= data[at] <= _NINE:
            exponent = exponent * 10 + (data[at] - _ZERO)
            at += 1
        places += exponent
    return (at if places <= _MOST_PLACES else BAD), digits, places


@inlined
def read_number(data: Any, at: int, end: int, number: int, out: Any, bounds: Any) -> int:
    """Read a number into `out[number]`; null leaves it as it is. Returns the position after it, or BAD.

    Args:
        end: where it ends if it is written without space around it; anything where that is not known.
        bounds: per number the smallest, the largest, whether it must be whole, and whether it may be null.
    """
    if byte_at(data, at) == _SMALL_N:
        return after_null(data, at) if bounds[number, 3] else BAD
    digits, places = _plain(data, at, end)
    if places < 0:
        end, digits, places = _any(data, at)
        if end < 0:
            return BAD
    value = nearest(digits, places)
    if places and bounds[number, 2] and value != math.floor(value):
        return BAD
    if not bounds[number, 0] <= value <= bounds[number, 1]:
        return BAD
    out[number] = value
    return end
