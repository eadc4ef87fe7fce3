"""Silences: while one is in force, nobody is told of the alerts that match it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from callgauge.ids import uuid7
from callgauge.schema import AlertAction
from callgauge_actions.asked import ask_silence, ask_unsilence, hidden_now
from callgauge_console.parts import Given
from callgauge_console.routes.alerts import Act, Done, asker, done
from callgauge_console.web.access import Grant, Reader, Writer
from callgauge_console.web.problems import ProblemError
from callgauge_rules.matchers import matcher_of
from callgauge_rules.silences import LONGEST_S

__all__ = ["router"]

router = APIRouter(prefix="/v1/silences", tags=["alerts"])


class SilenceView(BaseModel):
    """One silence."""

    silence_id: str
    matchers: list[str] = Field(description="All must hold.")
    who: str
    why: str
    starts_at: float
    ends_at: float
    in_force: bool
    hides: int = Field(description="Active alerts that it hides now.")


class Silences(BaseModel):
    """Silences, those that end last first."""

    silences: list[SilenceView]


class NewSilence(Act):
    """What to silence, and for how long."""

    conditions: list[Annotated[str, Field(max_length=600)]] = Field(
        min_length=1, max_length=50, description="All must hold, such as service=chat, model=~gpt-.*, severity>=error."
    )
    for_s: float = Field(gt=0, le=LONGEST_S, description="How long, in seconds; at most 28 days.")


class Silenced(Done):
    """The silence that was made."""

    silence_id: str
    hides: int = Field(description="Active alerts that it hides now.")


@router.get("")
def list_silences(parts: Given, grant: Reader) -> Silences:
    """All that are in force or to come."""
    now = parts.now()
    with parts.desk().book() as book:
        found = [each for each in book.actions.silences() if each.ends_at > now and _may(grant, each.made.matchers)]
        views = [
            SilenceView(
                silence_id=each.id,
                matchers=each.made.matchers,
                who=each.made.who,
                why=each.made.why,
                starts_at=each.made.starts_at,
                ends_at=each.ends_at,
                in_force=each.in_force(now),
                hides=len(hidden_now(book, each, now)),
            )
            for each in found
        ]
    return Silences(silences=views)


@router.post("")
def silence(parts: Given, grant: Writer, new: NewSilence) -> Silenced:
    """Silence all alerts that fulfil the conditions. What then still fires is told when the silence ends."""
    now = parts.now()
    action = ask_silence(new.conditions, new.for_s, asker(grant, new), now, uuid7(now))
    if not _may(grant, action.matchers):
        needs = ", ".join(f"{label}={'|'.join(values)}" for label, values in grant.labels.items())
        raise ProblemError(403, f"this key may only silence alerts of {needs}: name one value of each label")
    desk = parts.desk()
    made = desk.do(lambda book: action)
    assert isinstance(made, AlertAction)  # noqa: S101 - it was made here
    with desk.book() as book:
        hides = len(hidden_now(book, made, now))
    return Silenced(**done(made).model_dump(), silence_id=made.silence_id, hides=hides)


@router.post("/{silence_id}/end")
def end_silence(
    parts: Given,
    grant: Writer,
    silence_id: Annotated[str, Path(description="Or its beginning.", max_length=64)],
    act: Act,
) -> Done:
    """End a silence before its time: what it hid and still fires is told."""
    desk, now = parts.desk(), parts.now()
    with desk.book() as book:
        known = [each for each in book.actions.silences() if each.id.startswith(silence_id)]
    if not any(_may(grant, each.made.matchers) for each in known):
        raise ProblemError(404, f"there is no silence {silence_id!r}; GET /v1/silences lists them")
    return done(desk.do(lambda book: ask_unsilence(book, silence_id, asker(grant, act), now, uuid7(now))))


def _may(grant: Grant, conditions: list[str]) -> bool:
    """Whether the conditions ask for values that the grant's holder may see, of each label that it is limited in."""
    asked = {}
    for text in conditions:
        try:
            matcher = matcher_of(text)
        except ValueError:  # a newer version may have written it
            continue
        if matcher.op == "=":
            asked[matcher.label] = matcher.value
    return grant.sees(asked)
