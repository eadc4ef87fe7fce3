"""A picture of the evidence: what each alert measured, against its threshold.

It is drawn on a thread of its own. A message goes without its picture rather than late.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late

from callgauge.schema import Alert
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.words import cut, one_line

__all__ = ["Charts", "chart_of", "shares_of"]

log = logging.getLogger(__name__)

_MOST = 12
_COLOURS = {"critical": "#c0392b", "error": "#d35400", "warning": "#c79a00", "info": "#2980b9"}


def shares_of(notice: Notice) -> list[tuple[str, float, Alert]]:
    """Name, value divided by threshold, and alert; of those whose threshold is a limit and not 0, the newest first."""
    found = []
    for item in notice.items[:_MOST]:
        alert = item.alert
        if alert.value is not None and alert.threshold and alert.op:
            labels = " ".join(value for _, value in sorted(alert.labels.items()))
            found.append((cut(one_line(f"{alert.rule} {labels}"), 60), alert.value / alert.threshold, alert))
    return found


def chart_of(notice: Notice) -> bytes:
    """A PNG of bars, one for each alert, with a line where the threshold is. Empty if there is nothing to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = shares_of(notice)
    if not shares:
        return b""
    figure = Figure(figsize=(7.0, 1.2 + 0.45 * len(shares)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # without pyplot, which is for one thread only
    axes = figure.add_subplot()
    for place, (_, share, alert) in enumerate(reversed(shares)):
        axes.barh(place, share, color="#2e8b57" if alert.state == "resolved" else _COLOURS[alert.severity], height=0.6)
        axes.text(share, place, f" {alert.value:,.4g} (threshold {alert.threshold:,.4g})", va="center", fontsize=8)
    axes.axvline(1.0, color="#333333", linestyle="--", linewidth=1)
    # "$" would begin a formula.
    axes.set_yticks(range(len(shares)), [name.replace("$", r"\$") for name, _, _ in reversed(shares)], fontsize=8)
    axes.set_xlabel("times the threshold", fontsize=8)
    axes.margins(x=0.35)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


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
