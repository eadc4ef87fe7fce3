"""What the calls do: figures of a time, numbers over time, and who is behind them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from callgauge.counted import LABELS
from callgauge_console.parts import Given, Parts
from callgauge_console.totals import STEPS_S, Totals, step_s_of
from callgauge_console.web.access import Reader
from callgauge_console.web.filters import UserFilter
from callgauge_console.web.span import Span
from callgauge_history.questions.labels import check_labels
from callgauge_history.questions.lines import Line, lines
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import MEASURES_OVER_TIME
from callgauge_history.questions.summary import LabelledNumbers, summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.store import Ask

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["traffic"])

_DAY_MS = 86_400_000
#: So long after the newest call its step may still grow.
_SETTLED_MS = 15_000.0
#: What a chart shows if nothing else is asked for.
_USUAL = (
    *("calls", "errors", "error_rate", "cancelled", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms"),
    *("ttft_p50_ms", "ttft_p95_ms", "input_tokens", "output_tokens", "cost_usd"),
)
Measure = Literal[MEASURES_OVER_TIME]  # type: ignore[valid-type]  # the names of a table
Order = Literal["calls", "cost", "tokens", "errors"]
GroupLabel = Literal["service", "model", "feature", "provider", "environment", "prompt_version", "variant", "user_id"]


class Summary(BaseModel):
    """The figures of a time, and of the same time a day before."""

    start: float = Field(description="Whole windows were counted, from here ...")
    end: float = Field(description="... up to here; epoch seconds.")
    now: Totals
    before: Totals
    newest: float | None = Field(description="End of the newest call that is stored, of any service; null: none is.")


class OneSeries(BaseModel):
    """One line, or several about the same calls."""

    labels: dict[str, str]
    calls: int
    values: dict[str, list[float | None]] = Field(description="Measure -> a number for each time.")


class Series(BaseModel):
    """Numbers over time."""

    step_s: float
    times: list[float] = Field(description="Start of each step, epoch seconds.")
    series: list[OneSeries]


class Group(BaseModel):
    """The calls with one value of the label."""

    value: str
    totals: Totals
    course: list[float | None] = Field(description="Calls in each step of the time that has ended.")


class Breakdown(BaseModel):
    """The values of a label that have the most of something."""

    by: str
    step_s: float
    rows: list[Group]
    more: bool = Field(description="Whether there are further values.")


@router.get("/summary")
def get_summary(parts: Given, grant: Reader, span: Span, where: UserFilter) -> Summary:
    """How much, how slow, how dear, how many errors; and a day before."""
    asked = Period(span.start_ms, span.end_ms)
    now = summary(parts.ask_of(span.end_s), asked, where)
    day_before = Period(now.period.start_ms - _DAY_MS, now.period.end_ms - _DAY_MS)
    before = summary(parts.ask_of(day_before.end_ms / 1e3), day_before, where)
    newest_ms = _newest_ms(parts)
    return Summary(
        start=now.period.start_ms / 1e3,
        end=now.period.end_ms / 1e3,
        now=Totals.of(now.numbers, now.period),
        before=Totals.of(before.numbers, before.period),
        newest=newest_ms / 1e3 if newest_ms else None,
    )


@router.get("/metrics")
def get_metrics(
    parts: Given,
    grant: Reader,
    span: Span,
    where: UserFilter,
    measure: Annotated[list[Measure], Query(max_length=30, description="By default those of the overview.")] = [],  # noqa: B006
    by: Annotated[list[GroupLabel], Query(max_length=3, description="A line for each value.")] = [],  # noqa: B006
    step: Annotated[int | None, Query(ge=1, le=604_800, description="Seconds; by default what fits a chart.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Series:
    """Numbers over time, by labels."""
    asked = Period(span.start_ms, span.end_ms)
    step_s = step or step_s_of(asked, {*where, *by}, parts.settings.groupings)
    measures = list(dict.fromkeys(measure)) or list(_USUAL)
    ask = parts.ask_of(span.end_s)
    found = lines(ask, asked, measures, step_s * 1_000, by, where, stored_until_ms=_newest_ms(parts), limit=limit)
    names = check_labels(by, (*LABELS, "user_id"))
    return Series(
        step_s=step_s,
        times=[at / 1e3 for at in found.starts_ms],
        series=[_one(names, line) for line in found.lines],
    )


@router.get("/breakdown")
def get_breakdown(
    parts: Given,
    grant: Reader,
    span: Span,
    where: UserFilter,
    by: GroupLabel = "service",
    top_by: Annotated[Order, Query(alias="top", description="Which values are told.")] = "calls",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Breakdown:
    """The values of a label with the most calls (or cost, ...), each with its figures and its calls over time."""
    ask = parts.ask_of(span.end_s)
    asked = Period(span.start_ms, span.end_ms)
    step_s = _coarse(asked, {*where, by}, parts.settings.groupings)
    figures = _most(ask, asked, by, where, top_by, limit + 1)
    more, figures = len(figures) > limit, figures[:limit]
    if not figures:
        return Breakdown(by=by, step_s=step_s, rows=[], more=False)
    of_them = {**where, by: [each.values[0] for each in figures]}
    until_ms = _newest_ms(parts)
    course = lines(ask, asked, ["calls"], step_s * 1_000, [by], of_them, stored_until_ms=until_ms, limit=limit)
    # A step that calls still come into says too little.
    whole_ms = until_ms if until_ms > parts.now() * 1e3 - _SETTLED_MS else parts.now() * 1e3
    steps = [start for start in course.starts_ms if start + course.step_ms <= whole_ms]
    courses = {line.values[0]: line.numbers["calls"][: len(steps)] for line in course.lines}
    none: list[float | None] = [0.0 if start < until_ms else None for start in steps]
    rows = [
        Group(value=each.values[0], totals=Totals.of(each, asked), course=courses.get(each.values[0], none))
        for each in figures
    ]
    return Breakdown(by=by, step_s=step_s, rows=rows, more=more)


def _most(
    ask: Ask, asked: Period, by: str, where: dict[str, list[str]], order: Order, limit: int
) -> list[LabelledNumbers]:
    """The values with the most of something, and their numbers."""
    if by != "user_id" and order == "calls":
        return summary_by(ask, asked, [by], where, limit=limit)  # in this order by itself
    ranked = [each.value for each in top(ask, asked, by, where, order=order, limit=limit)]
    if not ranked:
        return []
    known = {each.values[0]: each for each in summary_by(ask, asked, [by], {**where, by: ranked}, limit=limit)}
    return [known[value] for value in ranked if value in known]


def _coarse(asked: Period, labels: set[str], groupings: str) -> int:
    """Steps of a line in a table, which has room for some forty."""
    least = max(60, step_s_of(asked, labels, groupings))
    wide = asked.length_ms / 1e3 / 45
    return next((step for step in STEPS_S if step >= max(least, wide)), STEPS_S[-1])


def _newest_ms(parts: Parts) -> int:
    """Until when calls are stored, epoch ms of event time; 0: none is. It is read from the parts' metadata."""
    [[newest]] = parts.ask_of(parts.now())("SELECT toUnixTimestamp64Milli(max(event_time)) FROM calls").rows
    return int(newest)


def _one(names: tuple[str, ...], line: Line) -> OneSeries:
    return OneSeries(labels=dict(zip(names, line.values, strict=True)), calls=line.calls, values=line.numbers)
