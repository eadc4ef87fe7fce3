"""The hash of a record's bytes depends on all of them, on their number, and on nothing around them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.reading.contents import contents_of


def hashes_of(*values: bytes | None) -> list[int]:
    found: list[int] = contents_of(Records.of(range(len(values)), [0] * len(values), values)).tolist()
    return found


@settings(deadline=None)
@given(st.binary(max_size=90), st.binary(max_size=9), st.binary(max_size=9))
def test_neighbours_do_not_matter(value: bytes, before: bytes, after: bytes) -> None:
    """A value has the same hash wherever it stands."""
    assert hashes_of(before, value, after)[1] == hashes_of(value)[0]


@settings(deadline=None)
@given(st.binary(max_size=90), st.data())
def test_every_byte_matters(value: bytes, data: st.DataObject) -> None:
    """One bit changed, or one byte more, gives another hash."""
    at = data.draw(st.integers(0, len(value)))
    longer = value[:at] + bytes(1) + value[at:]
    assert hashes_of(longer) != hashes_of(value)
    if at < len(value):
        changed = bytearray(value)
        changed[at] ^= 1 << data.draw(st.integers(0, 7))
        assert hashes_of(bytes(changed)) != hashes_of(value)


def test_no_value_and_an_empty_one() -> None:
    """A record without a value has the hash 0."""
    none, empty = hashes_of(None, b"")
    assert none == 0 != empty
