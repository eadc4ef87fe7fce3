"""GET /v1/pipeline: how far everything is: lag of each group, what is stored, what was lost and why."""

from __future__ import annotations

from typing import TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.problems import ProblemError

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["pipeline"])

T = TypeVar("T", bound=BaseModel)

#: Of each table: the newest event time that is stored, and how many rows. From the parts' metadata: nothing is read.
_STORED = """
SELECT 'calls' AS name, toFloat64(max(event_time)) AS newest, count() AS rows FROM calls
UNION ALL SELECT 'windows', toFloat64(max(addMilliseconds(window_start, window_ms))), count() FROM windows
UNION ALL SELECT 'scores', toFloat64(max(ts)), count() FROM scores
UNION ALL SELECT 'alerts', toFloat64(max(at)), count() FROM alerts
"""
_DEAD = """
SELECT topic, field, reason, count() AS letters, toFloat64(max(ts)) AS newest
FROM dead_letters FINAL GROUP BY topic, field, reason ORDER BY letters DESC LIMIT 100
"""
_SERVICES = """
SELECT service, alive, silent, ended, toFloat64(last_heard), emitted, delivered, dropped, invalid, failed, on_disk
FROM services ORDER BY service LIMIT 1000
"""
_MENDED = """
SELECT topic, service, field, mended, events FROM mended_fields ORDER BY events DESC LIMIT 100
"""


class GroupLag(BaseModel):
    """One consumer group in one partition."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int | None = Field(description="Records after what is committed; null: nothing is committed.")
    unprocessed: int | None = Field(
        description="Records that the worker is not done with; null: not known here (Prometheus asks the workers)."
    )


class Stored(BaseModel):
    """One table."""

    name: str
    newest: float | None = Field(description="Event time of what is newest, epoch seconds.")
    rows: int = Field(description="Rows as they lie there; some may be stored twice until they are merged.")


class DeadLetters(BaseModel):
    """What could not be read, for one reason."""

    topic: str
    field: str
    reason: str
    letters: int
    newest: float


class Emitter(BaseModel):
    """A service, by the heartbeats of its processes in the last week."""

    service: str
    alive: int
    silent: int
    ended: int
    last_heard: float
    emitted: int
    delivered: int
    dropped: int = Field(description="Not taken, the queue was full: lost.")
    invalid: int
    failed: int = Field(description="The broker never got them: lost.")
    on_disk: int


class MendedField(BaseModel):
    """A field that was mended in a service's events."""

    topic: str
    service: str
    field: str
    mended: str
    events: int


class PipelineState(BaseModel):
    """See above."""

    asked_at: float = Field(description="When the bus was asked for lags; 0: not yet.")
    problem: str = Field(description="Why the bus could not be asked; empty if it could.")
    lags: list[GroupLag]
    stored: list[Stored]
    dead: list[DeadLetters]
    emitters: list[Emitter]
    mended: list[MendedField]


@router.get("/pipeline")
def pipeline(parts: Given, grant: Reader) -> PipelineState:
    """Lag, watermarks of what is stored, lost calls, dead letters, and what was mended."""
    if grant.labels:
        raise ProblemError(403, "the pipeline is about all services together; this key sees only some")
    heard, ask = parts.pipeline.heard, parts.store.query
    return PipelineState(
        asked_at=heard.at,
        problem=heard.problem,
        lags=[GroupLag.model_validate(each, from_attributes=True) for each in heard.lags],
        stored=[Stored(name=name, newest=newest or None, rows=rows) for name, newest, rows in ask(_STORED).rows],
        dead=[_named(DeadLetters, row) for row in ask(_DEAD).rows],
        emitters=[_named(Emitter, row) for row in ask(_SERVICES).rows],
        mended=[_named(MendedField, row) for row in ask(_MENDED).rows],
    )


def _named(kind: type[T], row: list[object]) -> T:
    return kind.model_validate(dict(zip(kind.model_fields, row, strict=True)))
