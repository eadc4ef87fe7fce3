"""What `top` shows, asked of ClickHouse: the newest minute of calls, by service and by model, and the active alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callgauge_history.questions.numbers import Numbers
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import series
from callgauge_history.questions.summary import summary as summary_of
from callgauge_history.questions.summary import summary_by
from callgauge_history.store import Ask

__all__ = ["ActiveAlert", "Facts", "Line", "newest_period", "read_facts"]

#: A window ends, its rows are sent two seconds later and stored within another one.
_SETTLED_MS = 4_000
_STEP_MS = 10_000
_COURSE_MS = 900_000
_MINUTE_MS = 60_000
_SOURCE_ROWS = "SELECT max(toUnixTimestamp64Milli(window_start) + window_ms) FROM windows"
_ALERTS = """
SELECT alert_id, rule, severity, shown, labels, summary, toUnixTimestamp64Milli(starts_at)
FROM alerts_now
ORDER BY (shown = 'firing') DESC, indexOf(['critical', 'error', 'warning', 'info'], severity), starts_at DESC, alert_id
LIMIT {most:UInt32}
"""


@dataclass(frozen=True)
class Line:
    """One service or model.

    Attributes:
        course: (epoch s, calls a second) of each minute of the last quarter of an hour.
    """

    name: str
    numbers: Numbers
    course: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that is not over, as people see it."""

    alert_id: str
    rule: str
    severity: str
    shown: str
    labels: dict[str, str]
    summary: str
    starts_at_s: float


@dataclass(frozen=True)
class Facts:
    """Everything that is shown at once.

    Attributes:
        period: the newest minute (or what was asked for) whose windows are complete; None while there is no window.
        more: how many services and models there are beside those shown.
    """

    period: Period | None
    total: Numbers | None
    services: tuple[Line, ...]
    models: tuple[Line, ...]
    more: tuple[int, int]
    alerts: tuple[ActiveAlert, ...]


def newest_period(newest_end_ms: int, now_ms: int, over_ms: int) -> Period:
    """The last `over_ms` of what is stored and settled.

    While calls come, the window that still grows is left out. When none have come for a while, it is the end of what
    there is, so that a replay of old calls shows something too.

    >>> newest_period(100_000, 102_000, 60_000)
    Period(start_ms=30000, end_ms=90000)
    >>> newest_period(100_000, 900_000, 60_000)
    Period(start_ms=40000, end_ms=100000)
    """
    settled_ms = (now_ms - _SETTLED_MS) // _STEP_MS * _STEP_MS
    end_ms = min(newest_end_ms, settled_ms)
    return Period(end_ms - over_ms, end_ms)


def read_facts(ask: Ask, now_s: float, over_s: int = 60, most: int = 12) -> Facts:
    """Ask for everything.

    Args:
        over_s: the length of the period, in seconds.
        most: services, models and alerts shown.

    Raises:
        StoreError: the store cannot be asked.
    """
    alerts = tuple(_alert(row) for row in ask(_ALERTS, {"most": most}).rows)
    newest = ask(_SOURCE_ROWS).rows[0][0]
    if not newest:
        return Facts(None, None, (), (), (0, 0), alerts)
    period = newest_period(int(newest), int(now_s * 1e3), over_s * 1000)
    services, more_services = _lines(ask, period, "service", most)
    models, more_models = _lines(ask, period, "model", most)
    return Facts(
        period,
        summary_of(ask, period, align_ms=_STEP_MS).numbers,
        services,
        models,
        (more_services, more_models),
        alerts,
    )


def _lines(ask: Ask, period: Period, label: str, most: int) -> tuple[tuple[Line, ...], int]:
    found = summary_by(ask, period, [label], align_ms=_STEP_MS)
    # Whole minutes: what has come of one that is not over would look like a fall.
    end_ms = period.end_ms // _MINUTE_MS * _MINUTE_MS
    quarter = Period(end_ms - _COURSE_MS, end_ms)
    courses = series(ask, quarter, "calls", _MINUTE_MS, [label], limit=max(most, 50))
    by_name = {each.values[0]: each.points for each in courses}
    lines = []
    for each in found[:most]:
        name = each.values[0]
        course = tuple((at_ms / 1000, (calls or 0.0) / 60) for at_ms, calls in by_name.get(name, ()))
        lines.append(Line(name, each, course))
    return tuple(lines), len(found) - len(lines)


def _alert(row: Sequence[Any]) -> ActiveAlert:
    alert_id, rule, severity, shown, labels, summary, starts_ms = row
    return ActiveAlert(alert_id, rule, severity, shown, labels, summary, int(starts_ms) / 1000)
