"""Inserting in pieces, and without what the store refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_history.store import RowsRefused, RowsTooMany, StoreUnavailable
from callgauge_sinks.delivery import Isolation, Pending, TooManyRefused


class SmallStore:
    """Has memory for so many rows at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.stored: list[int] = []

    def insert(self, table: str, rows: pa.Table) -> None:
        if rows.num_rows > self.most:
            raise RowsTooMany("no memory")
        self.stored += rows["x"].to_pylist()

    def columns(self, table: str) -> Mapping[str, str]:
        return {"x": "Int64"}


def test_a_store_without_memory_gets_smaller_pieces() -> None:
    """Each attempt halves the piece that did not fit; what was stored is not sent again."""
    store, attempts = SmallStore(900), 0
    rows = Pending({"t": pa.table({"x": list(range(3_000))})})
    while True:
        attempts += 1
        try:
            rows.insert_into(store)
            break
        except StoreUnavailable:
            assert attempts < 10
    assert store.stored == list(range(3_000))


@given(st.sets(st.integers(0, 99), max_size=8))
def test_the_refused_are_found(bad: set[int]) -> None:
    """All others are stored, the refused are named with the reason, and a few of them cost few attempts."""
    stored: set[int] = set()
    attempts = []

    def store(items: Sequence[int]) -> None:
        attempts.append(len(items))
        if wrong := bad & set(items):
            raise RowsRefused(f"value {min(wrong)}")
        stored.update(items)

    refused = Isolation(range(100), most=8).run(store)
    assert stored == set(range(100)) - bad
    assert refused == {at: f"the store refuses it: value {at}" for at in bad}
    assert len(attempts) <= 1 + 2 * 8 * len(bad)


def test_a_store_that_refuses_everything_stops_the_sink() -> None:
    """After as many as are allowed, not after all."""
    attempts = []

    def store(items: Sequence[int]) -> None:
        attempts.append(len(items))
        raise RowsRefused("constraint c is violated")

    with pytest.raises(TooManyRefused, match=r"refuses more than 10 of 5000 records: constraint c is violated; .*mend"):
        Isolation(range(5_000), most=10).run(store)
    assert len(attempts) < 50


def test_a_store_that_goes_away_meanwhile() -> None:
    """The next attempt goes on where it was: each is stored once, and told once."""
    stored: list[int] = []
    calls = 0

    def store(items: Sequence[int]) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise StoreUnavailable("gone")
        if 70 in items:
            raise RowsRefused("constraint c is violated")
        stored.extend(items)

    isolation = Isolation(range(100), most=10)
    assert until_done(isolation, store) == {70: "the store refuses it: constraint c is violated"}
    assert sorted(stored) == [number for number in range(100) if number != 70]
    assert isolation.run(store) == {}


def test_a_store_with_little_memory_that_refuses_one() -> None:
    """Both are halved for: pieces that fit, and the one that is refused."""
    small = SmallStore(900)

    def store(items: Sequence[int]) -> None:
        if len(items) <= small.most and 2_222 in items:
            raise RowsRefused("constraint c is violated")
        small.insert("t", pa.table({"x": list(items)}))

    assert list(until_done(Isolation(range(3_000), most=10), store)) == [2_222]
    assert sorted(small.stored) == [number for number in range(3_000) if number != 2_222]


def until_done(isolation: Isolation[int], store: Callable[[Sequence[int]], None]) -> dict[int, str]:
    for _ in range(20):
        try:
            return isolation.run(store)
        except StoreUnavailable:
            assert isolation.begun
    raise AssertionError("it does not come to an end")
