"""What users, services and models used by hour, day or month; and why calls fail."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.filters import UserFilter
from callgauge_console.web.span import Span
from callgauge_history.questions.errors import error_breakdown
from callgauge_history.questions.period import Period
from callgauge_history.questions.usage import usage

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["traffic"])

UsageLabel = Literal["user_id", "service", "environment", "feature", "endpoint", "provider", "model"]


class Used(BaseModel):
    """What was used in one step of time."""

    start: str = Field(
        description="Of the step, in the time zone that was asked for: 2026-01-31; of hours with the time."
    )
    labels: dict[str, str]
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class UsageView(BaseModel):
    """Usage in order of time; steps without calls are left out."""

    step: str
    zone: str
    rows: list[Used]


class ErrorView(BaseModel):
    """Failed calls of one type at one provider."""

    model_config = ConfigDict(from_attributes=True)

    provider: str
    error_type: str
    errors: int
    calls: int = Field(description="All calls at this provider.")
    rate: float


class Errors(BaseModel):
    """Failed calls, the most first."""

    errors: list[ErrorView]


@router.get("/usage")
def get_usage(
    parts: Given,
    grant: Reader,
    span: Span,
    where: UserFilter,
    by: Annotated[list[UsageLabel], Query(max_length=3, description="A row for each value of these too.")] = [],  # noqa: B006
    step: Literal["hour", "day", "month"] = "day",
    zone: Annotated[str, Query(max_length=64, description="Whose days are meant, such as Europe/Berlin.")] = "UTC",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> UsageView:
    """Calls, tokens and cost by day (or hour, month), and by labels."""
    by = list(dict.fromkeys(by))
    asked = Period(span.start_ms, span.end_ms)
    found = usage(parts.ask_of(span.end_s), asked, by, where, step=step, zone=zone, limit=limit)
    rows = [
        Used(
            start=each.start,
            labels=dict(zip(by, each.values, strict=True)),
            calls=each.calls,
            errors=each.errors,
            input_tokens=each.input_tokens,
            output_tokens=each.output_tokens,
            cost_usd=float(each.cost_usd),
        )
        for each in found
    ]
    return UsageView(step=step, zone=zone, rows=rows)


@router.get("/errors")
def get_errors(
    parts: Given,
    grant: Reader,
    span: Span,
    where: UserFilter,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Errors:
    """Why calls fail, and at which provider."""
    found = error_breakdown(parts.ask_of(span.end_s), Period(span.start_ms, span.end_ms), where, limit=limit)
    return Errors(errors=[ErrorView.model_validate(each) for each in found])
