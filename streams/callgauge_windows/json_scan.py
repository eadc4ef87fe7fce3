"""Reads JSON straight out of its bytes, without making a Python object of any of it: the compiled parts from which the
readers of calls are made (rollup's `scan.py`, the sink's `call_scan.py`).

A position is an index into the data, which ends with eight bytes of padding. Each function takes the data twice: as
bytes, and as the eight bytes from each position on (`views`). Whatever these functions read, msgspec reads as the same;
where they return BAD, nothing is said of the value, and msgspec is to be asked.

After a change of this file run `make clean-compiled`: the readers have it compiled in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from callgauge_windows.compiled import compiled

__all__ = [
    "BAD",
    "PADDING",
    "NameTable",
    "after_bare",
    "after_colon",
    "after_plain",
    "after_space",
    "after_string",
    "after_value",
    "after_word",
    "field_of",
    "hash_range",
    "hash_scalar",
    "hash_string",
    "mixed",
    "name_table",
    "read_number",
    "read_text",
    "views",
]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

#: So many bytes must follow the last value in the data: it is read in words of eight bytes.
PADDING = 8

_POWERS = 10.0 ** np.arange(23)  # these are exact
_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = (ord(sign) for sign in '"\\,:{}[]')
_ZERO, _NINE, _MINUS, _PLUS, _DOT, _E, _SMALL_E, _SMALL_U = (ord(sign) for sign in "09-+.Eeu")
_ESCAPES = np.array([chr(code) in '"\\/bfnrt' for code in range(256)])
_HEX = np.array([int(chr(code), 16) if chr(code) in "0123456789abcdefABCDEF" else -1 for code in range(256)])
_WORDS = np.frombuffer(b"true\0false\0null\0", dtype=np.uint8)
_DEEPEST = 60
BAD = -1
"""Returned instead of a position: this code cannot read it."""
_NAME_WORDS, _PLACE_BITS = 4, 10
_PLACE_SHIFT = np.uint64(64 - _PLACE_BITS)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
SEED = np.uint64(0xCBF29CE484222325)
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _SPACES = (_ONES * np.uint64(sign) for sign in (0x22, 0x5C, 0x20))
_ZERO_WORD = np.uint64(0)
_WHICH, _S7, _S56, _ONE = (np.uint64(n) for n in (0x0001020304050607, 7, 56, 1))
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(8)], dtype=np.uint64)


def views(data: Any) -> tuple[npt.NDArray[np.uint8], UInt64s]:
    """Two views of the data: each byte, and the eight bytes from each position on as one integer."""
    words: UInt64s = np.ndarray((len(data) - 7,), dtype=np.uint64, buffer=data, strides=(1,))
    return np.frombuffer(data, dtype=np.uint8), words


@compiled
def mixed(value: Any) -> Any:
    """splitmix64's finish."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


class NameTable(NamedTuple):
    """Names of fields, to be found by the bytes of a name. Each is at most 32 bytes long."""

    words: UInt64s
    """Eight bytes at a time, little endian, as they are read from the data; shape (fields, 4)."""
    lengths: Int64s
    slots: Int64s
    """An open hash table of fields, -1 where there is none."""


def name_table(names: Sequence[str]) -> NameTable:
    """The table of these names; a field is its place among them.

    Raises:
        ValueError: a name is longer than 32 bytes.
    """
    if too_long := [name for name in names if len(name.encode()) > _NAME_WORDS * 8]:
        raise ValueError(f"names of more than {_NAME_WORDS * 8} bytes: {', '.join(too_long)}")
    words = np.array([_words_of(name.encode()) for name in names], dtype=np.uint64)
    lengths = np.array([len(name.encode()) for name in names])
    slots = np.full(1 << _PLACE_BITS, -1, dtype=np.int64)
    for field, (first, length) in enumerate(zip(words[:, 0].tolist(), lengths.tolist(), strict=True)):
        place = ((first ^ length) * int(_MIX_1) & (1 << 64) - 1) >> int(_PLACE_SHIFT)
        while slots[place] >= 0:
            place = (place + 1) % len(slots)
        slots[place] = field
    return NameTable(words, lengths, slots)


def _words_of(name: bytes) -> list[int]:
    padded = name.ljust(_NAME_WORDS * 8, b"\0")
    return [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]


@compiled
def field_of(words: Any, at: int, length: int, names: Any, lengths: Any, slots: Any) -> int:
    """The field whose name has `length` bytes from `at` on, BAD for one that is in no table."""
    if length <= 0:
        return BAD
    first = words[at] if length >= 8 else words[at] & _MASKS[length]
    place = np.int64(((first ^ np.uint64(length)) * _MIX_1) >> _PLACE_SHIFT)
    while slots[place] >= 0:
        field = slots[place]
        if lengths[field] == length and names[field, 0] == first:
            word = 1
            while word < (length + 7) // 8:
                left = length - 8 * word
                found = words[at + 8 * word]
                if names[field, word] != (found if left >= 8 else found & _MASKS[left]):
                    break
                word += 1
            if word >= (length + 7) // 8:
                return int(field)
        place = (place + 1) % len(slots)
    return BAD


