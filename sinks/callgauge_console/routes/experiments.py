"""Experiments: two variants beside each other; and marks of changes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.filters import Filter
from callgauge_console.web.problems import ProblemError
from callgauge_console.web.span import Span
from callgauge_history.comparing.selection import Selection
from callgauge_history.experiments.decision import LEAST
from callgauge_history.experiments.experiment import Wanted, experiment
from callgauge_history.marks.stored import stored_marks

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["experiments"])

_Value = Annotated[str, Query(max_length=256)]


class _Of(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ComparisonView(_Of):
    """B against A: Mann-Whitney U."""

    p: float = Field(description="Two-sided.")
    delta: float = Field(description="Cliff's delta, with its interval.")
    delta_low: float
    delta_high: float
    shift: float = Field(description="Hodges-Lehmann, in the unit of the values, with its interval.")
    shift_low: float
    shift_high: float


class JudgementView(_Of):
    """What can be said of a score."""

    outcome: Literal["too_few", "bad_ratio", "better", "worse", "no_difference"] = Field(description="Of B.")
    n_a: int
    n_b: int
    missing_a: int = Field(description="Scores that are missing until something is said.")
    missing_b: int
    ratio_p: float = Field(description="How well the sizes of the groups fit the split.")
    comparison: ComparisonView | None
    sequence_low: float | None = Field(description="Of Cliff's delta, valid at every look.")
    sequence_high: float | None


class ScoreResultView(_Of):
    """One score of both variants."""

    name: str
    mean_a: float | None
    mean_b: float | None
    judgement: JudgementView


class ShareView(_Of):
    """The shares of calls that failed."""

    share_a: float
    share_b: float
    difference: float
    low: float
    high: float
    p: float


class BesideView(_Of):
    """Another number of the calls."""

    name: str
    unit: str
    mean_a: float
    mean_b: float
    comparison: ComparisonView


class ExperimentView(_Of):
    """What an experiment says by now."""

    calls_a: int
    calls_b: int
    scores: list[ScoreResultView]
    errors: ShareView | None
    beside: list[BesideView]


class MarkView(BaseModel):
    """A mark of a change."""

    mark_id: str
    at: float
    text: str
    service: str = Field(description="Empty: it concerns all.")
    labels: dict[str, str]
    author: str
    url: str


class Marks(BaseModel):
    """The marks of a time, the newest first."""

    marks: list[MarkView]


@router.get("/experiments")
def one_experiment(
    parts: Given,
    grant: Reader,
    span: Span,
    where: Filter,
    a: _Value,
    b: _Value,
    label: Literal["variant", "prompt_version", "model", "response_model", "feature"] = "variant",
    score: Annotated[list[Annotated[str, Query(max_length=128)]], Query(max_length=10)] = [],  # noqa: B006
    lower_is_better: bool = False,
    origin: Annotated[str, Query(max_length=32, description="Who judged; empty: all.")] = "",
) -> ExperimentView:
    """Compare B with A: scores, and errors, cost and latency beside them."""
    if any(len(values) > 1 for values in where.values()):
        raise ProblemError(422, "an experiment takes one value of a label, not several")
    chosen = Selection(span.start_ms, span.end_ms, {name: values[0] for name, values in where.items()})
    better = dict.fromkeys(score, not lower_is_better)
    found = experiment(parts.store.query, Wanted(a, b, better, chosen, origin, label, LEAST))
    return ExperimentView.model_validate(found)


@router.get("/marks")
def marks(
    parts: Given, grant: Reader, span: Span, service: Annotated[str | None, Query(max_length=256)] = None
) -> Marks:
    """Deploys and other changes that somebody marked; of a service also those that concern all."""
    found = stored_marks(parts.store.query, span.start_ms, span.end_ms, service)
    views = [
        MarkView(
            mark_id=mark.mark_id,
            at=mark.at_ms / 1e3,
            text=mark.text,
            service=mark.service,
            labels=dict(mark.labels),
            author=mark.author,
            url=mark.url,
        )
        for mark in found
        if not mark.service or grant.sees({**mark.labels, "service": mark.service}) or not grant.labels
    ]
    return Marks(marks=views)
