"""Bursty series: counts with the recorded spread, days of the recorded size, incidents in their place."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.bench.detect_data import Series
from tests.bench.detection.bursty_series import (
    INCIDENT_WINDOWS,
    INCIDENTS,
    RATES,
    bursty_series,
    counts_around,
    planted,
)

DAYS = (300, 9_000, 50)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A week of BurstGPT whose every hour begins with a burst; three days; four clients of ServeGen, six hours."""
    burstgpt, servegen = tmp_path / "burstgpt_aggregates", tmp_path / "servegen"
    burstgpt.mkdir()
    servegen.mkdir()
    minutes = "".join(f"{minute},{50.0 if minute % 60 == 0 else 1.0}\n" for minute in range(10_080))
    (burstgpt / "burstgpt1_week1_minute.csv").write_text("minute,tokens_per_s\n" + minutes)
    days = "".join(f"{day},{requests},0\n" for day, requests in enumerate(DAYS))
    (burstgpt / "burstgpt1_daily.csv").write_text("day,requests,total_tokens\n" + days)
    clients = "".join(
        f"m,{client},{600 * i},{0.0 if i == 30 else 1.0 + i % 2},{cv},Gamma\n"
        for client, cv in ((7, 1.0), (8, 4.0), (9, ""), (10, 4.0))
        for i in range(36)
    )
    with gzip.open(servegen / "client_rate_10min.csv.gz", "wt") as file:
        file.write("model,client,t_s,rate_rps,cv,arrival_pattern\n" + clients)
    with gzip.open(servegen / "total_rate_10min.csv.gz", "wt") as file:
        file.write("model,t_s,rate_rps,clients\n" + "".join(f"m,{600 * i},{i != 30:d},4\n" for i in range(36)))
    return tmp_path


@pytest.mark.parametrize("dispersion", [0.2, 1.0, 16.0])
def test_counts_have_mean_and_variance(dispersion: float) -> None:
    """Of a Poisson where less spread was recorded than that; and none come where there are none."""
    rng = np.random.default_rng(1)
    counts = counts_around(np.full(50_000, 20.0), np.full(50_000, dispersion), rng)
    assert counts.mean() == pytest.approx(20, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(max(dispersion, 1), rel=0.1)
    assert not counts_around(np.zeros(10), np.full(10, dispersion), rng).any()


def test_days_are_as_large_as_recorded_and_hours_as_bursty(data: Path) -> None:
    """The first five minutes of each hour have 54 of 109 parts of it."""
    [days] = bursty_series(data)["burstgpt days"]
    counts = np.array([count for _, count in days.points]).reshape(len(DAYS), 24, 12)
    assert np.allclose(counts.sum(axis=(1, 2)), DAYS, rtol=0.3)
    assert counts[1, :, 0].sum() / counts[1].sum() == pytest.approx(54 / 109, rel=0.1)


def test_clients_are_split_and_scaled(data: Path) -> None:
    """Every second one each; n a window in the mean; what the whole model's gap emptied is marked."""
    sets = bursty_series(data)
    for rate in RATES:
        even, odd = (sets[f"servegen {rate:g}/window, {kind}"] for kind in ("even", "odd"))
        assert [series.name for series in (*even, *odd)] == [f"m client {client}" for client in (7, 9, 8, 10)]
        for series in (*even, *odd):
            values = np.array([value for _, value in series.points])
            assert len(values) == 72
            assert values.mean() == pytest.approx(rate, rel=0.5)
            assert [i for i, (at_ms, _) in enumerate(series.points) if at_ms in series.gaps] == [60, 61]
            assert not values[60:62].any()


def test_incidents_are_planted_once_each() -> None:
    """Two hours each, the rest as it was."""
    series = Series("calls", "traffic", 300_000, [(300_000 * i, 10.0) for i in range(1_000)])
    changed, begins = planted(series)
    values = np.array([value for _, value in changed.points])
    assert list(begins) == list(INCIDENTS)
    for name, first in begins.items():
        assert (values[first : first + INCIDENT_WINDOWS] == 10.0 * INCIDENTS[name]).all()
    assert (values != 10.0).sum() == len(INCIDENTS) * INCIDENT_WINDOWS
