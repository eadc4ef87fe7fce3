"""Readings of several rounds as a table and as the figures that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.reading import Reading, median_reading

__all__ = ["OURS", "figures_of", "rows_of"]

OURS = "callgauge"

Figures = dict[str, dict[str, float]]


def figures_of(readings: Mapping[str, Sequence[Reading]]) -> Figures:
    """Reader to events_per_s, cpu_s_per_million and peak_rss_mb, medians over its rounds; without failed readers."""
    return {name: median_reading(rounds) for name, rounds in readings.items() if rounds}


def rows_of(figures: Figures, failures: Mapping[str, str]) -> list[dict[str, object]]:
    """A row per reader; a ratio is callgauge's rate by the reader's, and the reader's CPU time by callgauge's.

    core_share is the part of its core that a reader used: well below 1 it waited, for the broker or because others were
    busy on the machine, and its rate says little.
    """
    ours = figures.get(OURS)
    rows: list[dict[str, object]] = []
    for name, own in figures.items():
        row: dict[str, object] = {"reader": name, **own}
        row["core_share"] = own["events_per_s"] * own["cpu_s_per_million"] / 1e6
        if ours is not None:
            row["callgauge_rate_ratio"] = ours["events_per_s"] / own["events_per_s"]
            row["cpu_ratio"] = own["cpu_s_per_million"] / ours["cpu_s_per_million"]
        rows.append(row)
    failed = [name for name in failures if name not in figures]
    return rows + [{"reader": name, "failed": failures[name].splitlines()[-1]} for name in failed]
