"""Percentiles in SQL, out of merged histograms, within the proven bound of NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from callgauge.codec import encode
from callgauge.schema import WindowRow
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import window_record_rows
from callgauge_windows.messages import decode_windows
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.windows import window_row

RNG = np.random.default_rng(7)
SAMPLES = {
    "lognormal": RNG.lognormal(6.5, 0.8, 3_000),
    "uniform": RNG.uniform(0.001, 500, 3_000),
    "constant": np.full(100, 250.0),
    "with zeros": np.concatenate([np.zeros(700), RNG.exponential(40, 300)]),
    "one": np.array([12.5]),
}


def insert(store: Store, *rows: WindowRow) -> None:
    records = [Record(decode_windows(encode(row)), FakeMessage(b"")) for row in rows]
    for table, built in window_record_rows(records).items():
        store.insert(table, built)


@pytest.mark.parametrize("scale", [3, 5, 7])
@pytest.mark.parametrize("name", SAMPLES)
def test_within_the_bound(store: Store, name: str, scale: int) -> None:
    """p50, p95 and p99 of two merged blocks are off by at most (base-1)/(base+1) of the exact value at that rank."""
    values = np.rint(SAMPLES[name] * 1e3) / 1e3
    halves = [half for half in (values[::3], np.delete(values, slice(None, None, 3))) if len(half)]
    insert(store, *(window_row(half.tolist(), scale=scale, block=i) for i, half in enumerate(halves)))
    sql = "SELECT calls, latency_p50_ms, latency_p95_ms, latency_p99_ms, latency_mean_ms FROM windows_merged"
    ((calls, *quantiles, mean),) = store.query(sql).rows
    base = 2 ** (2.0**-scale)
    exact = np.quantile(values, [0.5, 0.95, 0.99], method="lower")
    assert calls == len(values)
    assert np.abs(np.array(quantiles) - exact) == pytest.approx(0, abs=1e-9) or np.all(
        np.abs(np.array(quantiles) - exact) <= exact * (base - 1) / (base + 1) * (1 + 1e-9)
    )
    assert mean == pytest.approx(values.mean())


def test_nothing_measured_is_null(store: Store) -> None:
    """No successful call, no percentile; errors count all the same."""
    insert(store, window_row([1.0]).model_copy(update={"measures": {}, "n": 4, "errors": {"timeout": 3, "other": 1}}))
    sql = "SELECT calls, errors, error_rate, errors_by_type, latency_p95_ms, ttft_mean_ms FROM windows_merged"
    assert store.query(sql).rows == [[4, 4, 1, {"other": 1, "timeout": 3}, None, None]]


def test_two_scales_in_one_window_are_not_mixed(store: Store) -> None:
    """Buckets of different widths are never added: NULL rather than wrong."""
    insert(store, window_row([1.0], scale=5), window_row([2.0], scale=6, block=9))
    assert store.query("SELECT calls, latency_p50_ms FROM windows_merged").rows == [[2, None]]
