"""Reads what windows count straight out of the JSON of calls, without making a Python object of any of it.

One pass over a call's bytes, compiled by Numba: its numbers go into a row of an array; of its id, its label values and
its outcome only 64-bit hashes of their bytes as they stand there are kept (`call_reader.py` knows what they mean).
Decoding to objects, counting their fields and freeing them cost four times as much.

It reads what emitters usually write, and leaves the rest to msgspec: escapes in a name, an id or a label, numbers of
more than 18
digits, repeated fields, anything out of its bounds. Whatever is read here, msgspec reads as the same (a test checks
it). All of the compiled code is in this file: Numba keeps it on disk until the
file changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import counted_bounds
from callgauge.counted import COUNTED_NUMBERS, LABELS, OUTCOME_FIELDS
from callgauge_streams.bus.records import PADDING, Records
from callgauge_windows.compiled import compiled

__all__ = ["Scanned", "hash_of", "scan"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FIELDS = ("event_id", *LABELS, *OUTCOME_FIELDS, *COUNTED_NUMBERS)
_ID, _OUTCOME, _NUMBER = 0, 1 + len(LABELS), 1 + len(LABELS) + len(OUTCOME_FIELDS)
_REQUIRED = sum(1 << _FIELDS.index(name) for name in ("event_id", "ts", "service"))
_LONGEST_ID, _LONGEST_LABEL = 64, 256
_BOUNDS = np.array([counted_bounds(name) for name in COUNTED_NUMBERS])
"""Per number: smallest, largest, whether it must be whole, whether it may be null, its value when it is not given."""
_NOT_GIVEN = _BOUNDS[:, 4].copy()
_POWERS = 10.0 ** np.arange(23)  # these are exact

_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = (ord(sign) for sign in '"\\,:{}[]')
_ZERO, _NINE, _MINUS, _PLUS, _DOT, _E, _SMALL_E, _SMALL_U = (ord(sign) for sign in "09-+.Eeu")
_ESCAPES = np.array([chr(code) in '"\\/bfnrt' for code in range(256)])
_HEX = np.array([int(chr(code), 16) if chr(code) in "0123456789abcdefABCDEF" else -1 for code in range(256)])
_WORDS = np.frombuffer(b"true\0false\0null\0", dtype=np.uint8)
_DEEPEST = 60
_BAD = -1  # returned instead of a position: this code cannot read it


def _words_of(name: bytes) -> list[int]:
    """Eight bytes at a time, little endian, as `_scan` reads them."""
    padded = name.ljust(_NAME_WORDS * 8, b"\0")
    return [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]


def _place_of(first: int, length: int) -> int:
    return ((first ^ length) * int(_MIX_1) & (1 << 64) - 1) >> _PLACE_SHIFT


_NAME_WORDS, _PLACE_SHIFT = 4, 64 - 10
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)
_NAMES = np.array([_words_of(name.encode()) for name in _FIELDS], dtype=np.uint64)
_LENGTHS = np.array([len(name) for name in _FIELDS])
_PLACES = np.array([_place_of(int(words[0]), length) for words, length in zip(_NAMES, _LENGTHS.tolist(), strict=True)])
_FIELD_AT = np.full(1 << 10, -1, dtype=np.int64)
_FIELD_AT[_PLACES] = np.arange(len(_FIELDS))
_SHIFT = np.uint64(_PLACE_SHIFT)

_SEED = np.uint64(0xCBF29CE484222325)
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _SPACES = (_ONES * np.uint64(sign) for sign in (0x22, 0x5C, 0x20))
_WHICH, _S7, _S56, _ONE = (np.uint64(n) for n in (0x0001020304050607, 7, 56, 1))
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(8)], dtype=np.uint64)


@compiled
def _mixed(value: Any) -> Any:
    """splitmix64's finish."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@compiled
