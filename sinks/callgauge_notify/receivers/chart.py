"""A picture of the evidence: the course of each alert against its threshold, or a bar where no course is known.

It is drawn on a thread of its own. A message goes without its picture rather than late.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import Any

from callgauge.schema import Alert
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.course import COLOURS, draw_course, has_course, name_of, plain

__all__ = ["Charts", "chart_of", "courses_of", "shares_of"]

log = logging.getLogger(__name__)

_MOST, _MOST_COURSES = 12, 4
#: Inches.
_WIDTH, _COURSE, _BAR, _FRAME = 7.0, 2.1, 0.45, 0.8


def courses_of(notice: Notice) -> list[Alert]:
    """The alerts whose course is drawn: the first ones that have one, the newest first."""
    return [item.alert for item in notice.items if has_course(item.alert)][:_MOST_COURSES]


def shares_of(notice: Notice) -> list[tuple[str, float, Alert]]:
    """Name, value divided by threshold, and alert; of those whose course is not drawn and whose threshold is a limit
    and not 0, the newest first."""
    drawn = {alert.alert_id for alert in courses_of(notice)}
    others = (item.alert for item in notice.items[:_MOST] if item.alert.alert_id not in drawn)
    return [(name_of(a), a.value / a.threshold, a) for a in others if a.value is not None and a.threshold and a.op]


def chart_of(notice: Notice) -> bytes:
    """A PNG: a line for each course, then bars. Empty if there is nothing to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    courses, shares = courses_of(notice), shares_of(notice)
    heights = [_COURSE] * len(courses) + ([_FRAME + _BAR * len(shares)] if shares else [])
    if not heights:
        return b""
    figure = Figure(figsize=(_WIDTH, sum(heights)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot, which is for one thread only
    places = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, alert in zip(places, courses, strict=False):
        draw_course(axes, alert)
    if shares:
        _draw_bars(places[-1], shares)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _draw_bars(axes: Any, shares: Sequence[tuple[str, float, Alert]]) -> None:
    """A bar for each alert, with a line where the threshold is."""
    for place, (_, share, alert) in enumerate(reversed(shares)):
        axes.barh(place, share, color="#2e8b57" if alert.state == "resolved" else COLOURS[alert.severity], height=0.6)
        axes.text(share, place, f" {alert.value:,.4g} (threshold {alert.threshold:,.4g})", va="center", fontsize=8)
    axes.axvline(1.0, color="#333333", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shares)), [plain(name) for name, _, _ in reversed(shares)], fontsize=8)
    axes.set_ylim(-0.7, len(shares) - 0.3)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlabel("times the threshold", fontsize=7)
    axes.margins(x=0.35)


class Charts:
    """Draws on a worker thread."""

    def __init__(self, within_s: float = 5.0, draw: Callable[[Notice], bytes] = chart_of) -> None:
        self._within_s = within_s
        self._draw = draw
        self._worker = ThreadPoolExecutor(1, "chart")

    def of(self, notice: Notice) -> bytes:
        """The picture of a notice; empty if there is none in time."""
        try:
            return self._worker.submit(self._draw, notice).result(self._within_s)
        except Late:
            log.warning("a chart was not drawn within %.0f s; the message goes without it", self._within_s)
        except Exception as error:  # a picture must not keep an alert from arriving
            log.warning("a chart could not be drawn (%s); the message goes without it", type(error).__name__)
        return b""
