"""The tables that number things are dictionaries, only compiled."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.rollup.tables.interned import Interned, Numbered

KEYS = st.lists(st.lists(st.integers(0, 400) | st.integers(0, 2**62), max_size=300), max_size=5)


@settings(deadline=None)  # the first example compiles
@given(KEYS)
def test_keys_are_numbered_in_order_of_appearance(batches: list[list[int]]) -> None:
    """However they are cut into batches."""
    numbered, known = Numbered(), dict[int, int]()
    for keys in batches:
        numbers = numbered.numbers_of(np.array(keys, dtype=np.int64))
        assert numbers.tolist() == [known.setdefault(key, len(known)) for key in keys]
    assert numbered.keys.tolist() == list(known)


def test_many_keys_that_differ_in_their_high_bits_alone() -> None:
    """As those of slots and rows do: the code of the label values stands above the window."""
    numbered, keys = Numbered(), np.arange(20_000) << 42
    assert numbered.numbers_of(keys).tolist() == list(range(20_000))
    assert numbered.numbers_of(keys[::-1]).tolist() == list(range(20_000))[::-1]


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 2**64 - 1), st.integers(0, 1_000), max_size=600), st.integers(0, 2**64 - 1))
def test_what_is_known_is_found_and_nothing_else(codes: dict[int, int], other: int) -> None:
    """A hash may be put again, with another code."""
    interned = Interned()
    for value, code in codes.items():
        interned.put(value, 0)
        interned.put(value, code)
    assert len(interned) == len(codes)
    asked = [*codes, other]
    assert interned.codes_of(np.array(asked, dtype=np.uint64)).tolist() == [codes.get(value, -1) for value in asked]


def test_numbers_are_given_as_a_block_meets_them() -> None:
    """In the order of appearance, whatever the batches."""
    numbered = Numbered()
    assert numbered.numbers_of(np.array([7, 3, 7])).tolist() == [0, 1, 0]
    assert numbered.numbers_of(np.array([900, 3])).tolist() == [2, 1]
    assert numbered.keys.tolist() == [7, 3, 900]
