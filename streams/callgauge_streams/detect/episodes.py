"""Transitions of alerts as episodes: what fired, from when to when, and how bad it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callgauge.schema import Alert, Severity

__all__ = ["Episode", "episodes_of", "per_day", "worst_of"]

_SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")


@dataclass(frozen=True)
class Episode:
    """One episode that fired. Times are epoch seconds, ends of windows.

    Attributes:
        severity: the worst that it was told as.
        worst: the value that was furthest from what is normal, of those that the alert told of; None: it had none.
        resolved_at: None if it was still firing at the end.
        op, baseline: of a threshold how it compares, of a detector what it expected; they say which value is worst.
        points: the aggregate around its transitions, time and value, oldest first.
        flapping: it changed its state too often.
    """

    rule: str
    labels: Mapping[str, str]
    severity: Severity
    starts_at: float
    fired_at: float
    resolved_at: float | None
    aggregate: str
    op: str
    baseline: float | None
    worst: float | None
    summary: str
    points: Sequence[tuple[float, float]]
    flapping: bool

    @property
    def pages(self) -> bool:
        """Whether it pages somebody: it is critical."""
        return self.severity == "critical"


def episodes_of(alerts: Iterable[Alert], from_s: float) -> list[Episode]:
    """The episodes that fired and were not over before `from_s`, in the order in which they fired."""
    told: dict[str, list[Alert]] = {}
    for alert in alerts:
        told.setdefault(alert.alert_id, []).append(alert)
    found = [_episode(each) for each in told.values() if any(alert.fired_at is not None for alert in each)]
    wanted = [each for each in found if each.resolved_at is None or each.resolved_at >= from_s]
    return sorted(wanted, key=lambda each: (each.fired_at, each.rule, sorted(each.labels.items())))


def _episode(told: Sequence[Alert]) -> Episode:
    fired = [alert for alert in told if alert.fired_at is not None]
    first, last = fired[0], fired[-1]
    resolved_at = last.ends_at if last.state == "resolved" else None
    points = sorted({point[0]: point[1] for alert in told for point in alert.points}.items())
    # A storm of alerts has no points; the values of the transitions are always told.
    values = [alert.value for alert in told if alert.value is not None and alert.state != "resolved"]
    until = resolved_at if resolved_at is not None else last.at
    values += [value for at, value in points if first.starts_at <= at < until]
    return Episode(
        rule=first.rule,
        labels=first.labels,
        severity=max((alert.severity for alert in fired), key=_SEVERITIES.index),
        starts_at=first.starts_at,
        fired_at=first.fired_at or first.at,
        resolved_at=resolved_at,
        aggregate=first.aggregate,
        op=first.op,
        baseline=first.baseline,
        worst=worst_of(first.op, first.baseline, values),
        summary=first.summary,
        points=points,
        flapping=any(alert.flapping for alert in fired),
    )


def worst_of(op: str, baseline: float | None, values: Sequence[float]) -> float | None:
    """The value furthest from what a detector expected, or on the wrong side of a limit; None if there is none."""
    if not values:
        return None
    if baseline is not None:
        return max(values, key=lambda value: abs(value - baseline))
    return min(values) if op in ("lt", "le") else max(values)


def per_day(episodes: Iterable[Episode], from_s: float, to_s: float) -> dict[str, tuple[int, int]]:
    """Day (UTC) -> how many episodes fired on it, and how many of them page; days without any are there too."""
    fired = [each for each in episodes if from_s <= each.fired_at <= to_s]
    alerts = Counter(_day(each.fired_at) for each in fired)
    pages = Counter(_day(each.fired_at) for each in fired if each.pages)
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (from_s, to_s))
    days = [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]
    return {day: (alerts[day], pages[day]) for day in days}


def _day(at: float) -> str:
    return str(datetime.fromtimestamp(at, UTC).date())
