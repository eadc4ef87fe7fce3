"""Draws the course of one alert: its value over time against its threshold, and since when it fires."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from callgauge.schema import Alert
from callgauge_notify.receivers.words import cut, one_line

__all__ = ["COLOURS", "draw_course", "has_course", "name_of", "plain"]

COLOURS = {"critical": "#c0392b", "error": "#d35400", "warning": "#c79a00", "info": "#2980b9"}
_OVER, _LIMIT, _BASE, _LINE = "#2e8b57", "#333333", "#7f8c8d", "#34495e"


def has_course(alert: Alert) -> bool:
    """Whether there is a line to draw: at least two values."""
    return len(alert.points) > 1


def name_of(alert: Alert) -> str:
    """ "slow chat gpt-4o": the rule and the values of its labels, in one line."""
    labels = " ".join(value for _, value in sorted(alert.labels.items()))
    return cut(one_line(f"{alert.rule} {labels}"), 60)


def plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def draw_course(axes: Any, alert: Alert) -> None:
    """Draw into a matplotlib `Axes`. Windows without a value, of which there is no point, are a gap in the line."""
    import matplotlib.dates

    dates: Any = matplotlib.dates  # its classes have no types
    points = _with_gaps(alert.points)
    times, values = [datetime.fromtimestamp(at, UTC) for at, _ in points], [value for _, value in points]
    colour = _OVER if alert.state == "resolved" else COLOURS[alert.severity]
    axes.plot(times, values, color=_LINE, linewidth=1.4, marker=".", markersize=4)
    axes.plot(times[-1:], values[-1:], color=colour, marker="o", markersize=6)
    if alert.op:  # other detectors than a threshold have no limit in the unit of the value
        _draw_limit(axes, alert.threshold, f"threshold {alert.threshold:,.4g}", _LIMIT, "--")
    if alert.baseline is not None:
        _draw_limit(axes, alert.baseline, f"baseline {alert.baseline:,.4g}", _BASE, ":")
    if alert.fired_at is not None and alert.fired_at <= alert.points[-1][0]:
        begins = max(alert.fired_at, alert.points[0][0])
        axes.axvspan(datetime.fromtimestamp(begins, UTC), times[-1], color=colour, alpha=0.12, linewidth=0)
    axes.set_title(plain(f"{name_of(alert)}: {alert.aggregate}"), fontsize=8, loc="left")
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(dates.AutoDateLocator(tz=UTC), tz=UTC))
    axes.xaxis.get_offset_text().set_fontsize(7)
    axes.set_xlabel("UTC", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(visible=True, alpha=0.25)
    axes.margins(x=0.02, y=0.15)


def _with_gaps(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The points, with one that is no number where steps are missing between two."""
    step = min((after[0] - before[0] for before, after in pairwise(points)), default=0.0)
    drawn: list[tuple[float, float]] = []
    for at, value in points:
        if drawn and at - drawn[-1][0] > 1.5 * step:
            drawn.append((drawn[-1][0] + step, math.nan))
        drawn.append((at, value))
    return drawn


def _draw_limit(axes: Any, value: float, text: str, colour: str, style: str) -> None:
    axes.axhline(value, color=colour, linestyle=style, linewidth=1)
    axes.annotate(
        text, (0.0, value), xycoords=("axes fraction", "data"), xytext=(3, 2), textcoords="offset points", fontsize=7,
        color=colour,
    )  # fmt: skip
