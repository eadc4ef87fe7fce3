"""A picture of the growth benchmark: one panel per axis, CPU per event on the left, peak memory on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["draw_growth"]

_CPU, _MEMORY = "#4878a8", "#c8783c"


def draw_growth(path: Path, panels: Mapping[str, Sequence[Mapping[str, object]]], limit_mb: float) -> Path:
    """Write the panels (title -> rows of that axis) as a PNG; returns its path.

    Args:
        panels: not empty. Of a row: `at`, `events_per_s`, `cpu_us_per_event` and `peak_rss_mb`.
        limit_mb: a dashed line.
    """
    figure, axes = plt.subplots(len(panels), 1, figsize=(8, 1 + 2.6 * len(panels)), squeeze=False)
    for left, (title, rows) in zip(axes[:, 0], panels.items(), strict=True):
        places = range(len(rows))
        right = left.twinx()
        left.plot(places, [_number(row["cpu_us_per_event"]) for row in rows], color=_CPU, marker="o")
        right.plot(places, [_number(row["peak_rss_mb"]) for row in rows], color=_MEMORY, marker="s")
        right.axhline(limit_mb, color=_MEMORY, linewidth=0.8, linestyle="--")
        left.set_xticks(places, [f"{row['at']}\n{_number(row['events_per_s']):,.0f}/s" for row in rows])
        left.set_ylim(bottom=0)
        right.set_ylim(bottom=0)
        left.set_ylabel("CPU µs per event", color=_CPU, fontsize=8)
        right.set_ylabel("peak RSS, MB", color=_MEMORY, fontsize=8)
        left.set_title(title, fontsize=9, loc="left")
        left.tick_params(labelsize=7)
        right.tick_params(labelsize=7)
    figure.suptitle(f"Cost growth of one rollup worker (dashed: {limit_mb:g} MB)", fontsize=11)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path


def _number(value: object) -> float:
    return float(str(value))
