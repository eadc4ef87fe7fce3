"""Percentiles of many series at once are those of each series' histograms."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_rules.aggregates import aggregate
from callgauge_rules.formulas import Percentile
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.merge import Windows
from callgauge_windows.row_batch import RowBatch
from tests.unit.streams.detect.takeovers import start
from tests.unit.streams.detect.test_batches import row_of
from tests.unit.streams.detect.windows_log import WINDOW_MS


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rank=st.sampled_from(["p0", "p50", "p90", "p99.9"]))
def test_many_at_once_are_as_one_by_one(seed: int, rank: str) -> None:
    """Open rows and folded ones, values of 0, series and lookbacks without any."""
    rng = random.Random(seed)
    windows = Windows({"model@10s": Columns.every()})
    windows.start(start(0, "e", 1, source="s0"))
    for block in range(rng.randrange(1, 4)):
        rows = [row_of(rng, series, window, block, "e") for series in range(4) for window in range(6)]
        windows.put(RowBatch.of_rows([row for row in rows if rng.random() < 0.6] or rows))
        if rng.random() < 0.5:
            windows.fold("s0", block + 1)
    formula = aggregate(f"latency_{rank}_ms").formula
    assert isinstance(formula, Percentile)
    of = list(windows.of("model@10s"))
    begin_ms, end_ms = sorted(rng.randrange(8) * WINDOW_MS for _ in range(2))
    slots = np.array([series.slot for series in of], dtype=np.int64)
    found = of[0].cells.quantiles(formula, slots, begin_ms, end_ms)
    expected = [formula.of(series.totals(begin_ms, end_ms)) for series in of]
    assert found.tolist() == pytest.approx([np.nan if value is None else value for value in expected], nan_ok=True)
