"""GET /v1/completeness: whether everything that was produced is counted and stored."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.problems import ProblemError
from callgauge_sinks.completeness.check import check

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["pipeline"])


class SourceHour(BaseModel):
    """The counts of one source, over blocks that began in one hour."""

    source: str = Field(description="Cluster id / topic id / partition.")
    hour: str | None
    holds: Literal["calls", "scores"]
    state: str = Field(description="ok, open, not compared, gap.")
    records: int
    counted: int
    duplicates: int
    differing: int
    dead: int
    late: int
    folded: int
    clamped: int
    lost: int
    stored: int | None = Field(description="null: no sink stores the source.")
    letters: int | None
    blocks: int
    open: int
    not_compared: int


class Gap(BaseModel):
    """Something that is missing or wrong."""

    source: str
    hour: str | None
    kind: str
    message: str


class Completeness(BaseModel):
    """The verdict and what it rests on."""

    status: Literal["exact", "on its way", "missing"]
    verdict: str
    complete: bool
    since: str
    to_come: int = Field(description="Offsets that only one of rollup and the sink has reached so far.")
    totals: dict[str, int]
    hours: list[SourceHour]
    gaps: list[Gap]
    pending: list[str]
    notes: list[str]


@router.get("/completeness")
def completeness(
    parts: Given,
    grant: Reader,
    hours: Annotated[float, Query(ge=0, le=9_600, description="How far to look back from now.")] = 24.0,
) -> Completeness:
    """Compare, to the record, what was read, counted and stored."""
    if grant.labels:
        raise ProblemError(403, "completeness is about all services together; this key sees only some")
    report = check(parts.store.query, hours=hours, clock=parts.now)
    return Completeness.model_validate(report.as_json())
