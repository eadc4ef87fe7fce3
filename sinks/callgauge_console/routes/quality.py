"""How good the answers are: scores, drift, and when which rules fired."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from callgauge_console.parts import Given
from callgauge_console.totals import step_s_of
from callgauge_console.web.access import Reader
from callgauge_console.web.filters import Filter
from callgauge_console.web.problems import ProblemError
from callgauge_console.web.span import Span
from callgauge_history.questions.anomalies import anomalies
from callgauge_history.questions.drift import drift_report
from callgauge_history.questions.period import Period
from callgauge_history.questions.score_lines import score_lines
from callgauge_history.questions.scores import scores

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["quality"])


class ScoreView(BaseModel):
    """One score: by name, and by whom it was judged."""

    name: str
    origin: str = Field(description="heuristic, judge, user, business, other; of breaker_open the breaker.")
    count: int
    mean: float
    stddev: float | None
    lowest: float
    highest: float
    p05: float | None
    p50: float | None
    p95: float | None
    lowest_event_id: str = Field(description="The call with the lowest value.")
    times: list[float] = Field(description="Start of each step that has scores, epoch seconds.")
    means: list[float]
    counts: list[int]


class Quality(BaseModel):
    """Scores of a time."""

    step_s: float
    scores: list[ScoreView]


class ChangeView(BaseModel):
    """How one thing differs from the baseline."""

    name: str
    kind: Literal["rate", "distribution"] = Field(description="distribution: before and now are medians.")
    before: float | None
    now: float | None
    counts: tuple[int, int] = Field(description="Calls or scores that each rests on.")
    z: float = Field(description="How many standard deviations chance is away.")
    ks: float | None = Field(description="Kolmogorov-Smirnov distance of the distributions.")
    psi: float | None = Field(description="Population stability index.")
    significant: bool = Field(description="At least 4 standard deviations, and large enough to matter.")


class PeriodView(BaseModel):
    """Half-open, epoch seconds."""

    start: float
    end: float


class Drift(BaseModel):
    """What changed in the answers, the least explained by chance first."""

    baseline: PeriodView
    now: PeriodView
    calls: tuple[int, int] = Field(description="In the baseline, and now.")
    changes: list[ChangeView]


class Fired(BaseModel):
    """Alerts of one rule that fired in one hour."""

    hour: float
    rule: str
    severity: str
    alerts: int
    series: int
    open: int
    example: str


class Anomalies(BaseModel):
    """When which rules fired."""

    fired: list[Fired]


@router.get("/quality")
def get_quality(parts: Given, grant: Reader, span: Span, where: Filter) -> Quality:
    """Every score: how many, mean, spread, percentiles, and its mean over time."""
    ask, asked = parts.ask_of(span.end_s), Period(span.start_ms, span.end_ms)
    step_s = step_s_of(asked, set(where), parts.settings.groupings)
    lines = {(line.name, line.origin): line.points for line in score_lines(ask, asked, step_s * 1_000, where)}
    views = []
    for each in scores(ask, asked, (), where):
        points = lines.get((each.name, each.origin), ())
        times, counts, means = [p[0] / 1e3 for p in points], [p[1] for p in points], [p[2] for p in points]
        known = {name: value for name, value in vars(each).items() if name != "values"}
        views.append(ScoreView(**known, times=times, means=means, counts=counts))
    return Quality(step_s=step_s, scores=views)


@router.get("/drift")
def get_drift(
    parts: Given,
    grant: Reader,
    span: Span,
    where: Filter,
    baseline_from: Annotated[datetime | None, Query(description="By default the same length of time before.")] = None,
    baseline_to: datetime | None = None,
) -> Drift:
    """Compare the answers of this time with a baseline: refusals, length, finish reasons, scores, latency."""
    if (baseline_from is None) != (baseline_to is None):
        raise ProblemError(422, "a baseline has both baseline_from and baseline_to")
    baseline = None
    if baseline_from is not None and baseline_to is not None:
        start_ms, end_ms = (_epoch_ms(at) for at in (baseline_from, baseline_to))
        baseline = Period(start_ms, end_ms)
    now = Period(span.start_ms, span.end_ms)
    found = drift_report(parts.ask_of(span.end_s), now, baseline, where)
    return Drift(
        baseline=PeriodView(start=found.baseline.start_ms / 1e3, end=found.baseline.end_ms / 1e3),
        now=PeriodView(start=found.now.start_ms / 1e3, end=found.now.end_ms / 1e3),
        calls=found.calls,
        changes=[ChangeView(**vars(change)) for change in found.changes],
    )


@router.get("/anomalies")
def get_anomalies(
    parts: Given, grant: Reader, span: Span, rule: Annotated[str, Query(max_length=256)] = ""
) -> Anomalies:
    """Alerts that fired in this time, by hour, rule and severity."""
    if grant.labels:
        raise ProblemError(403, "anomalies are counted over all series; this key sees only some: ask /v1/alerts")
    found = anomalies(parts.store.query, Period(span.start_ms, span.end_ms), rule=rule)
    views = [{**vars(each), "hour": each.hour_ms / 1e3} for each in found]
    return Anomalies(fired=[Fired.model_validate(view) for view in views])


def _epoch_ms(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e3)
