"""Evidence takes the room of what it holds, however often rows grow and come and go."""

from __future__ import annotations

import random

import numpy as np

from callgauge_streams.detect.evidence import Evidence
from callgauge_windows.row_batch import RowBatch
from tests.unit.streams.detect.test_batches import row_of

ROWS = 400


def test_entries_that_are_replaced_or_dropped_leave_no_room_behind() -> None:
    rng, rows = random.Random(1), np.arange(ROWS)
    evidence = Evidence("cost", histogram=True)
    sizes = []
    for cell in range(200):
        for _ in range(3):
            evidence.put(rows, RowBatch.of_rows([row_of(rng, 1, 0, 0, "e") for _ in range(ROWS)]), rows)
        # All rows of a turn go into one cell; ten turns later it is forgotten.
        evidence.fold(rows, np.full(ROWS, cell % 10))
        (held,) = evidence.of([], cell % 10)
        assert (held.max, held.max_event_id, list(held.buckets)) == (1, "c", [3])
        evidence.drop_cells(np.array([(cell + 1) % 10]))
        sizes.append(len(evidence._data))
    assert sizes[-1] == sizes[20] <= 1 << 14  # an entry has eight bytes, and there are 2 * ROWS at once


def test_without_histograms_only_the_largest_is_held() -> None:
    rng = random.Random(2)
    evidence = Evidence("cost", histogram=False)
    evidence.put(np.array([5]), RowBatch.of_rows([row_of(rng, 1, 0, 0, "e")]), np.array([0]))
    (held,) = evidence.of([5], 0)
    assert (held.max, held.max_event_id, held.buckets, held.zero_count) == (1, "c", {}, 0)
    evidence.drop_rows(np.array([5]))
    assert evidence.of([5], 0) == []