@compiled
def _stop_in(word: Any) -> int:
    """How many of eight bytes come before the first quote, backslash or control character; 8: there is none."""
    quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
    stops = (((quote - _ONES) & ~quote) | ((backslash - _ONES) & ~backslash) | ((word - _SPACES) & ~word)) & _HIGHS
    if stops == 0:
        return 8
    lowest = stops & (~stops + _ONE)
    return int(np.int64(((lowest >> _S7) * _WHICH) >> _S56))


@compiled
def after_space(data: Any, at: int) -> int:
    while data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9:
        at += 1
    return at


@compiled
def after_string(data: Any, words: Any, at: int) -> int:
    """The position after a string whose first character is at `at`; BAD if there is no valid string, or one with a
    surrogate."""
    while True:
        stop = _stop_in(words[np.uintp(at)])
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


@compiled
def after_bare(data: Any, words: Any, at: int) -> int:
    """The same for a string without escapes; BAD with some, since an escaped name could be that of any field."""
    stop = _stop_in(words[np.uintp(at)])
    while stop == 8:
        at += 8
        stop = _stop_in(words[np.uintp(at)])
    return at + stop + 1 if data[at + stop] == _QUOTE else BAD


@compiled
def _is_letter(data: Any, at: int) -> bool:
    """Whether there are four hexadecimal digits that are not half of a surrogate pair."""
    for i in range(4):
        if _HEX[data[at + i]] < 0:
            return False
    return bool(_HEX[data[at]] != 13 or _HEX[data[at + 1]] < 8)


@compiled
def _after_digits(data: Any, at: int) -> int:
    """The position after one or more digits."""
    begin = at
    while _ZERO <= data[at] <= _NINE:
        at += 1
    return at if at > begin else BAD


@compiled
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


@compiled
def after_word(data: Any, at: int) -> int:
    """The position after true, false or null."""
    begin = 0 if data[at] == _WORDS[0] else 5 if data[at] == _WORDS[5] else 11
    while _WORDS[begin]:
        if data[at] != _WORDS[begin]:
            return BAD
        at, begin = at + 1, begin + 1
    return at


@compiled
def _after_scalar(data: Any, words: Any, at: int) -> int:
    """The position after a string, a number or a word."""
    if data[at] == _QUOTE:
        return after_string(data, words, at + 1)
    if data[at] == _MINUS or _ZERO <= data[at] <= _NINE:
        return _after_number(data, at)
    return after_word(data, at)


@compiled
def after_colon(data: Any, at: int) -> int:
    """From past a member's name to its value; BAD stays so."""
    if at < 0:
        return BAD
    at = after_space(data, at)
    return after_space(data, at + 1) if data[at] == _COLON else BAD


@compiled
def _after_name(data: Any, words: Any, at: int) -> int:
    """From the start of a member's name to its value."""
    return after_colon(data, after_string(data, words, at + 1) if data[at] == _QUOTE else BAD)


@compiled
def after_value(data: Any, words: Any, at: int) -> int:
    """The position after any value; objects and lists may be nested."""
    if data[at] != _OPEN and data[at] != _OPEN_LIST:
        return _after_scalar(data, words, at)
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
                    at = _after_name(data, words, at)
                    if at < 0:
                        return BAD
                continue
            at += 1
        else:
            at = _after_scalar(data, words, at)
            if at < 0:
                return BAD
        while depth:
            at = after_space(data, at)
            if data[at] == _COMMA:
                at = after_space(data, at + 1)
                if objects & 1:
                    at = _after_name(data, words, at)
                    if at < 0:
                        return BAD
                break
            if data[at] != (_CLOSE if objects & 1 else _CLOSE_LIST):
                return BAD
            at, depth, objects = at + 1, depth - 1, objects >> 1
        if depth == 0:
            return at


@compiled
def _quotient(digits: int, places: int) -> float:
    """`digits` / 10**`places` to nearest, as Python reads it; -1 where that is too close to tell.

    Up to 2^53 one division is exact. Beyond, the quotient is corrected by its remainder (Dekker 1971).
    """
    power = _POWERS[places]
    if digits <= 1 << 53:
        return float(digits / power)
    high = float(digits)
    low = float(digits - int(high))
    first = high / power
    product = first * power
    c = 134217729.0 * first
    first_high = c - (c - first)
    first_low = first - first_high
    c = 134217729.0 * power
    power_high = c - (c - power)
    power_low = power - power_high
    error = ((first_high * power_high - product) + first_high * power_low + first_low * power_high) + (
        first_low * power_low
    )
    correction = ((high - product) - error + low) / power
    value = first + correction
    rest = abs((first - value) + correction)
    half = math.ldexp(1.0, math.frexp(value)[1] - 54)
    return -1.0 if abs(rest - half) < half * 1e-6 else value


