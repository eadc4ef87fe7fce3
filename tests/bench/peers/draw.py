"""A picture of the comparison: per number of series, the rates on the left, the CPU times on the right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib

from tests.bench.peers.result import ONE_SET, OURS, WHOLE_CORE, Figures

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

__all__ = ["draw_peers"]

_OURS, _PEERS = "#c8783c", "#4878a8"


def draw_peers(path: Path, sizes: Mapping[str, Figures], subtitle: str) -> Path:
    """Write a PNG; returns its path.

    Args:
        sizes: title -> reader -> figures; not empty.
        subtitle: how it was measured.
    """
    figure, axes = plt.subplots(len(sizes), 2, figsize=(11, 1.2 + 3.6 * len(sizes)), squeeze=False)
    for (left, right), (title, figures) in zip(axes, sizes.items(), strict=True):
        _dots(left, figures, "events_per_s", "{:,.0f}", f"{title}: events per second (more is better)")
        _dots(right, figures, "cpu_s_per_million", "{:,.1f}", f"{title}: CPU s per million events (less is better)")
    figure.suptitle(f"One worker on one core beside its peers\n{subtitle}; hollow: had less than its core", fontsize=10)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path


def _dots(axes: Axes, figures: Figures, key: str, form: str, title: str) -> None:
    names = list(figures)[::-1]  # the first reader is at the top
    for at, name in enumerate(names):
        value, colour = figures[name][key], _OURS if name in (OURS, ONE_SET) else _PEERS
        whole = figures[name]["core_share"] >= WHOLE_CORE
        axes.plot(value, at, "o", color=colour, markerfacecolor=colour if whole else "white")
        axes.annotate(form.format(value), (value, at), (6, -2.5), textcoords="offset points", fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xscale("log")  # Faust as its manual has it is a hundred times away
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.margins(x=0.2)
    axes.grid(visible=True, which="both", axis="both", linewidth=0.3)
    axes.set_title(title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
