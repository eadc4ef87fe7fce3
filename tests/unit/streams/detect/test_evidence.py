"""Evidence takes the room of what it holds, however often rows grow and come and go."""

from __future__ import annotations

import random

import numpy as np

from callgauge_streams.detect.evidence import Evidence
from callgauge_windows.row_batch import RowBatch
from tests.unit.sinks.windows import window_row
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


def test_entries_of_all_sizes_stay_what_they_are_when_they_move_together() -> None:
    """Whatever holes are between them: at the beginning, side by side, at the end, none."""
    rng = random.Random(3)
    for dropped in ([], [0, 1], [3, 4, 9], [59], [*range(60)], rng.sample(range(60), 30)):
        evidence = Evidence("latency", histogram=True)
        rows = np.arange(60)
        evidence.put(
            rows, RowBatch.of_rows([window_row([rng.lognormvariate(5, 2)] * (at % 7 + 1)) for at in rows]), rows
        )
        kept = [at for at in range(60) if at not in dropped]
        before = [evidence.of([at], 0) for at in kept]
        evidence.drop_rows(np.array(dropped, dtype=np.int64))
        used, holes = evidence._used, evidence._holes
        evidence._compact()
        assert [evidence.of([at], 0) for at in kept] == before
        assert (evidence._used, evidence._holes) == (used - holes, 0)
