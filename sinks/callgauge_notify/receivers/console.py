"""Prints alerts on standard output, for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from callgauge.printable import printable
from callgauge.schema import Alert
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory
from callgauge_notify.receivers.words import limit_of
from callgauge_notify.templates import utc

__all__ = ["ConsoleReceiver", "line_of"]

_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠"}
_STYLES = {"critical": "bold red", "error": "bold dark_orange", "warning": "bold yellow", "info": "bold cyan"}


class ConsoleReceiver:
    """Prints each alert in three or four lines."""

    one_by_one = False
    digests = False
    pace_s = 0.0

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def deliver(self, notice: Notice) -> Memory:
        """Print what is new; when nothing is, what still fires."""
        for item in notice.items:
            if item.news or notice.repeats:
                self._console.print(_with_hidden(item), soft_wrap=True)
        return NOTHING_KEPT


def _with_hidden(item: Item) -> Text:
    text = line_of(item.alert)
    if item.processes:
        text.append(f"\n    {printable(item.processes)}")
    if item.hides:
        names = ", ".join(printable(hidden.rule) for hidden in item.hides[:10])
        text.append(f"\n    hides {len(item.hides)} alerts that it probably causes: {names}")
    return text


def line_of(alert: Alert) -> Text:
    """An alert as text: state, severity, rule, labels, value against threshold; summary and reason; since when."""
    style = "bold green" if alert.state == "resolved" else _STYLES[alert.severity]
    text = Text()
    text.append(f" {alert.state.upper()} ", f"reverse {style}")
    text.append(f" {alert.severity} ", style)
    text.append(printable(alert.rule), "bold")
    if alert.labels:
        text.append("  " + " ".join(f"{key}={printable(value)}" for key, value in sorted(alert.labels.items())))
    value = "no data" if alert.value is None else f"{alert.value:.6g}"
    if alert.state != "resolved":
        limit = f"{_SIGNS.get(alert.op, alert.op)} {alert.threshold:.6g}" if alert.op else f"({limit_of(alert)})"
        text.append(f"  {value} {limit}")
    for detail in (alert.summary, alert.reason):
        if detail:
            text.append(f"\n    {printable(detail)}")
    text.append(f"\n    since {utc(alert.starts_at)}", "dim")
    if alert.ends_at is not None:
        text.append(f" until {utc(alert.ends_at)}", "dim")
    if alert.event_id:
        text.append(f", largest: call {printable(alert.event_id)}", "dim")
    return text
