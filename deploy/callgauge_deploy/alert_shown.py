"""What `callgauge alerts show` prints of one alert: lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from callgauge.schema import Alert
from callgauge_deploy.alert_rows import labels_of, utc
from callgauge_deploy.sparkline import sparkline
from callgauge_rules.shown import Shown

__all__ = ["Processes", "alert_lines"]


class Processes(NamedTuple):
    """How many processes of a service live, by their heartbeats, and when one was heard last, epoch seconds."""

    alive: int
    silent: int
    ended: int
    last_heard: float


def alert_lines(alert: Alert, seen: Shown, processes: Processes | None = None) -> Iterator[str]:
    """Everything about an alert, one fact a line; what is not known is left out.

    Args:
        processes: of the alert's service, now; None: no heartbeats are known.
    """
    yield f"{alert.rule} {alert.alert_id}: {seen.state}, {alert.severity}"
    yield alert.summary
    facts = {
        "series": labels_of(alert) or "all calls",
        "began": utc(alert.starts_at),
        "fired": utc(alert.fired_at),
        "ended": utc(alert.ends_at),
        "why": alert.reason,
        "value": _value(alert),
        "conditions": ", ".join(alert.held),
        "calls": f"{alert.n:,}",
        "sources": "" if alert.heard >= 1 else f"{alert.heard:.0%} heard of: some calls may not be counted yet",
        "flapping": "it changes its state too often, and is kept firing until it is quiet" if alert.flapping else "",
        "others": alert.suspected_cause,
        "processes": seen.processes.why if seen.processes else "",
        "now": _told(processes) if processes and (alert.state != "resolved" or not seen.processes) else "",
        "by": seen.by.who + (f": {seen.by.why}" if seen.by.why else "") if seen.by else "",
        "examples": " ".join(alert.event_ids or ([alert.event_id] if alert.event_id else [])),
        "runbook": alert.runbook,
    }
    yield from (f"  {name:<11}{text}" for name, text in facts.items() if text)
    yield from _picture(alert)


def _value(alert: Alert) -> str:
    if alert.value is None:
        return "nothing to judge"
    expected = "" if alert.baseline is None else f", expected {alert.baseline:.4g}"
    score = "" if alert.score is None else f", score {alert.score:.3g}"
    limit = f" ({alert.op} {alert.threshold:.4g})" if alert.op else f" ({alert.detector})"
    return f"{alert.aggregate} {alert.value:.4g}{expected}{score}{limit}"


def _told(processes: Processes) -> str:
    """Whether the service runs: calls that are missing then say that nobody asks it; else that it died."""
    if processes.alive:
        silent = f", {processes.silent} silent" if processes.silent else ""
        return f"{processes.alive} alive{silent}: they run, so calls that are missing were not made"
    if processes.silent:
        return f"none alive, {processes.silent} silent since {utc(processes.last_heard)}: dead, or cut off from the bus"
    return f"all {processes.ended} ended, the last one at {utc(processes.last_heard)}"


def _picture(alert: Alert) -> Iterator[str]:
    points = [(point[0], point[1]) for point in alert.points]
    if len(points) < 2:
        return
    marks: Sequence[tuple[float, str]] = [(alert.starts_at, "^")]
    low, high = min(value for _, value in points), max(value for _, value in points)
    yield from (f"  {line}".rstrip() for line in sparkline(points, marks))
    begin, end = (datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") for at in (points[0][0], points[-1][0]))
    yield f"  {begin} to {end} UTC, {low:.4g} to {high:.4g}; ^ it began"
