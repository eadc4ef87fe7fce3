"""What users, features and endpoints used, by day or month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callgauge.errors import QuestionError
from callgauge_history.questions.call_rows import NO_STEPS
from callgauge_history.questions.labels import Where, check_labels, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import between
from callgauge_history.store import Ask
from callgauge_history.tiers.segments import segments, width_at
from callgauge_history.tiers.usage import USAGE_LABELS, usage_coverage

__all__ = ["USAGE_LABELS", "Usage", "usage", "usage_rows"]

_LABELS = ", ".join(USAGE_LABELS)
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
    rows, parameters = usage_rows(ask, period, where, whole_hours=_has_whole_hours(zone, period))
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
    ask: Ask, period: Period, where: Where | None = None, *, named: bool = False, whole_hours: bool = True
) -> tuple[str, dict[str, Any]]:
    """A subquery in brackets with the usage of calls of models, and its parameters.

    Hours that are derived come from the table `usage`, the rest from the calls. Where the calls are no longer kept, the
    period is widened to whole hours.

    Args:
        named: leave out calls without a user.
        whole_hours: rows of an hour may stand for its calls; else each call has a row, with its own time.

    Raises:
        QuestionError: a name is no label, or hours are all that is left.
    """
    condition, parameters = conditions(where or {}, USAGE_LABELS)
    if named:
        condition += " AND user_id != ''"
    tiers = usage_coverage(ask)
    first, last = (width_at(at_ms, 1, tiers) for at_ms in (period.start_ms, period.end_ms))
    if max(first, last) > 1 and not whole_hours:
        raise QuestionError(
            "the calls of that time are no longer kept, but their hours are: ask for a time zone of whole hours"
        )
    start_ms, end_ms = period.start_ms // first * first, -(-period.end_ms // last) * last
    parts: dict[str, list[str]] = {}
    for piece in segments(start_ms, end_ms, tiers if whole_hours else []):
        column = "hour" if piece.tier else "event_time"
        parts.setdefault(piece.tier, []).append(between(piece.start_ms, piece.end_ms, column))
    selects = []
    if spans := parts.get("usage"):
        columns = f"toDateTime64(hour, 3, 'UTC') AS at, {_LABELS}, {', '.join(_SUMS)}"
        selects.append(f"SELECT {columns} FROM usage FINAL WHERE ({' OR '.join(spans)}) AND {condition}")  # noqa: S608 (names of ours)
    if spans := parts.get(""):
        columns = f"event_time AS at, {_LABELS}, {', '.join(f'{made} AS {name}' for name, made in _SUMS.items())}"
        within = f"({' OR '.join(spans)}) AND {condition} AND {NO_STEPS}"
        selects.append(f"SELECT {columns} FROM (SELECT * FROM calls FINAL WHERE {within})")  # noqa: S608 (names of ours)
    return f"({' UNION ALL '.join(selects)})", parameters
