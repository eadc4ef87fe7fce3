"""Alerts: what is active, what was, and what people do with them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from callgauge.ids import uuid7
from callgauge.schema import Alert, AlertAction, Severity
from callgauge_actions.asked import Already, Asker, ask_on_alert
from callgauge_console.parts import Given, Parts
from callgauge_console.web.access import Grant, Reader, Writer
from callgauge_console.web.problems import ProblemError
from callgauge_console.web.span import Span
from callgauge_history.stored_alerts import stored_episodes, stored_transitions
from callgauge_rules.shown import Shown, ShownState

__all__ = ["Act", "Done", "asker", "done", "router"]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

_Id = Annotated[str, Path(description="Its alert_id or fingerprint, or the beginning of one.", max_length=64)]


class SilencedBy(BaseModel):
    """The silence that an alert matches."""

    silence_id: str
    ends_at: float


class ShownAlert(Alert):
    """An alert as detect decided, and as people see it."""

    shown: ShownState
    acknowledged: AlertAction | None = None
    resolved_by_hand: AlertAction | None = None
    processes_found: AlertAction | None = Field(
        default=None, description="Whether the processes of the service whose calls are missing live, by heartbeats."
    )
    silence: SilencedBy | None = None

    @classmethod
    def of(cls, alert: Alert, seen: Shown) -> Self:
        """Put together."""
        by = seen.silence
        silence = None if by is None else SilencedBy(silence_id=by.id, ends_at=by.ends_at)
        more: dict[str, Any] = {"acknowledged": seen.acknowledged, "resolved_by_hand": seen.resolved}
        more["processes_found"] = seen.processes
        return cls(**alert.model_dump(), shown=seen.state, silence=silence, **more)


class Alerts(BaseModel):
    """Alerts, the newest first."""

    alerts: list[ShownAlert]


class AlertStory(BaseModel):
    """One episode of an alert: as it is now, and each of its transitions."""

    alert: ShownAlert
    transitions: list[Alert]


class Act(BaseModel):
    """What somebody does, and why."""

    why: str = Field(default="", max_length=1_000, description="What others should know.")
    who: str = Field(default="", max_length=256, description="Who does it; the key's name is told as well.")


class Done(BaseModel):
    """What became of it."""

    written: bool = Field(description="False: it was done before, and nothing was written.")
    told: str
    action: AlertAction | None = None


@router.get("")
def list_alerts(
    parts: Given,
    grant: Reader,
    span: Span,
    state: Annotated[
        Literal["active", "history", "during"],
        Query(
            description="active: those that are not over, whatever the time; history: those that fired and began in "
            "this time; during: those that fired and were on at some moment of it, also if they began before."
        ),
    ] = "active",
    severity: Severity | None = None,
    rule: Annotated[str, Query(max_length=256)] = "",
) -> Alerts:
    """Active alerts, or those that fired in this time."""
    if state == "active":
        with parts.desk().book() as book:
            found = book.active(parts.now())
    else:
        during = state == "during"
        found = stored_episodes(parts.store.query, span.start_s, parts.now(), until=span.end_s, during=during)
    kept = [
        ShownAlert.of(alert, seen)
        for alert, seen in found
        if grant.sees(alert.labels) and severity in (None, alert.severity) and rule in ("", alert.rule)
    ]
    return Alerts(alerts=kept)


@router.get("/{alert}")
def one_alert(parts: Given, grant: Reader, alert: _Id) -> AlertStory:
    """One episode, with its evidence as long as the bus keeps it (30 days)."""
    now = parts.now()
    with parts.desk().book() as book:
        named = [each for each in book.named(alert) if grant.sees(each.labels)]
        live = (named[0], book.shown(named[0], now)) if len(named) == 1 else None
    told = stored_transitions(parts.store.query, live[0].alert_id if live else alert, now)
    if live is None and (not told or not grant.sees(told[-1][0].labels)):
        raise ProblemError(404, f"there is no alert {alert!r}, or more than one begins so")
    last, seen = live if live is not None else told[-1]
    return AlertStory(alert=ShownAlert.of(last, seen), transitions=[each for each, _ in told] or [last])


@router.post("/{alert}/acknowledge")
def acknowledge(parts: Given, grant: Writer, alert: _Id, act: Act) -> Done:
    """Nobody is told of it again while this episode lasts, and others see who takes care."""
    return _act(parts, grant, "acknowledge", alert, act)


@router.post("/{alert}/resolve")
def resolve(parts: Given, grant: Writer, alert: _Id, act: Act) -> Done:
    """Everybody is told that it is over; the episode stays hidden until it ends."""
    return _act(parts, grant, "resolve", alert, act)


def _act(parts: Parts, grant: Grant, what: Literal["acknowledge", "resolve"], alert: str, act: Act) -> Done:
    desk, now = parts.desk(), parts.now()
    with desk.book() as book:
        if not any(grant.sees(each.labels) for each in book.named(alert)):
            raise ProblemError(404, f"there is no alert {alert!r}; GET /v1/alerts lists the active ones")
    by = asker(grant, act)
    return done(desk.do(lambda book: ask_on_alert(book, what, alert, by, now, uuid7(now))))


def asker(grant: Grant, act: Act) -> Asker:
    """Who acts: whoever they say they are, and whose key they have."""
    who = f"{act.who} ({grant.name})" if act.who and grant.name else act.who or grant.name or "somebody"
    return Asker(who, "api", act.why)


def done(action: AlertAction | Already) -> Done:
    """The answer to whoever acted."""
    if isinstance(action, Already):
        return Done(written=False, told=action.told)
    return Done(written=True, told=f"{action.action}: written, by {action.who}", action=action)
