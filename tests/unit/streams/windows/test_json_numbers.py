"""A number is read as Python reads it, eight digits at a time or one after the other; what is no number is not read."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgauge_windows.compiled import uncounted
from callgauge_windows.json_numbers import read_number
from callgauge_windows.json_words import BAD, PADDING

# smallest, largest, whether it must be whole, whether it may be null
ANY, WHOLE, NULL = (0.0, math.inf, 0.0, 0.0), (0.0, 1e12, 1.0, 0.0), (0.0, math.inf, 0.0, 1.0)


@uncounted
def _read(data: Any, end: int, out: Any, bounds: Any) -> int:
    return read_number(data, 1, end, 0, out, bounds)


def read(text: str, after: str, end: int, bounds: tuple[float, ...] = ANY) -> tuple[int, float]:
    """Reads a number that stands between a colon and `after`; where it ends is said to be `end`."""
    out = np.full(1, -1.0)
    at = _read(np.frombuffer(f":{text}{after}".encode() + bytes(PADDING), dtype=np.uint8), end, out, np.array([bounds]))
    return at - 1 if at > 0 else at, float(out[0])


NUMBERS = (
    st.integers(0, 10**19).map(str)
    | st.floats(0, 1e12, allow_nan=False).map(json.dumps)
    | st.decimals(0, 10**9, places=12).map(str)
    | st.from_regex(r"\A[0-9]{1,17}(\.[0-9]{1,20})?\Z")
)


@settings(max_examples=200, deadline=None)
@given(text=NUMBERS, after=st.sampled_from((",", "}", " ,", '"', ",123")))
@example("0.00001234567890123456", ",")
@example("123456789012345678", ",")
@example("12345678901234567", ",")
@example("1234567890123456", "}")
@example("99999999.9", "}")
@example("12345678.87654321", "}")
def test_with_the_end_and_without(text: str, after: str) -> None:
    """Where it ends makes no difference to what is read, but for the time it takes; what is read is Python's number."""
    known = read(text, after, 1 + len(text))
    assert known == read(text, after, 1)
    if known[0] != BAD:
        assert known == (len(text), float(text))


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789.eE-+ ,x/:", max_size=24), st.integers(0, 26))
def test_what_is_read_is_json(text: str, end: int) -> None:
    """Whatever stands there and wherever it is said to end: what is read is a number of JSON, with its value."""
    at, value = read(text, "}", end)
    if at != BAD:
        assert json.loads(text[:at]) == value


@pytest.mark.parametrize(
    "text", ["", "01", "00", "1.", ".5", "-1", "1e5", "1.0000000000000000001", "1234567890123456789"]
)
def test_left_to_msgspec(text: str) -> None:
    assert read(text, ",", 1 + len(text)) == read(text, ",", 1) == (BAD, -1.0)


def test_bounds() -> None:
    """Whole numbers may be written with a dot; null is the same as not given where that is allowed."""
    assert read("12.0", ",", 5, WHOLE) == (4, 12.0)
    assert read("12.5", ",", 5, WHOLE) == (BAD, -1.0)
    assert read("1000000000001", ",", 14, WHOLE) == (BAD, -1.0)
    assert read("null", ",", 5, NULL) == (4, -1.0)
    assert read("nul", ",", 5, NULL) == read("null", ",", 5, WHOLE) == (BAD, -1.0)
