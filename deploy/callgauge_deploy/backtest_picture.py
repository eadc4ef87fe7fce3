"""The picture of `callgauge rules test --png`: each episode's series, with when it fired and was resolved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib.dates
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from callgauge.errors import SettingError
from callgauge.printable import printable
from callgauge_streams.detect.episodes import Episode

__all__ = ["MOST", "draw_episodes"]

#: More than these are not drawn.
MOST = 20
_WIDTH, _HEIGHT = 10.0, 2.2
_COLOURS = {"info": "#4878a8", "warning": "#d9a441", "error": "#d9703a", "critical": "#b3261e"}


def draw_episodes(episodes: Sequence[Episode], to_s: float, path: Path) -> int:
    """Write a PNG of the first episodes that have values; returns how many it shows.

    Args:
        to_s: those that still fire are drawn up to this time, epoch seconds.

    Raises:
        SettingError: the file cannot be written.
    """
    drawn = [each for each in episodes if each.points][:MOST]
    figure = Figure(figsize=(_WIDTH, _HEIGHT * max(1, len(drawn))), layout="constrained")
    FigureCanvasAgg(figure)
    if not drawn:
        figure.text(0.5, 0.5, "nothing fired", ha="center")
    for at, episode in enumerate(drawn):
        _draw(figure.add_subplot(len(drawn), 1, at + 1), episode, to_s)
    try:
        figure.savefig(path, format="png", dpi=100)
    except OSError as error:
        raise SettingError(f"--png {path}: {error.strerror}") from error
    return len(drawn)


def _draw(axes: Any, episode: Episode, to_s: float) -> None:
    colour = _COLOURS[episode.severity]
    times = [datetime.fromtimestamp(at, UTC) for at, _ in episode.points]
    axes.plot(times, [value for _, value in episode.points], color="#333333", linewidth=1.0, marker=".", markersize=2)
    fired = datetime.fromtimestamp(episode.fired_at, UTC)
    until = datetime.fromtimestamp(to_s if episode.resolved_at is None else episode.resolved_at, UTC)
    axes.axvspan(fired, until, color=colour, alpha=0.15)
    axes.axvline(fired, color=colour, linewidth=1.5)
    if episode.resolved_at is not None:
        axes.axvline(until, color=colour, linewidth=1.0, linestyle="--")
    if episode.baseline is not None:
        axes.axhline(episode.baseline, color="#888888", linewidth=0.8, linestyle=":")
    dates: Any = matplotlib.dates  # its classes have no types
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    labels = " ".join(f"{name}={value}" for name, value in episode.labels.items()) or "all calls"
    # "$" begins a formula, in matplotlib.
    title = printable(f"{episode.rule} {labels} ({episode.severity})").replace("$", r"\$")
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_ylabel(episode.aggregate.replace("$", r"\$"), fontsize=7)
    axes.tick_params(labelsize=7)
