"""Reads whole calls straight out of their JSON, without making a Python object of any of it.

One pass over a call's bytes, compiled by Numba: numbers go into a row of an array, of texts only the place where they
stand is kept. `scanned_columns.py` makes columns of that. Decoding to structs and taking columns out of their fields
costs ten times as much.

It reads what emitters usually write. The rest is left to `callgauge.codec`: escapes in a text, values out of their
bounds, a success that tells of a failure, repeated fields, text that is not UTF-8, tags that are not all texts. What is
read here is what `decode_calls` gives (a test compares both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge.schema import Call
from callgauge.structs import struct_of
from callgauge_windows.compiled import inlined, uncounted
from callgauge_windows.json_names import field_of, name_table
from callgauge_windows.json_numbers import after_null, read_number
from callgauge_windows.json_scan import after_colon, after_space, after_string, after_value, after_word
from callgauge_windows.json_strings import end_of_text, mark_ends, next_end, room_for_marks
from callgauge_windows.json_words import BAD, PADDING, byte_at

__all__ = ["CHOICES", "CHOICE_VALUES", "FLAGS", "NUMBERS", "TEXTS", "Scanned", "scan_calls"]

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_FIELDS: dict[str, Any] = {field.name: field for field in msgspec.inspect.type_info(struct_of(Call)).fields}  # type: ignore[attr-defined]


def _kind(name: str) -> Any:
    """A field's type, as msgspec describes it, without its None."""
    kind = _FIELDS[name].type
    if isinstance(kind, msgspec.inspect.UnionType):
        [kind] = (part for part in kind.types if not isinstance(part, msgspec.inspect.NoneType))
    return kind


def _of(*kinds: Any) -> tuple[str, ...]:
    return tuple(name for name in _FIELDS if isinstance(_kind(name), kinds))


#: The fields of a call by their kind: each has a column of its own in the arrays of `Scanned`.
TEXTS = _of(msgspec.inspect.StrType)
NUMBERS = _of(msgspec.inspect.IntType, msgspec.inspect.FloatType)
FLAGS = _of(msgspec.inspect.BoolType)
CHOICES = _of(msgspec.inspect.LiteralType)
CHOICE_VALUES = tuple(dict.fromkeys(value for name in CHOICES for value in _kind(name).values))
_TAGS = "tags"

_ORDER = (*TEXTS, *NUMBERS, *FLAGS, *CHOICES, _TAGS)
_NUMBER, _FLAG = len(TEXTS), len(TEXTS) + len(NUMBERS)
_CHOICE, _TAGS_AT = _FLAG + len(FLAGS), _FLAG + len(FLAGS) + len(CHOICES)
_IS_REQUIRED = np.array([_FIELDS[name].required for name in _ORDER])
_REQUIRED = sum(1 << at for at, required in enumerate(_IS_REQUIRED.tolist()) if required)
_SHORTEST = np.array([_kind(name).min_length or 0 for name in TEXTS])
_LONGEST = np.array([_kind(name).max_length for name in TEXTS])


def _default(name: str) -> Any:
    default = _FIELDS[name].default
    return None if default is msgspec.NODEFAULT else default


def _bounds(name: str) -> tuple[float, float, bool, bool]:
    """Smallest, largest, whether it must be whole, whether null is the same as not given."""
    kind = _kind(name)
    return kind.ge, kind.le, isinstance(kind, msgspec.inspect.IntType), not _FIELDS[name].required


_BOUNDS = np.array([_bounds(name) for name in NUMBERS], dtype=np.float64)
_NO_NUMBERS = np.array([np.nan if _default(name) is None else _default(name) for name in NUMBERS], dtype=np.float64)
_NO_FLAGS = np.array([_default(name) for name in FLAGS])
_NO_CHOICES = np.array(
    [-1 if _default(name) is None else CHOICE_VALUES.index(_default(name)) for name in CHOICES], dtype=np.int8
)
_ALLOWED = np.array([[value in _kind(name).values for value in CHOICE_VALUES] for name in CHOICES])
_STATUS, _ERROR_TYPE = CHOICES.index("status"), CHOICES.index("error_type")
_SUCCESS, _HTTP_STATUS = CHOICE_VALUES.index("success"), NUMBERS.index("http_status")