@compiled
def _leading_zeros(data: Any, at: int) -> int:
    """Zeros before a number's first other digit."""
    count = 0
    while data[at] == _ZERO or data[at] == _DOT:
        count += data[at] == _ZERO
        at += 1
    return count


@compiled
def read_number(data: Any, at: int, number: int, out: Any, bounds: Any) -> int:
    """Read a number into `out[number]`; null leaves it as it is. Returns the position after it, or BAD.

    Args:
        bounds: per number the smallest, the largest, whether it must be whole, and whether it may be null.
    """
    if data[at] == _WORDS[11]:
        return after_word(data, at) if bounds[number, 3] else BAD
    begin, digits = at, 0
    while _ZERO <= data[at] <= _NINE:
        digits = digits * 10 + (data[at] - _ZERO)
        at += 1
    length, places = at - begin, 0
    if length == 0 or (data[begin] == _ZERO and length > 1):
        return BAD
    if data[at] == _DOT:
        at += 1
        while _ZERO <= data[at] <= _NINE:
            digits = digits * 10 + (data[at] - _ZERO)
            at += 1
        places = at - begin - length - 1
        if places == 0:
            return BAD
    if length + places > 18 and length + places - _leading_zeros(data, begin) > 18:
        return BAD
    if data[at] == _E or data[at] == _SMALL_E:  # 4.2e-05, as a small cost is written
        exponent = data[at + 2] - _ZERO
        if data[at + 1] != _MINUS or not 0 <= exponent <= 9:
            return BAD
        at += 3
        if _ZERO <= data[at] <= _NINE:
            exponent = exponent * 10 + (data[at] - _ZERO)
            at += 1
        places += exponent
    if places > 22:
        return BAD
    value = _quotient(digits, places)
    if places and bounds[number, 2] and value != math.floor(value):
        return BAD
    if not bounds[number, 0] <= value <= bounds[number, 1]:
        return BAD
    out[number] = value
    return at


@compiled
def hash_string(data: Any, words: Any, at: int) -> Any:
    """The position after a string without escapes whose first character is at `at`, and the hash of its bytes."""
    begin, value = at, SEED
    word = words[np.uintp(at)]
    stop = _stop_in(word)
    while stop == 8:
        value = np.uint64(mixed(value ^ word))
        at += 8
        word = words[np.uintp(at)]
        stop = _stop_in(word)
    at += stop
    value = mixed((value ^ (word & _MASKS[stop])) + np.uint64(at - begin))
    return (at + 1 if data[at] == _QUOTE else BAD), value


@compiled
def hash_scalar(data: Any, words: Any, at: int) -> Any:
    """The position after a scalar, and the hash of its bytes. It does not check that the scalar is valid: decoding one
    call that has it does."""
    if data[at] == _QUOTE:
        return hash_string(data, words, at + 1)
    value = ~SEED
    if data[at] == _OPEN or data[at] == _OPEN_LIST:
        return BAD, value
    while data[at] > 32 and data[at] != _COMMA and data[at] != _CLOSE:
        value = (value ^ np.uint64(data[at])) * _MIX_1
        at += 1
    return at, mixed(value)


@compiled
def hash_range(words: Any, at: int, end: int) -> Any:
    """The same hash of the bytes from `at` to `end`, whatever they are."""
    begin, value = at, SEED
    while at + 8 <= end:
        value = np.uint64(mixed(value ^ words[at]))
        at += 8
    return mixed((value ^ (words[at] & _MASKS[end - at])) + np.uint64(at - begin + (end - at)))


@compiled
def after_plain(data: Any, words: Any, at: int, shortest: int, longest: int) -> Any:
    """The position after a string of `shortest` to `longest` ASCII characters, and its hash."""
    if data[at] != _QUOTE:
        return BAD, SEED
    begin = at + 1
    end, value = hash_string(data, words, begin)
    if end < 0 or not shortest <= end - 1 - begin <= longest:
        return BAD, value
    for word in range(begin, end - 8, 8):
        if words[word] & _HIGHS:
            return BAD, value
    left = (end - 1 - begin) % 8
    return (BAD if words[end - 1 - left] & _MASKS[left] & _HIGHS else end), value


@compiled
def read_text(data: Any, words: Any, at: int) -> Any:
    """The position after a string without escapes whose quote is at `at`, and whether all of it is ASCII."""
    if data[at] != _QUOTE:
        return BAD, True
    at, high = at + 1, _ZERO_WORD
    word = words[np.uintp(at)]
    stop = _stop_in(word)
    while stop == 8:
        high |= word & _HIGHS
        at += 8
        word = words[np.uintp(at)]
        stop = _stop_in(word)
    high |= word & _MASKS[stop] & _HIGHS
    at += stop
    return (at + 1 if data[at] == _QUOTE else BAD), high == _ZERO_WORD
