"""Rows of calls that are all there are those of a recount, and come in order of their windows' ends."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from callgauge.settings import load_settings
from callgauge_streams.detect.backtest import end_of
from callgauge_streams.rollup import trace_rows
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.trace_rows import rows_of_calls
from callgauge_windows.grouping import parse_groupings
from tests.oracle import merged, recount
from tests.random_calls import random_calls

GROUPINGS = "model@10s service,model@60s"
CONFIG = replace(RollupConfig.of(load_settings()), groupings=parse_groupings(GROUPINGS))


@pytest.mark.parametrize("block", [7, 60, 1_000])
def test_rows_add_up_to_the_calls(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """However the calls are cut into blocks, and in whatever order they are given."""
    monkeypatch.setattr(trace_rows, "_BLOCK", block)
    calls = list(random_calls(300, seed=3, span_s=400.0))
    random.Random(1).shuffle(calls)
    rows = list(rows_of_calls(calls, CONFIG))
    ends = [end_of(row) for row in rows]
    assert ends == sorted(ends)
    assert merged(rows) == recount(calls, GROUPINGS)


def test_no_calls_no_rows() -> None:
    assert list(rows_of_calls([], CONFIG)) == []
