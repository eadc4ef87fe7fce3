"""Buckets of both signs lie in the order of their values."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from callgauge.schema import SignedHistogram
from callgauge_windows.histogram import RELATIVE_ERROR
from callgauge_windows.signed import SIGNED_KEYS, signed_buckets, signed_estimate, signed_key

values = st.integers(-(10**12), 10**12)


@given(values, values)
def test_keys_are_in_the_order_of_values(a: int, b: int) -> None:
    """A smaller value never has a larger key, and a key is far inside the range that is looked through."""
    assert signed_key(min(a, b)) <= signed_key(max(a, b))
    assert signed_key(a) in SIGNED_KEYS[100:-100]


@given(values)
def test_an_estimate_is_near_its_value(value: int) -> None:
    assert abs(signed_estimate(signed_key(value)) - value) <= abs(value) * RELATIVE_ERROR * 1.000001


def test_a_histogram_by_key() -> None:
    """As rollup sends it: 1 and 3 millionths, two zeros, minus 3."""
    sent = SignedHistogram(scale=5, zero_count=2, buckets={"-1": 1, "50": 1}, negative={"50": 4})
    assert signed_buckets(sent) == Counter({0: 2, 1: 1, 52: 1, -52: 4})
    assert [signed_key(value) for value in (-3, 0, 1, 3)] == [-52, 0, 1, 52]
