"""Prints alerts on standard output, for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from callgauge.printable import printable
from callgauge.schema import Alert

__all__ = ["ConsoleChannel", "line_of"]

_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠"}
_STYLES = {"critical": "bold red", "error": "bold dark_orange", "warning": "bold yellow", "info": "bold cyan"}


class ConsoleChannel:
    """Prints each alert in three or four lines."""

    name = "console"

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def deliver(self, alert: Alert) -> None:
        """Print the alert."""
        self._console.print(line_of(alert), soft_wrap=True)


def line_of(alert: Alert) -> Text:
    """An alert as text: state, severity, rule, labels, value against threshold; summary and reason; since when.

    What comes from others (labels, texts, ids) is shown with its control characters escaped.
    """
    style = "bold green" if alert.state == "resolved" else _STYLES[alert.severity]
    text = Text()
    text.append(f" {alert.state.upper()} ", f"reverse {style}")
    text.append(f" {alert.severity} ", style)
    text.append(printable(alert.rule), "bold")
    if alert.labels:
        text.append("  " + printable(" ".join(f"{key}={value}" for key, value in sorted(alert.labels.items()))))
    value = "no data" if alert.value is None else f"{alert.value:.6g}"
    if alert.state != "resolved":
        text.append(f"  {value} {_SIGNS.get(alert.op, printable(alert.op))} {alert.threshold:.6g}")
    for detail in (alert.summary, alert.reason):
        if detail:
            text.append(f"\n    {printable(detail)}")
    text.append(f"\n    since {_time(alert.starts_at)}", "dim")
    if alert.ends_at is not None:
        text.append(f" until {_time(alert.ends_at)}", "dim")
    if alert.event_id:
        text.append(f", largest: call {printable(alert.event_id)}", "dim")
    return text


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
