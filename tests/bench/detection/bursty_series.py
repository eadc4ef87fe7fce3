"""Bursty traffic in which nothing is known to be wrong, of BurstGPT and ServeGen, and the same with known incidents.

    burstgpt week       tokens of each minute, as recorded
    burstgpt days       requests of each 5 minutes over 61 days: so many a day as recorded (1,576 to 149,520); within a
                        day each hour is shaped as that hour of a random day of the recorded week
    servegen n/window   requests of each 5 minutes of a client of ServeGen over 14 days, scaled to n in the mean

Counts are drawn around what was recorded: Poisson, or for a ServeGen client negative binomial with the variance that
the recorded coefficient of variation of its inter-arrival times gives over a window, cv² times the mean (Cox, Renewal
Theory, 1962, chapter 3). Clients at even and at odd places, in order of model and number, are two sets: what differs
between them is chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.bench.detect_data import MINUTE_MS, MONDAY_MS, Series, burstgpt, rows_of

__all__ = ["INCIDENTS", "RATES", "bursty_series", "counts_around", "planted"]

WINDOW_MS = 5 * MINUTE_MS
#: Requests a window that ServeGen's clients are scaled to.
RATES = (5.0, 200.0)
#: A few recorded windows have thousands: one pause between two clusters of calls.
LARGEST_CV = 10.0
_WINDOWS_A_DAY = 288
_WINDOWS_AN_HOUR = 12

#: Name of an incident -> what the values of its windows are multiplied by. Each lasts `INCIDENT_WINDOWS`.
INCIDENTS = {"stops": 0.0, "a fifth": 0.2, "five times": 5.0, "twenty times": 20.0}
INCIDENT_WINDOWS = 24
#: Where they begin, as shares of the series: apart by more than any memory of an alarm in the shortest of these series.
_PLACES = (0.4, 0.55, 0.7, 0.85)

Floats = NDArray[np.float64]


def bursty_series(folder: Path) -> dict[str, list[Series]]:
    """Name of a set -> its series, of the data below `folder`."""
    rng = np.random.default_rng(5)
    [week] = burstgpt(folder)
    sets = {"burstgpt week": [week], "burstgpt days": [_days(folder, week, rng)]}
    for rate in RATES:
        for place, kind in enumerate(("even", "odd")):
            of_kind = _clients(folder, rate, rng, place)
            sets[f"servegen {rate:g}/window, {kind}"] = of_kind
    return sets


def counts_around(means: Floats, dispersion: Floats, rng: np.random.Generator) -> Floats:
    """Counts with these means and the variances `dispersion` times the means; Poisson where that is 1 or less."""
    spread = np.maximum(dispersion - 1, 1e-9)  # negative binomial: a Poisson whose rate is gamma distributed
    return rng.poisson(rng.gamma(np.maximum(means, 1e-12) / spread, spread)).astype(float)


def planted(series: Series) -> tuple[Series, dict[str, int]]:
    """The series with each of the incidents once, and the index at which each begins."""
    points, begins = list(series.points), {}
    for place, (name, factor) in zip(_PLACES, INCIDENTS.items(), strict=True):
        first = begins[name] = round(place * len(points))
        for i in range(first, first + INCIDENT_WINDOWS):
            points[i] = (points[i][0], points[i][1] * factor)
    return Series(series.name, series.kind, series.window_ms, points, series.gaps), begins


def _days(folder: Path, week: Series, rng: np.random.Generator) -> Series:
    minutes = np.array([value for _, value in week.points])
    shapes = minutes.reshape(7, 24, _WINDOWS_AN_HOUR, 5).sum(axis=3)
    means = []
    for row in rows_of(folder / "burstgpt_aggregates" / "burstgpt1_daily.csv"):
        day = shapes[rng.integers(7, size=24), np.arange(24)]
        means.append(float(row["requests"]) * day.ravel() / day.sum())
    counts = counts_around(np.concatenate(means), np.ones(len(means) * _WINDOWS_A_DAY), rng)
    return Series("requests", "traffic", WINDOW_MS, _points(counts))


def _clients(folder: Path, rate: float, rng: np.random.Generator, first: int) -> list[Series]:
    """Every second client of each model that was recorded for 14 days; `gaps`: its whole model had no traffic."""
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for row in rows_of(folder / "servegen" / "client_rate_10min.csv.gz"):
        if row["model"] != "deepseek-r1":  # one day only
            cv = min(float(row["cv"] or 1.0), LARGEST_CV)
            found[row["model"], row["client"]].append((float(row["t_s"]), float(row["rate_rps"]), cv))
    quiet: dict[str, set[int]] = defaultdict(set)
    for row in rows_of(folder / "servegen" / "total_rate_10min.csv.gz"):
        if not float(row["rate_rps"]):
            quiet[row["model"]].update(MONDAY_MS + round(float(row["t_s"])) * 1000 + k * WINDOW_MS for k in (1, 2))
    names = sorted(found, key=lambda name: (name[0], int(name[1])))
    series = []
    for model, client in names[first::2]:
        _, rates, variations = np.repeat(np.array(sorted(found[model, client])), 2, axis=0).T
        counts = counts_around(rates / rates.mean() * rate, variations**2, rng)
        gaps = frozenset(quiet[model])
        series.append(Series(f"{model} client {client}", "traffic", WINDOW_MS, _points(counts), gaps))
    return series


def _points(counts: Sequence[float] | Floats) -> list[tuple[int, float]]:
    return [(MONDAY_MS + (i + 1) * WINDOW_MS, float(count)) for i, count in enumerate(counts)]