_NAMES, _SLOTS = name_table(_ORDER)
_VALUES, _VALUE_SLOTS = name_table(CHOICE_VALUES)
_QUOTE, _COMMA, _OPEN, _CLOSE, _N, _T, _F = (ord(sign) for sign in '",{}ntf')
#: Calls with more tags are left to the codec: names that come twice are found by comparing all pairs.
_MOST_TAGS = 16


@dataclass(frozen=True, slots=True)
class Scanned:
    """`n` messages, as far as they could be read. What is not given has its default; a number without one is NaN."""

    data: bytes
    """Of all messages."""
    read: Bools
    """Which messages could be read, shape (n,). The other fields mean nothing for those that could not."""
    texts: Int32s
    """Where in the data each of TEXTS begins and ends, shape (n, TEXTS, 2)."""
    numbers: Float64s
    """NUMBERS, shape (n, NUMBERS)."""
    flags: Bools
    """FLAGS, shape (n, FLAGS)."""
    choices: Int8s
    """CHOICES, as places in CHOICE_VALUES, -1 for none; shape (n, CHOICES)."""
    tags: Int32s
    """How many tags each message has, shape (n,)."""
    tag_texts: Int32s
    """Where name and value of each tag of the messages that were read begin and end, shape (tags, 4)."""


