"""POST /v1/feedback and POST /v1/quality: judgements of calls, to the bus. Answered when the broker has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from callgauge.counted import LABELS
from callgauge.encoding import encode
from callgauge.errors import DecodeError
from callgauge.ids import uuid7
from callgauge.judgements import Origin, feedback_scores
from callgauge.mending import mended_score
from callgauge.refs import RefError, read_ref
from callgauge.schema import Score
from callgauge.transport import Outbound
from callgauge_console.parts import Given, Parts
from callgauge_console.web.access import Grant, Writer
from callgauge_console.web.problems import FieldFault, ProblemError

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["judgements"])

_Text = Annotated[str, Field(max_length=256)]


class Judged(BaseModel):
    """Which call is judged: the token `call.ref`, or its ids, service and labels."""

    ref: str = Field(default="", max_length=20_000, description="`call.ref` of the SDK.")
    event_id: str = Field(default="", max_length=64)
    trace_id: _Text = ""
    service: _Text = Field(default="", description="Needed where no ref is given.")
    labels: dict[_Text, _Text] = Field(default={}, max_length=len(LABELS), description="Of the call.")
    comment: str = Field(default="", max_length=1_024)

    def fields(self, place: str) -> dict[str, Any]:
        """The fields of a score that say which call it is of.

        Raises:
            ProblemError: the token is none, or there is no service.
        """
        given: dict[str, Any] = {"comment": self.comment, "labels": self.labels}
        given |= {"event_id": self.event_id, "trace_id": self.trace_id, "service": self.service}
        if self.ref:
            try:
                ref = read_ref(self.ref)
            except RefError as error:
                raise _wrong(f"{place}ref", f"{error}; give event_id, service and labels instead") from None
            known = {"event_id": ref.event_id, "trace_id": ref.trace_id, "service": ref.service}
            given |= known | {"labels": {**ref.labels, **self.labels}}
        if not given["service"]:
            raise _wrong(f"{place}service", "missing: name the service of the call, or give its ref")
        return given


class Feedback(Judged):
    """What a user says of an answer: thumbs, rating, or both."""

    thumbs: bool | None = Field(default=None, description="true: up.")
    rating: float | None = Field(default=None, ge=-1e6, le=1e6)

    @model_validator(mode="after")
    def _says_something(self) -> Feedback:
        if self.thumbs is None and self.rating is None:
            raise ValueError("give thumbs, rating, or both")
        return self


class NewScore(Judged):
    """One judgement."""

    name: str = Field(min_length=1, max_length=128, description="What was judged.")
    value: float = Field(ge=-1e6, le=1e6)
    origin: Origin = Field(default="other", description="Who judged.")
    ts: float | None = Field(default=None, ge=0, le=4_102_444_800, description="When, epoch seconds; by default now.")
    score_id: str = Field(
        default="", max_length=64, description="Its own id: sent again, it counts once. By default a new one."
    )


class Scores(BaseModel):
    """Judgements."""

    scores: list[NewScore] = Field(min_length=1, max_length=1_000)


class Taken(BaseModel):
    """The broker has them."""

    score_ids: list[str]


@router.post("/feedback")
def feedback(parts: Given, grant: Writer, given: Feedback) -> Taken:
    """Send what a user says of an answer, as scores named thumbs and rating."""
    said = feedback_scores(given.thumbs, given.rating)
    about = given.fields("")
    scores = [about | {"name": name, "value": value, "origin": "user"} for name, value in said]
    return _send(parts, grant, scores)


@router.post("/quality")
def scores(parts: Given, grant: Writer, given: Scores) -> Taken:
    """Send judgements; they count in the windows of their call's series."""
    fields = []
    for number, each in enumerate(given.scores):
        own: dict[str, Any] = {"name": each.name, "value": each.value, "origin": each.origin, "ts": each.ts}
        fields.append(each.fields(f"scores.{number}.") | own | ({"score_id": each.score_id} if each.score_id else {}))
    return _send(parts, grant, fields)


def _send(parts: Parts, grant: Grant, given: list[dict[str, Any]]) -> Taken:
    now = parts.now()
    made = []
    for number, fields in enumerate(given):
        if not grant.sees({**fields["labels"], "service": fields["service"]}):
            raise ProblemError(403, f"this key may not speak for {fields['service']!r}")
        try:
            made.append(_score(parts, fields, now))
        except DecodeError as error:
            raise _wrong(f"scores.{number}.{error.field}", error.reason) from None
    parts.scores.publish([_message(score) for score in made])
    return Taken(score_ids=[score.score_id for score in made])


def _score(parts: Parts, fields: Mapping[str, Any], now: float) -> Score:
    own = {"score_id": uuid7(now), **fields, "ts": fields.get("ts") or now}
    return Score(**mended_score(Score, parts.redact(own)))


def _message(score: Score) -> Outbound:
    return Outbound("scores", (score.trace_id or score.score_id).encode(), encode(score))


def _wrong(where: str, why: str) -> ProblemError:
    return ProblemError(422, f"{where}: {why}", errors=[FieldFault(where=where, why=why)])
