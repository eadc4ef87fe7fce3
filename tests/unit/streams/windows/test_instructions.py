"""Each instruction does what Python does in many steps."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_windows.compiled import uncounted
from callgauge_windows.instructions import (
    AT_ONCE,
    double_of,
    high_product,
    leading_zeros,
    move_bytes,
    prefetch,
    string_ends,
    trailing_zeros,
    word_at,
)


@uncounted
def _of_words(one: Any, other: Any) -> Any:
    return high_product(one, other), leading_zeros(one), trailing_zeros(one), double_of(one)


@uncounted
def _of_bytes(data: Any, at: int) -> Any:
    prefetch(data, at)
    ends, not_ascii = string_ends(data, at)
    return ends, not_ascii, word_at(data, at)


@uncounted
def _moved(data: Any, to: int, begin: int, length: int) -> None:
    move_bytes(data, to, begin, length)


WORDS = st.integers(0, (1 << 64) - 1) | st.sampled_from([0, 1, (1 << 64) - 1])


@settings(max_examples=200, deadline=None)
@given(one=WORDS, other=WORDS)
def test_words(one: int, other: int) -> None:
    """A product's upper half, zeros before and behind, bits as a double (NaN has many)."""
    product, leading, trailing, double = _of_words(np.uint64(one), np.uint64(other))
    assert int(product) == one * other >> 64
    assert leading == 64 - one.bit_length()
    assert trailing == ((one & -one).bit_length() - 1 if one else 64)
    [expected] = struct.unpack("<d", one.to_bytes(8, "little"))
    assert double == expected or (double != double and expected != expected)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=AT_ONCE + 9, max_size=AT_ONCE + 9), at=st.integers(0, 9))
def test_bytes(data: bytes, at: int) -> None:
    """At any position: bit i of a mask is about the byte i after it."""
    ends, not_ascii, word = map(int, _of_bytes(np.frombuffer(data, dtype=np.uint8), at))
    looked_at = data[at : at + AT_ONCE]
    assert [ends >> bit & 1 for bit in range(AT_ONCE)] == [byte < 32 or byte in b'"\\' for byte in looked_at]
    assert [not_ascii >> bit & 1 for bit in range(AT_ONCE)] == [byte >= 128 for byte in looked_at]
    assert word == int.from_bytes(looked_at[:8], "little")


@settings(max_examples=50, deadline=None)
@given(text=st.binary(min_size=1, max_size=40), data=st.data())
def test_bytes_are_moved_also_onto_themselves(text: bytes, data: st.DataObject) -> None:
    """As Python does it through a copy."""
    to, begin = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, len(text) - max(to, begin)))
    array, expected = np.frombuffer(text, dtype=np.uint8).copy(), bytearray(text)
    expected[to : to + length] = text[begin : begin + length]
    _moved(array, to, begin, length)
    assert array.tobytes() == bytes(expected)