def _field_of(words: Any, at: int, length: int) -> int:
    """The field with this name, _BAD for one that is not counted."""
    if length <= 0:
        return _BAD
    first = words[at] if length >= 8 else words[at] & _MASKS[length]
    field = _FIELD_AT[((first ^ np.uint64(length)) * _MIX_1) >> _SHIFT]
    if field < 0 or _LENGTHS[field] != length or _NAMES[field, 0] != first:
        return _BAD
    for word in range(1, (length + 7) // 8):
        left = length - 8 * word
        found = words[at + 8 * word]
        if _NAMES[field, word] != (found if left >= 8 else found & _MASKS[left]):
            return _BAD
    return int(field)


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
def _after_space(data: Any, at: int) -> int:
    while data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9:
        at += 1
    return at


@compiled
def _after_string(data: Any, words: Any, at: int) -> int:
    """The position after a string whose first character is at `at`; _BAD if there is no valid string, or one with a
    surrogate."""
    while True:
        stop = _stop_in(words[np.uintp(at)])
        at += stop
        if stop < 8:
            if data[at] == _QUOTE:
                return at + 1
            if data[at] != _BACKSLASH:
                return _BAD
            if _ESCAPES[data[at + 1]]:
                at += 2
            elif data[at + 1] == _SMALL_U and _is_letter(data, at + 2):
                at += 6
            else:
                return _BAD


@compiled
def _after_bare(data: Any, words: Any, at: int) -> int:
    """The same for a string without escapes; _BAD with some, since an escaped name could be that of any field."""
    stop = _stop_in(words[np.uintp(at)])
    while stop == 8:
        at += 8
        stop = _stop_in(words[np.uintp(at)])
    return at + stop + 1 if data[at + stop] == _QUOTE else _BAD


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
    return at if at > begin else _BAD


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
def _after_word(data: Any, at: int) -> int:
    """The position after true, false or null."""
    begin = 0 if data[at] == _WORDS[0] else 5 if data[at] == _WORDS[5] else 11
    while _WORDS[begin]:
        if data[at] != _WORDS[begin]:
            return _BAD
        at, begin = at + 1, begin + 1
    return at


@compiled
def _after_scalar(data: Any, words: Any, at: int) -> int:
    """The position after a string, a number or a word."""
    if data[at] == _QUOTE:
        return _after_string(data, words, at + 1)
    if data[at] == _MINUS or _ZERO <= data[at] <= _NINE:
        return _after_number(data, at)
    return _after_word(data, at)


@compiled
def _after_colon(data: Any, at: int) -> int:
    """From past a member's name to its value; _BAD stays so."""
    if at < 0:
        return _BAD
    at = _after_space(data, at)
    return _after_space(data, at + 1) if data[at] == _COLON else _BAD


@compiled
def _after_name(data: Any, words: Any, at: int) -> int:
    """From the start of a member's name to its value."""
    return _after_colon(data, _after_string(data, words, at + 1) if data[at] == _QUOTE else _BAD)


@compiled
def _after_value(data: Any, words: Any, at: int) -> int:
    """The position after any value; objects and lists may be nested."""
    if data[at] != _OPEN and data[at] != _OPEN_LIST:
        return _after_scalar(data, words, at)
    depth, objects = 0, 0  # one bit a level, set where it is an object
    while True:
        if data[at] == _OPEN or data[at] == _OPEN_LIST:
            is_object = data[at] == _OPEN
            at = _after_space(data, at + 1)
            if data[at] != (_CLOSE if is_object else _CLOSE_LIST):
                depth, objects = depth + 1, objects << 1 | is_object
                if depth > _DEEPEST:
                    return _BAD
                if is_object:
                    at = _after_name(data, words, at)
                    if at < 0:
                        return _BAD
                continue
            at += 1
        else:
            at = _after_scalar(data, words, at)
            if at < 0:
                return _BAD
        while depth:
            at = _after_space(data, at)
            if data[at] == _COMMA:
                at = _after_space(data, at + 1)
                if objects & 1:
                    at = _after_name(data, words, at)
                    if at < 0:
                        return _BAD
                break
            if data[at] != (_CLOSE if objects & 1 else _CLOSE_LIST):
                return _BAD
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
def _read_number(data: Any, at: int, number: int, out: Any) -> int:
    """Read a number into `out`. Returns the position after it, or _BAD."""
    if data[at] == _WORDS[11]:
        return _after_word(data, at) if _BOUNDS[number, 3] else _BAD
    begin, digits = at, 0
    while _ZERO <= data[at] <= _NINE:
        digits = digits * 10 + (data[at] - _ZERO)
        at += 1
    length, places = at - begin, 0
    if length == 0 or (data[begin] == _ZERO and length > 1):
        return _BAD
    if data[at] == _DOT:
        at += 1
        while _ZERO <= data[at] <= _NINE:
            digits = digits * 10 + (data[at] - _ZERO)
            at += 1
        places = at - begin - length - 1
        if places == 0:
            return _BAD
    if length + places > 18 and length + places - _leading_zeros(data, begin) > 18:
        return _BAD
    if data[at] == _E or data[at] == _SMALL_E:  # 4.2e-05, as a small cost is written
        exponent = data[at + 2] - _ZERO
        if data[at + 1] != _MINUS or not 0 <= exponent <= 9:
            return _BAD
        at += 3
        if _ZERO <= data[at] <= _NINE:
            exponent = exponent * 10 + (data[at] - _ZERO)
            at += 1
        places += exponent
    if places > 22:
        return _BAD
    value = _quotient(digits, places)
    if places and _BOUNDS[number, 2] and value != math.floor(value):
        return _BAD
    if not _BOUNDS[number, 0] <= value <= _BOUNDS[number, 1]:
        return _BAD
    out[number] = value
    return at


@compiled
def _hash_string(data: Any, words: Any, at: int) -> Any:
    """The position after a string without escapes whose first character is at `at`, and the hash of its bytes."""
    begin, value = at, _SEED
    word = words[np.uintp(at)]
    stop = _stop_in(word)
    while stop == 8:
        value = np.uint64(_mixed(value ^ word))
        at += 8
        word = words[np.uintp(at)]
        stop = _stop_in(word)
    at += stop
    value = _mixed((value ^ (word & _MASKS[stop])) + np.uint64(at - begin))
    return (at + 1 if data[at] == _QUOTE else _BAD), value


@compiled
def _hash_scalar(data: Any, words: Any, at: int) -> Any:
    """The position after a scalar, and the hash of its bytes. It does not check that the scalar is valid: decoding one
    call that has it does."""
    if data[at] == _QUOTE:
        return _hash_string(data, words, at + 1)
    value = ~_SEED
    if data[at] == _OPEN or data[at] == _OPEN_LIST:
        return _BAD, value
    while data[at] > 32 and data[at] != _COMMA and data[at] != _CLOSE:
        value = (value ^ np.uint64(data[at])) * _MIX_1
        at += 1
    return at, _mixed(value)


@compiled
def _hash_range(words: Any, at: int, end: int) -> Any:
    """The same hash of the bytes from `at` to `end`, whatever they are."""
    begin, value = at, _SEED
    while at + 8 <= end:
        value = np.uint64(_mixed(value ^ words[at]))
        at += 8
    return _mixed((value ^ (words[at] & _MASKS[end - at])) + np.uint64(at - begin + (end - at)))


@compiled
def _after_plain(data: Any, words: Any, at: int, shortest: int, longest: int) -> Any:
    """The position after a string of `shortest` to `longest` ASCII characters, and its hash."""
    if data[at] != _QUOTE:
        return _BAD, _SEED
    begin = at + 1
    end, value = _hash_string(data, words, begin)
    if end < 0 or not shortest <= end - 1 - begin <= longest:
        return _BAD, value
    for word in range(begin, end - 8, 8):
        if words[word] & _HIGHS:
            return _BAD, value
    left = (end - 1 - begin) % 8
    return (_BAD if words[end - 1 - left] & _MASKS[left] & _HIGHS else end), value


@compiled
def _scan_call(data: Any, words: Any, at: int, end: int, used: Any, numbers: Any, hashes: Any, id_at: Any) -> bool:
    """Read the call in the bytes from `at` to `end`; whether that was possible."""
    numbers[:] = _NOT_GIVEN
    labels, outcome, seen = np.uint64(0), np.uint64(0), 0
    at = _after_space(data, at)
    if data[at] != _OPEN:
        return False
    while True:
        at = _after_space(data, at + 1)
        name = at + 1
        if data[at] != _QUOTE:
            return False
        at = _after_bare(data, words, name)
        field = _field_of(words, name, at - 1 - name)
        at = _after_colon(data, at)
        if at < 0:
            return False
        if field < 0:
            at = _after_value(data, words, at)
        elif seen >> field & 1:
            return False
        else:
            seen |= 1 << field
            if field >= _NUMBER:
                at = _read_number(data, at, field - _NUMBER, numbers)
            elif field == _ID:
                id_at[0] = at + 1
                at, hashes[0] = _after_plain(data, words, at, 1, _LONGEST_ID)
                id_at[1] = at - 1
            elif used[field]:
                at, value = _hash_scalar(data, words, at)
                value = _mixed(value + np.uint64(field))
                if field < _OUTCOME:
                    labels += value
                else:
                    outcome += value
            else:
                at, value = _after_plain(data, words, at, 0, _LONGEST_LABEL)
        if at < 0:
            return False
        at = _after_space(data, at)
        if data[at] != _COMMA:
            break
    hashes[1], hashes[2] = labels, outcome
    complete = seen & _REQUIRED == _REQUIRED
    # A call that is cut off may have been read beyond `end`, into the next record; then this is not its end.
    return bool(complete and data[at] == _CLOSE and (at + 1 == end or _after_space(data, at + 1) == end))


@compiled
def _scan(data: Any, words: Any, value_at: Any, used: Any, numbers: Any, hashes: Any, id_at: Any, read: Any) -> None:
    for event in range(len(value_at)):
        begin, end = value_at[event]
        read[event] = begin < end and _scan_call(
            data, words, begin, end, used, numbers[event], hashes[event], id_at[event]
        )


@dataclass(frozen=True, slots=True)
class Scanned:
    """`n` messages, as far as they could be read."""

    read: Bools
    """Which messages could be read, shape (n,). The other fields mean nothing for those that could not."""
    numbers: Float64s
    """COUNTED_NUMBERS of each, what `decode_counted` gives where one is not given; shape (n, 13)."""
    ids: UInt64s
    """Hash of each event_id, see `hash_of`; shape (n,)."""
    labels: UInt64s
    """Hash of each call's label values; equal ones were written the same way. Shape (n,)."""
    outcomes: UInt64s
    """Hash of each call's OUTCOME_FIELDS, likewise."""
    id_at: Int64s
    """Where in the records' data each event_id begins and ends, shape (n, 2)."""


def scan(records: Records, labels: Sequence[str] = LABELS) -> Scanned:
    """Read, of each message, what windows with these labels count."""
    n = len(records)
    used = np.array([name in labels or name in OUTCOME_FIELDS for name in _FIELDS])
    numbers, id_at = np.empty((n, len(COUNTED_NUMBERS))), np.empty((n, 2), dtype=np.int64)
    hashes, read = np.empty((n, 3), dtype=np.uint64), np.empty(n, dtype=np.bool_)
    _scan(*_views(records.data), records.value_at, used, numbers, hashes, id_at, read)
    return Scanned(read, numbers, hashes[:, 0], hashes[:, 1], hashes[:, 2], id_at)


def hash_of(event_id: str) -> int:
    """The hash of an id, equal to the one that `scan` computes."""
    encoded = event_id.encode()
    return int(_hash_range(_views(encoded + bytes(PADDING))[1], 0, len(encoded)))


def _views(data: Any) -> tuple[npt.NDArray[np.uint8], UInt64s]:
    """Two views of the data: each byte, and the eight bytes from each position on as one integer."""
    words: UInt64s = np.ndarray((len(data) - 7,), dtype=np.uint64, buffer=data, strides=(1,))
    return np.frombuffer(data, dtype=np.uint8), words