def scan_calls(values: Sequence[bytes | None]) -> Scanned:
    """Read messages of the calls topic."""
    n = len(values)
    lengths = np.fromiter((len(value) if value else 0 for value in values), dtype=np.int64, count=n)
    ends = np.cumsum(lengths)
    size = int(ends[-1]) if n else 0
    defaults = [str(_default(name) or "").encode() for name in TEXTS]
    data = b"".join([*(value or b"" for value in values), *defaults, bytes(PADDING)])
    default_ends = size + np.cumsum([len(default) for default in defaults])
    texts = np.empty((n, len(TEXTS), 2), dtype=np.int32)
    texts[:] = np.column_stack([default_ends - [len(default) for default in defaults], default_ends])
    numbers = np.broadcast_to(_NO_NUMBERS, (n, len(NUMBERS))).copy()
    flags = np.broadcast_to(_NO_FLAGS, (n, len(FLAGS))).copy()
    choices = np.broadcast_to(_NO_CHOICES, (n, len(CHOICES))).copy()
    tags, tags_at = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int64)
    read, ascii_only = np.empty(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    value_at = np.column_stack([ends - lengths, ends])
    every = np.frombuffer(data, dtype=np.uint8)
    marks = room_for_marks(int(lengths.max(initial=0)))
    names = np.empty((_MOST_TAGS, 2), dtype=np.int64)
    _scan(every, value_at, *marks, names, texts, numbers, flags, choices, tags, tags_at, read, ascii_only)
    for at in np.flatnonzero(read & ~ascii_only).tolist():
        read[at] = _is_text(values[at])
    tag_texts = np.empty((int(tags[read].sum()), 4), dtype=np.int32)
    if len(tag_texts):
        _place_tags(every, np.flatnonzero(read & (tags > 0)), tags, tags_at, tag_texts)
    return Scanned(data, read, texts, numbers, flags, choices, tags, tag_texts)


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


@uncounted
def _scan(
    data: Any, value_at: Any, marks: Any, marks_at: Any, names: Any, texts: Any, numbers: Any, flags: Any,
    choices: Any, tags: Any, tags_at: Any, read: Any, ascii_only: Any,
) -> None:  # fmt: skip
    for event in range(len(value_at)):
        begin, end = value_at[event]
        read[event] = begin < end and _scan_call(
            data, begin, end, marks, marks_at, names, event, texts[event], numbers[event], flags[event],
            choices[event], tags, tags_at, ascii_only,
        )  # fmt: skip


@inlined
def _scan_call(
    data: Any, begin: int, end: int, marks: Any, marks_at: Any, names: Any, event: int, texts: Any,
    numbers: Any, flags: Any, choices: Any, tags: Any, tags_at: Any, ascii_only: Any,
) -> bool:  # fmt: skip
    """Read the call in the bytes from `begin` to `end`; whether that was possible."""
    seen = 0
    ascii_only[event] = mark_ends(data, begin, end, marks)
    at = after_space(data, begin)
    if byte_at(data, at) != _OPEN:
        return False
    while True:
        at = after_space(data, at + 1)
        # A call that is cut off would be read on in the next one, where nothing is marked.
        if at >= end or byte_at(data, at) != _QUOTE:
            return False
        name = at + 1
        at = next_end(marks_at, begin, name)
        field = field_of(data, name, at - name, _NAMES, _SLOTS)
        at = after_colon(data, at + 1 if byte_at(data, at) == _QUOTE else BAD)
        if at < 0 or at >= end:
            return False
        if field < 0:
            at = after_value(data, at)
        elif seen >> field & 1:
            return False
        else:
            seen |= 1 << field
            if byte_at(data, at) == _N:
                at = BAD if _IS_REQUIRED[field] else after_null(data, at)
            elif field < _NUMBER:
                close = end_of_text(data, marks_at, begin, at)
                # A text of so many bytes has at most so many characters; one with more bytes may still be valid.
                if not _SHORTEST[field] <= close - (at + 1) <= _LONGEST[field]:
                    return False
                texts[field, 0], texts[field, 1] = at + 1, close
                at = close + 1
            elif field < _FLAG:
                # Without spaces there is but a comma between it and the next name, or it is the last.
                close = min(next_end(marks_at, begin, at), end) - 1
                at = read_number(data, at, close, field - _NUMBER, numbers, _BOUNDS)
            elif field < _CHOICE:
                if byte_at(data, at) != _T and byte_at(data, at) != _F:
                    return False
                flags[field - _FLAG] = byte_at(data, at) == _T
                at = after_word(data, at)
            elif field < _TAGS_AT:
                close = end_of_text(data, marks_at, begin, at)
                chosen = field_of(data, at + 1, close - (at + 1), _VALUES, _VALUE_SLOTS)
                if chosen < 0 or not _ALLOWED[field - _CHOICE, chosen]:
                    return False
                choices[field - _CHOICE] = chosen
                at = close + 1
            else:
                tags_at[event] = at
                at, tags[event] = _after_tags(data, marks_at, begin, at, end, names)
        if at < 0:
            return False
        at = after_space(data, at)
        if byte_at(data, at) != _COMMA:
            break
    if choices[_STATUS] == _SUCCESS and (choices[_ERROR_TYPE] >= 0 or numbers[_HTTP_STATUS] >= 400):
        return False  # it contradicts itself, which is mended
    complete = seen & _REQUIRED == _REQUIRED
    # A call that is cut off may have been read beyond `end`, into the next record; then this is not its end.
    return bool(complete and data[at] == _CLOSE and (at + 1 == end or after_space(data, at + 1) == end))


@uncounted
def _after_tags(data: Any, marks_at: Any, begin: int, at: int, end: int, names: Any) -> Any:
    """The position after an object of texts without escapes, and how many it has.

    Args:
        names: room for where the names begin and end.
    """
    count = 0
    if data[at] != _OPEN:
        return BAD, 0
    at = after_space(data, at + 1)
    if data[at] == _CLOSE:
        return at + 1, 0
    while True:
        close = end_of_text(data, marks_at, begin, at) if at < end else BAD
        if close < 0 or count == _MOST_TAGS:
            return BAD, 0
        names[count, 0], names[count, 1] = at + 1, close
        for other in range(count):
            if _are_equal(data, names[other], names[count]):
                return BAD, 0
        at = after_colon(data, close + 1)
        close = end_of_text(data, marks_at, begin, at) if 0 <= at < end else BAD
        if close < 0:
            return BAD, 0
        count += 1
        at = after_space(data, close + 1)
        if data[at] != _COMMA:
            return (at + 1 if data[at] == _CLOSE else BAD), count
        at = after_space(data, at + 1)


@uncounted
def _are_equal(data: Any, one: Any, other: Any) -> bool:
    if one[1] - one[0] != other[1] - other[0]:
        return False
    for at in range(one[1] - one[0]):  # noqa: SIM110 (Numba compiles no generators)
        if data[one[0] + at] != data[other[0] + at]:
            return False
    return True


@uncounted
def _place_tags(data: Any, events: Any, tags: Any, tags_at: Any, out: Any) -> None:
    """Where the texts of the tags of some events stand; that they are as `_after_tags` wants them is known."""
    row = 0
    for event in events:
        at = tags_at[event]
        for _ in range(tags[event]):
            at = after_space(data, at + 1)  # after the brace, or the comma
            out[row, 0] = at + 1
            at = after_string(data, at + 1)
            out[row, 1] = at - 1
            at = after_colon(data, at)
            out[row, 2] = at + 1
            at = after_string(data, at + 1)
            out[row, 3] = at - 1
            at = after_space(data, at)
            row += 1
