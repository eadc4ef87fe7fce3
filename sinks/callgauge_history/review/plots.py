"""The course of a week beside the one before, by the hour, as a PNG."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from callgauge_history.review.facts import Facts, Hour
from callgauge_history.review.week import WEEK_MS

__all__ = ["plots_of"]

_HOUR_MS = 3_600_000
_PANELS: tuple[tuple[str, Callable[[Hour], float | None]], ...] = (
    ("calls an hour", lambda hour: hour.calls),
    ("cost an hour, $", lambda hour: hour.cost),
    ("error rate, %", lambda hour: 100 * hour.errors / hour.calls),
    ("latency p95, s", lambda hour: None if hour.p95_ms is None else hour.p95_ms / 1000),
)


def plots_of(facts: Facts) -> bytes:
    """A panel each for calls, cost, error rate and latency; marks are dashed lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 9), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot, which is for one thread only
    for axes, (title, value) in zip(figure.subplots(len(_PANELS), 1, sharex=True), _PANELS, strict=True):
        _draw(axes, facts, title, value)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _draw(axes: Any, facts: Facts, title: str, value: Callable[[Hour], float | None]) -> None:
    start_ms = facts.week.start_ms
    for shift_ms, label, colour in ((WEEK_MS, "week before", "#b0b0b0"), (0, facts.week.name, "#1f5fa8")):
        first_ms = start_ms - shift_ms
        found = {hour.start_ms: value(hour) for hour in facts.hours if first_ms <= hour.start_ms < first_ms + WEEK_MS}
        days = [number / 24 for number in range(168)]
        # An hour without calls is a gap, not a line from one side to the other.
        values = [_number(found.get(first_ms + number * _HOUR_MS)) for number in range(168)]
        axes.plot(days, values, color=colour, label=label, linewidth=1.2)
    for mark in facts.marks:
        axes.axvline((mark.at_ms - start_ms) / 86_400_000, color="#a04000", linestyle="--", linewidth=0.9)
    axes.set_title(title, loc="left", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, 7)
    axes.set_xticks(
        range(7), [f"{datetime.fromtimestamp(start_ms / 1000 + day * 86_400, UTC):%a %d}" for day in range(7)]
    )
    axes.legend(loc="upper right", fontsize=7, frameon=False)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
