"""Real traffic in which nothing is known to be wrong wakes nobody, by the default rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import callgauge_deploy
from callgauge_load.trace import read_trace
from tests.bench.detection.made_rows import rows_of
from tests.bench.detection.real_traffic import MONDAY_S, batches_at, rows_of_calls, world_of
from tests.bench.normal import CONFIG, STEP_MS, told_of

SAMPLE = Path(callgauge_deploy.__file__).parent / "samples" / "azure_code.csv.gz"
DEFAULT = {"default": None}


def test_an_hour_of_azures_code_service_is_quiet() -> None:
    """Every call of it is in a series, and nothing is told but that 100 $ were spent, at the price that is assumed."""
    calls = list(read_trace(SAMPLE))
    [row] = told_of(rows_of_calls(calls, CONFIG, STEP_MS), DEFAULT)
    assert (row["series"], row["pages"], row["by_rule"]) == (2, 0, '[["hourly_cost", 1]]')
    assert len(calls) > 5_000


def test_calls_come_as_the_rates_say() -> None:
    """So many in each interval, in the order in which they are sent; bursts and pauses wake nobody."""
    shares = np.tile([0.0, 0.2, 0.5, 6.0, 0.3, 0.0], 5)
    rates = {"bursty": (600.0, shares / shares.mean())}
    world = world_of(rates, 0.5)
    batches = list(batches_at(rates, world, 5 / 24))
    starts = np.concatenate([batch.start_s for batch in batches])
    counts = np.histogram(starts, bins=MONDAY_S + np.arange(31) * 600)[0]
    assert np.allclose(counts, shares / shares.mean() * 300, atol=120)
    assert all((np.diff(batch.sent_s) >= 0).all() for batch in batches)
    [row] = told_of(rows_of(batches, world, CONFIG, scores=False, step_ms=STEP_MS), DEFAULT)
    assert row["pages"] == 0
