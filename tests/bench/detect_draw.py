"""A picture of a data set: its series by window, what was expected, and what was detected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["Panel", "draw"]


@dataclass
class Panel:
    """One series: (event time in ms, value), the limits it is held against, and alarms by detector."""

    title: str
    points: Sequence[tuple[int, float | None]]
    alarms: dict[str, list[int]] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    log: bool = False
    unit: str = ""


def draw(path: Path, title: str, panels: Sequence[Panel], *, per: tuple[float, str] = (3_600_000.0, "hours")) -> Path:
    """Write the panels below one another as a PNG; returns its path."""
    figure, axes = plt.subplots(len(panels), 1, figsize=(11, 1.2 + 2.1 * len(panels)), squeeze=False)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        start = panel.points[0][0]
        times = [(at - start) / per[0] for at, _ in panel.points]
        values = [float("nan") if value is None else value for _, value in panel.points]
        axis.plot(times, values, color="#4878a8", linewidth=0.8, drawstyle="steps-post")
        for name, value in panel.limits.items():
            axis.axhline(value, color="#888888", linewidth=0.8, linestyle="--", label=name)
        for k, (name, found) in enumerate(panel.alarms.items()):
            for j, at in enumerate(found):
                label = f"{name}: {len(found)}" if j == 0 else None
                axis.axvline((at - start) / per[0], color=f"C{k + 1}", linewidth=1.2, alpha=0.8, label=label)
            if not found:
                axis.plot([], [], color=f"C{k + 1}", label=f"{name}: none")
        if panel.log:
            axis.set_yscale("log")
        axis.set_title(panel.title, fontsize=9, loc="left")
        axis.set_ylabel(panel.unit, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.margins(x=0.01)
        if panel.alarms or panel.limits:
            axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    axes[-1, 0].set_xlabel(f"{per[1]} of event time", fontsize=8)
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return path
