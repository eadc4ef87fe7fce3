"""The picture of a result: for each kind of incident the delay to the first right alert, and what was never seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from callgauge_load.incidents.catalogue import KINDS

__all__ = ["draw", "sides_of"]

_COLOURS = ("tab:blue", "tab:green", "tab:gray", "tab:orange", "tab:purple", "tab:brown")


def sides_of(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name -> figures, of every rule set and baseline."""
    return {**result["rule_sets"], **result["baselines"]}


def draw(result: dict[str, Any], path: Path) -> None:
    """Write a PNG: a point at the median delay (fainter: fewer detected), a line to the 90th percentile."""
    plt.switch_backend("Agg")
    sides, kinds = sides_of(result), list(KINDS)
    figure, axes = plt.subplots(figsize=(11, 9), layout="constrained")
    for nth, (name, side) in enumerate(sides.items()):
        colour = _COLOURS[nth % len(_COLOURS)]
        for row, kind in enumerate(kinds):
            at, found = row + (nth - (len(sides) - 1) / 2) * 0.22, side[kind]
            if found["delay_p50_s"] is not None:
                axes.plot([found["delay_p50_s"], found["delay_p90_s"]], [at, at], color=colour, lw=1.5)
                axes.plot(found["delay_p50_s"], at, "o", color=colour, ms=5, alpha=0.3 + 0.7 * found["detected"])
            else:
                axes.plot(2e4, at, "x", color=colour, ms=5)
        pages, warnings = side["false_pages_per_series_week"], side["false_warnings_per_series_day"]
        told = f"{name}: {pages:.2g} false pages a series and week, {warnings:.2g} false warnings a series and day"
        axes.plot([], [], "o-", color=colour, label=told)
    axes.set(xscale="log", xlim=(3, 3e4), ylim=(len(kinds), -1))
    axes.set_xlabel("seconds to the first right alert, median to p90; x: never; the dotted line: 90 s")
    axes.set_yticks(range(len(kinds)), kinds)
    axes.axvline(90, color="black", lw=0.5, ls=":")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
