"""Sparse counts add up to what was counted, whichever way they are added up."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.rollup.tables.sparse import SparseCounts

BITS = 11
EVENTS = st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(-1, 2**BITS - 1)), max_size=200), max_size=4)


def counted(batches: list[list[tuple[int, int]]], row_of_slot: list[int], rows: int) -> list[dict[int, int]]:
    """What a table that took in these (slot, item) pairs says of each row; items come in order."""
    counts = SparseCounts(BITS)
    for batch in batches:
        slots, items = np.array(batch, dtype=np.int64).reshape(-1, 2).T
        counts.add(slots, items)
    pairs = counts.of_rows(np.array(row_of_slot, dtype=np.int64), rows)
    assert len(pairs.starts) == rows + 1
    found = []
    for begin, end in zip(pairs.starts[:-1].tolist(), pairs.starts[1:].tolist(), strict=True):
        items = pairs.items[begin:end].tolist()
        assert items == sorted(set(items))
        found.append(dict(zip(items, pairs.counts[begin:end].tolist(), strict=True)))
    return found


@settings(deadline=None)  # the first example compiles
@given(EVENTS, st.lists(st.integers(-1, 4), min_size=31, max_size=31))
def test_counts_of_rows_are_a_recount(batches: list[list[tuple[int, int]]], row_of_slot: list[int]) -> None:
    """Negative items are none; slots without a row count nowhere."""
    wanted = [Counter[int]() for _ in range(5)]
    for slot, item in (pair for batch in batches for pair in batch):
        if item >= 0 and row_of_slot[slot] >= 0:
            wanted[row_of_slot[slot]][item] += 1
    assert counted(batches, row_of_slot, 5) == wanted


@pytest.mark.parametrize("spread", [1, 100])
def test_a_block_full_of_one_pair(spread: int) -> None:
    """Counts go up to a block's 65,536 events; whether its items are close or far apart."""
    events = [[(0, 7)] * 65_535 + [(0, 7 * spread)]]
    assert counted(events, [0], 1) == [dict(Counter({7: 65_535}) + Counter({7 * spread: 1}))]
