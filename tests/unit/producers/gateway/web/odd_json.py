"""Any JSON, for tests that put it where something else should stand."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["JSON"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
