"""Pairs are what a dictionary would say, however often entries come and go."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.detect.pairs import Pairs, enter, take_out


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_pairs_are_a_dictionary(seed: int) -> None:
    """Few keys, so that runs of entries form, break and move up; keys of all sizes and signs."""
    rng = random.Random(seed)
    pairs, expected = Pairs(), dict[tuple[int, int], int]()
    keys = [(rng.choice((0, 7, 1 << 40)), rng.randrange(-(1 << 63), 1 << 63)) for _ in range(400)]
    for number in range(1_500):
        key = rng.choice(keys)
        if key in expected and rng.random() < 0.6:
            take_out(pairs.keys, pairs.numbers, *key)
            del expected[key]
        else:
            expected[key] = number
            pairs.room(len(expected))
            enter(pairs.keys, pairs.numbers, *key, number)
    first, second = np.array(keys, dtype=np.int64).T.copy()
    assert pairs.of(first, second).tolist() == [expected.get(key, -1) for key in keys]
    assert int((pairs.numbers >= 0).sum()) == len(expected)
