"""What users, features and endpoints used, by day or month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callgauge.errors import QuestionError
from callgauge_history.questions.adjustments import adjusted_rows
from callgauge_history.questions.call_rows import NO_STEPS
from callgauge_history.questions.labels import Where, check_labels, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import between
from callgauge_history.store import Ask
from callgauge_history.tiers.segments import segments, width_at
from callgauge_history.tiers.usage import DAY_MS, HOUR_MS, USAGE_LABELS, usage_coverage

__all__ = ["USAGE_LABELS", "Usage", "usage", "usage_rows"]

#: What is added up, and how it is made of a call.
_SUMS = {
    "calls": "toInt64(1)",
    "errors": "toInt64(status = 'error')",
    "input_tokens": "ifNull(input_tokens, 0)",
    "output_tokens": "ifNull(output_tokens, 0)",
    "cost_nano": "ifNull(cost_nano, 0)",
}

Step = Literal["hour", "day", "month"]
_STEPS = {"hour": "toStartOfHour", "day": "toStartOfDay", "month": "toStartOfMonth"}


@dataclass(frozen=True)
class Usage:
    """What was used in one step of time.

    Attributes:
        start: of the step, in the time zone that was asked for: "2026-01-31", or "2026-01-31 14:00:00" of hours.
        values: of the labels, in the order in which they were asked for.
    """

    start: str
    values: tuple[str, ...]
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


def usage(
    ask: Ask,
    period: Period,
    by: Sequence[str] = ("user_id",),
    where: Where | None = None,
    *,
    step: Step = "day",
    zone: str = "UTC",
    limit: int = 100_000,
) -> list[Usage]:
    """Usage for each step of time and combination of values of the labels `by`, in order of time.

    Args:
        zone: the time zone whose days and months are meant, such as Europe/Berlin.

    Raises:
        QuestionError: a name is no label that usage knows, or no time zone.
        StoreError: the store cannot be asked.
    """
    by = check_labels(by, USAGE_LABELS)
    if step not in _STEPS:
        raise QuestionError(f"usage is told by {', '.join(_STEPS)}, not by {step!r}")
    width_ms = 1 if not _has_whole_hours(zone, period) else DAY_MS if zone == "UTC" and step != "hour" else HOUR_MS
    rows, parameters = usage_rows(ask, period, where, by=by, width_ms=width_ms)
    values = f"[{', '.join(f'toString(r.{label})' for label in by)}]"
    begin = f"{_STEPS[step]}(toTimeZone(r.at, {{zone:String}}))"
    text = f"formatDateTime({begin}, '%F %T')" if step == "hour" else f"toString(toDate({begin}))"
    sql = (
        f"SELECT {text} AS start, {values} AS values, sum(r.calls) AS calls, sum(r.errors) AS errors, "  # noqa: S608 (names of ours)
        "sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_nano) AS cost_nano "
        f"FROM {rows} AS r GROUP BY start, values ORDER BY start, cost_nano DESC, values LIMIT {{limit:UInt32}}"
    )
    found = read(ask, Usage, sql, parameters | {"zone": zone, "limit": limit})
    return [Usage(**vars(each) | {"values": tuple(each.values)}) for each in found]


def _has_whole_hours(zone: str, period: Period) -> bool:
    """Whether the days of a time zone begin with an hour of UTC, as they do in all but a few."""
    try:
        at = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise QuestionError(f"{zone!r} is no time zone; write one such as Europe/Berlin, or UTC") from None
    offsets = (datetime.fromtimestamp(ms / 1000, at).utcoffset() for ms in (period.start_ms, period.end_ms))
    return all(offset is not None and not offset % timedelta(hours=1) for offset in offsets)


def usage_rows(
    ask: Ask,
    period: Period,
    where: Where | None = None,
    *,
    by: Sequence[str] = USAGE_LABELS,
    named: bool = False,
    width_ms: int = DAY_MS,
    as_sent: bool = False,
) -> tuple[str, dict[str, Any]]:
    """A subquery in brackets with the usage of calls of models, and its parameters: at, the labels `by`, the sums.

    Days and hours that are derived come from the tables of usage, the rest from the calls. Where the calls are no
    longer kept, the period is widened to whole hours. What calls were priced at later counts.

    Args:
        by: the labels that the rows must have; days are kept by user alone.
        named: leave out calls without a user.
        width_ms: rows of hours, or of days, may stand for their calls: `HOUR_MS` or `DAY_MS`; 1: each call has a row,
            with its own time.
        as_sent: costs as they were sent, without what calls were priced at later.

    Raises:
        QuestionError: a name is no label, or hours are all that is left.
    """
    condition, parameters = conditions(where or {}, USAGE_LABELS)
    if named:
        condition += " AND user_id != ''"
    by_user_alone = width_ms == DAY_MS and {*by, *(where or {})} <= {"user_id"}
    tiers = usage_coverage(ask, by_user_alone=by_user_alone)
    first, last = (width_at(at_ms, 1, tiers) for at_ms in (period.start_ms, period.end_ms))
    if max(first, last) > width_ms:
        raise QuestionError(
            "the calls of that time are no longer kept, but their hours are: ask for a time zone of whole hours"
        )
    start_ms, end_ms = period.start_ms // first * first, -(-period.end_ms // last) * last
    parts: dict[str, list[str]] = {}
    for piece in segments(start_ms, end_ms, tiers if width_ms > 1 else []):
        column = _TIMES.get(piece.tier, "event_time")
        parts.setdefault(piece.tier, []).append(between(piece.start_ms, piece.end_ms, column))
    names, sums = "".join(f"{label}, " for label in by), ", ".join(_SUMS)
    selects = []
    for table, spans in parts.items():
        within = f"({' OR '.join(spans)}) AND {condition}"
        if table:
            at = f"toDateTime64({_TIMES[table]}, 3, 'UTC') AS at"
            selects.append(f"SELECT {at}, {names}{sums} FROM {table} FINAL WHERE {within}")  # noqa: S608 (names of ours)
        else:
            made = ", ".join(f"{made} AS {name}" for name, made in _SUMS.items())
            calls = f"(SELECT * FROM calls FINAL WHERE {within} AND {NO_STEPS})"  # noqa: S608 (names of ours)
            selects.append(f"SELECT event_time AS at, {names}{made} FROM {calls}")  # noqa: S608 (names of ours)
    if not as_sent:
        columns, whole = ["at", *by, *_SUMS], between(start_ms, end_ms, "event_time")
        selects.append(adjusted_rows(columns, whole, f"{condition} AND {NO_STEPS}", errors_are_counts=True))
    return f"({' UNION ALL '.join(selects)})", parameters


#: Table -> the column that holds the beginning of its hours or days.
_TIMES = {"usage_1h": "hour", "usage_1d": "day"}
