"""Arrays that grow keep what is in them, and what is new is 0, wherever they grow."""

from __future__ import annotations

import numpy as np
import pytest

from callgauge_windows.grown import Grown


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("width", [0, 3])
def test_what_is_in_them_stays(in_place: bool, width: int) -> None:
    grown = Grown(width, in_place=in_place)
    for size in (1, 2, 64, 65, 200, 201, 5_000):
        grown.to(size)[size - 1] = size
        assert len(grown.filled) == size
        assert not grown.room(size + 10)[size:].any()
    rows = grown.filled if not width else grown.filled[:, 0]
    assert np.flatnonzero(rows).tolist() == [0, 1, 63, 64, 199, 200, 4_999]
    assert len(grown.to(3)) == 5_000  # never shrinks
