"""From an alert's state to the message on the alerts topic, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callgauge.durations import written
from callgauge.schema import Alert, AlertState
from callgauge.texts import repaired
from callgauge_rules.aggregates import Aggregate
from callgauge_rules.alert_ids import alert_id_of, fingerprint_of
from callgauge_rules.bound import BoundCondition, BoundRule, rank_of
from callgauge_rules.lifecycle import State, Timing, held_until_ms
from callgauge_windows.totals import Totals

__all__ = ["COMPOSITE", "Shown", "alert_of", "ended", "formatted", "state_of"]

_WORDS = {"gt": "above", "ge": "at or above", "lt": "below", "le": "at or below", "eq": "equal to", "ne": "not"}


#: The detector of a rule with several conditions.
COMPOSITE = "composite"


@dataclass(frozen=True)
class Shown:
    """What an alert tells besides its value.

    Attributes:
        condition: the one that is told of.
        reason, baseline, score: what its detector says.
        points, event_ids, heard, held: as in `Alert`.
    """

    condition: BoundCondition | None = None
    reason: str = ""
    baseline: float | None = None
    score: float | None = None
    points: tuple[tuple[float, float], ...] = ()
    event_ids: tuple[str, ...] = ()
    heard: float = 1.0
    held: tuple[str, ...] = ()


def alert_of(
    rule: BoundRule,
    labels: dict[str, str],
    state: State,
    value: float | None,
    totals: Totals,
    *,
    reason: str = "",
    log: str = "",
    shows: Shown = Shown(),
) -> Alert:
    """The transition into `state`.

    Every text is repaired (callgauge.texts), so the alert can be encoded whatever labels and rules hold. The
    fingerprint is that of the labels as they came.

    Args:
        reason: what else than the plain comparison caused it, such as a late row.
        shows: what else is known; by default that of the rule's first condition.
    """
    fingerprint = fingerprint_of(rule.rule.name, labels)
    phase: AlertState = "resolved" if state.phase == "inactive" else state.phase
    told = shows.condition or rule.main
    n = told.n_of(totals)
    measured = totals.measures.get(told.aggregate.measure)
    event_id = measured.max_event_id if measured else ""
    return Alert(
        alert_id=alert_id_of(fingerprint, state.starts_at_ms),
        fingerprint=fingerprint,
        seq=state.seq,
        state=phase,
        rule=repaired(rule.rule.name),
        severity=rule.severity_at(state.rank),
        labels={repaired(label): repaired(name) for label, name in labels.items()},
        starts_at=state.starts_at_ms / 1000,
        at=state.at_ms / 1000,
        fired_at=_seconds(state.fired_at_ms),
        last_fired_at=_seconds(state.last_fired_at_ms),
        ends_at=state.at_ms / 1000 if phase == "resolved" else None,
        aggregate=repaired(told.judged.aggregate),
        lookback_s=told.lookback_ms / 1000,
        op=told.judged.op if not told.learns else "",
        threshold=told.limit_at(state.rank) if not told.learns else told.least_score,
        value=value,
        n=n,
        summary=repaired(_summary(rule, told, labels, value, n, state.rank)),
        reason=repaired(_reason(rule, told, phase, state, n, reason or (shows.reason if phase != "resolved" else ""))),
        event_id=repaired(event_id),
        runbook=repaired(rule.rule.runbook),
        detector=COMPOSITE if rule.composite else told.kind.name,
        baseline=shows.baseline,
        score=shows.score,
        points=[list(point) for point in shows.points],
        event_ids=[repaired(each) for each in (shows.event_ids or ((event_id,) if event_id else ()))],
        heard=shows.heard,
        held=[repaired(name) for name in shows.held],
        flapping=state.flapping,
        changed_at=[each / 1000 for each in state.changes_ms],
        provider=repaired(labels.get("provider", "")),
        service=repaired(labels.get("service", "")),
        role=rule.rule.role,
        log=repaired(log),
        offset=state.offset,
    )


def ended(alert: Alert, at_ms: int, offset: int, reason: str) -> Alert:
    """The transition to resolved of an alert that no rule judges any more."""
    at = at_ms / 1000
    changes: dict[str, Any] = {
        "state": "resolved",
        "seq": alert.seq + 1,
        "at": at,
        "ends_at": at,
        "value": None,
        "n": 0,
    }
    changes |= {"event_id": "", "event_ids": [], "points": [], "score": None, "held": [], "flapping": False}
    return alert.model_copy(update=changes | {"reason": repaired(reason), "offset": offset})


def state_of(alert: Alert, log: str) -> State:
    """The alert's state after a transition that was read back. `log` is the log that is read now; the offset of a
    transition is ignored if it belongs to another log."""
    return State(
        phase="inactive" if alert.state == "resolved" else "pending" if alert.state == "pending" else "firing",
        at_ms=round(alert.at * 1000),
        starts_at_ms=round(alert.starts_at * 1000),
        seq=alert.seq,
        fired_at_ms=_milliseconds(alert.fired_at),
        last_fired_at_ms=_milliseconds(alert.last_fired_at),
        last_true_ms=0 if alert.state == "resolved" else round(alert.at * 1000),
        rank=rank_of(alert.severity),
        changes_ms=tuple(round(each * 1000) for each in alert.changed_at),
        flapping=alert.flapping,
        offset=alert.offset if alert.log == repaired(log) else -1,
    )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _summary(
    rule: BoundRule, told: BoundCondition, labels: Mapping[str, str], value: float | None, n: int, rank: int
) -> str:
    """One line: what, where, how much, compared with what."""
    where = ", ".join(f"{label}={name}" for label, name in labels.items()) or "all calls"
    measured = "nothing to judge" if value is None else formatted(value, told.aggregate)
    if told.learns:
        limit = f"{told.kind.name} says so"
    else:
        limit = f"{_WORDS[told.judged.op]} {formatted(told.limit_at(rank), told.aggregate)}"
    what = "score" if told.aggregate.of_scores else "call"
    counted = f"{n:,} {what}{'' if n == 1 else 's'}"
    head = f"{rule.rule.summary}: " if rule.rule.summary else ""
    if rule.composite:
        limit = f"{limit}, and {rule.needs} of {len(rule.conditions)} conditions hold"
    shown = f"{told.judged.aggregate} of {where} over {written(told.lookback_ms)}"
    return f"{head}{shown} is {measured} ({counted}; alert when {limit})"


def formatted(value: float, aggregate: Aggregate) -> str:
    """A value with its unit, for people."""
    match aggregate.unit:
        case "%":
            return f"{value * 100:.3g} %"
        case "$":
            return f"${value:,.4g}"
        case "ms" if value >= 1000:
            return f"{value / 1000:,.3g} s"
        case unit:
            return f"{value:,.4g} {unit}".strip()


def _reason(rule: BoundRule, told: BoundCondition, phase: AlertState, state: State, n: int, given: str) -> str:
    """Why this transition, where the plain comparison does not say it."""
    until_ms = held_until_ms(state, Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown))
    if phase == "pending" and until_ms is not None:
        held = f"held back by its cooldown until {_utc(until_ms)}"
        return f"{given}; {held}" if given else held
    if phase == "firing" and state.flapping:
        flaps = f"it has fired or ended {len(state.changes_ms)} times within an hour: kept firing until it is quiet"
        return f"{given}; {flaps}" if given else flaps
    if given or phase != "resolved":
        return given
    if state.fired_at_ms is None:
        lasted_ms = state.at_ms - rule.step_ms - state.starts_at_ms  # up to the window before this one
        if until_ms is not None and lasted_ms >= rule.rule.for_:
            return f"ended while it was held back by its cooldown until {_utc(until_ms)}"
        return f"ended before it had held for {written(rule.rule.for_)}"
    what = "scores" if told.aggregate.of_scores else "calls"
    return f"fewer than {told.min_count} {what} to judge" if n < told.min_count else ""


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
