"""Marks find the end of every string, at whatever position and however long it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_windows.compiled import uncounted
from callgauge_windows.json_strings import end_of_text, is_ascii, mark_ends, next_end, room_for_marks
from callgauge_windows.json_words import BAD, PADDING


@uncounted
def _ends(data: Any, begin: int, end: int, marks: Any, marks_at: Any, next_ends: Any, texts: Any) -> Any:
    """Of each position the next end, and the end of a text that begins there."""
    all_ascii = mark_ends(data, begin, end, marks)
    for at in range(begin, end + 1):
        next_ends[at - begin] = next_end(marks_at, begin, at)
    for at in range(begin, end):
        texts[at - begin] = end_of_text(data, marks_at, begin, at)
    return all_ascii, is_ascii(data, begin, end)


BYTES = st.lists(
    st.sampled_from((b'"', b"\\", b"\x1f", b"\0", b"a" * 7, b"b" * 70, b" ", b"\xc3\xa9", b"!#[]")), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(before=st.binary(max_size=70), pieces=BYTES, after=st.binary(max_size=70))
def test_as_one_byte_after_the_other(before: bytes, pieces: list[bytes], after: bytes) -> None:
    """What stands around a message makes no difference; a search that finds nothing ends behind it."""
    value = b"".join(pieces)
    begin, end = len(before), len(before) + len(value)
    next_ends, texts = np.zeros(len(value) + 1, dtype=np.int64), np.zeros(len(value), dtype=np.int64)
    data = np.frombuffer(before + value + after + bytes(PADDING), dtype=np.uint8)
    marks = room_for_marks(len(value))
    all_ascii, text_is_ascii = _ends(data, begin, end, *marks, next_ends, texts)
    assert text_is_ascii == value.isascii()
    assert value.isascii() or not all_ascii
    for at in range(len(value) + 1):
        stops = (place for place in range(at, len(value)) if value[place] < 32 or value[place] in b'"\\')
        expected = next(stops, None)
        assert next_ends[at] - begin == expected if expected is not None else next_ends[at] >= end
    for at in range(len(value)):
        close = int(next_ends[at + 1])
        inside = close < end and value[at : at + 1] == b'"' == value[close - begin : close - begin + 1]
        assert texts[at] == close if inside else texts[at] in (BAD, close)
