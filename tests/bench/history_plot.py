"""How the times of questions to the history grow, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.report import FOLDER

__all__ = ["draw"]


def draw(rows: Sequence[dict[str, Any]], folder: Path = FOLDER) -> Path:
    """Time of each question over the calls stored; dotted: from the calls themselves. Returns the file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys(row["query"] for row in rows):
        points = [row for row in rows if row["query"] == name]
        [line] = axes.plot([p["calls"] for p in points], [p["p95_ms"] for p in points], marker="o", label=name)
        if "raw_ms" in points[0]:
            raw = [p["raw_ms"] for p in points]
            axes.plot([p["calls"] for p in points], raw, ":", color=line.get_color())
    axes.axhline(200, color="grey", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="calls stored", ylabel="ms (p95); dotted: from the calls")
    axes.legend(fontsize="small")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(path := folder / "history.png", dpi=120)
    return path
