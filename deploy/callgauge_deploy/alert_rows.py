"""What `callgauge alerts` and `callgauge alerts silences` print, as rows and as objects. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from callgauge.durations import written
from callgauge.schema import Alert
from callgauge_rules.aggregates import aggregate
from callgauge_rules.alert_book import AlertBook
from callgauge_rules.alerts import formatted
from callgauge_rules.shown import Shown
from callgauge_rules.silences import Silence

__all__ = ["ACTIVE", "HISTORY", "SILENCES", "active_rows", "history_rows", "json_alert", "json_silence", "silence_rows"]

Row = tuple[Any, ...]

ACTIVE = ("id", "state", "severity", "rule", "labels", "since", "for", "value", "summary", "by")
HISTORY = ("id", "state", "severity", "rule", "labels", "since", "until", "summary", "acknowledged", "resolved")
SILENCES = ("id", "state", "conditions", "from", "until", "left", "who", "why")


def active_rows(alerts: Iterable[tuple[Alert, Shown]], now: float) -> list[Row]:
    """The columns of ACTIVE."""
    return [
        (
            alert.alert_id,
            seen.state,
            alert.severity,
            alert.rule,
            labels_of(alert),
            utc(alert.starts_at),
            lasted(now - alert.starts_at),
            _value(alert),
            alert.summary,
            _by(seen),
        )
        for alert, seen in alerts
    ]


def history_rows(alerts: Iterable[tuple[Alert, Shown]]) -> list[Row]:
    """The columns of HISTORY."""
    return [
        (
            alert.alert_id,
            seen.state,
            alert.severity,
            alert.rule,
            labels_of(alert),
            utc(alert.starts_at),
            utc(seen.resolved.at if seen.resolved is not None else alert.ends_at),
            alert.summary,
            seen.acknowledged.who if seen.acknowledged is not None else "",
            seen.resolved.who if seen.resolved is not None else "",
        )
        for alert, seen in alerts
    ]


def silence_rows(silences: Iterable[Silence], now: float) -> list[Row]:
    """The columns of SILENCES."""
    return [
        (
            silence.id,
            state_of(silence, now),
            " ".join(silence.made.matchers),
            utc(silence.made.starts_at),
            utc(silence.ends_at),
            lasted(silence.ends_at - now) if silence.ends_at > now else "",
            silence.made.who,
            silence.problem or silence.made.why,
        )
        for silence in silences
    ]


def state_of(silence: Silence, now: float) -> str:
    """Whether a silence is in force, waits for its start, or is over."""
    if silence.problem:
        return "unreadable"
    return "in force" if silence.in_force(now) else "over" if silence.ends_at <= now else "waits"


def json_alert(alert: Alert, seen: Shown) -> dict[str, Any]:
    """Everything of an alert, what people did included."""
    done = {"acknowledged": seen.acknowledged, "resolved": seen.resolved, "processes_found": seen.processes}
    found = {name: None if action is None else action.model_dump() for name, action in done.items()}
    silence = None if seen.silence is None else seen.silence.made.model_dump() | {"ends_at": seen.silence.ends_at}
    return {"shown": seen.state} | alert.model_dump() | found | {"silence": silence}


def json_silence(book: AlertBook, silence: Silence, now: float) -> dict[str, Any]:
    """Everything of a silence, and how many active alerts it hides."""
    hides = [alert.alert_id for alert, _ in book.active(now) if silence.silences(alert, now)]
    ended = None if silence.ended is None else silence.ended.model_dump()
    return silence.made.model_dump() | {"ends_at": silence.ends_at, "ended": ended, "hides": hides}


def _value(alert: Alert) -> str:
    """With its unit, to a few digits: what is exact is in the JSON."""
    if alert.value is None:
        return ""
    try:
        return formatted(alert.value, aggregate(alert.aggregate))
    except ValueError:  # of an alert that detect raises without a rule, or of a newer version
        return f"{alert.value:,.4g}"


def _by(seen: Shown) -> str:
    if seen.by is None:
        return ""
    until = f" until {utc(seen.silence.ends_at)}" if seen.state == "silenced" and seen.silence is not None else ""
    return f"{seen.by.who}{until}" + (f": {seen.by.why}" if seen.by.why else "")


def labels_of(alert: Alert) -> str:
    """ "model=gpt-4o service=chat"."""
    return " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))


def utc(epoch_s: float | None) -> str:
    """ "2023-11-14 22:13:20Z"; "" for None."""
    return "" if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def lasted(seconds: float) -> str:
    """Whole minutes, or seconds below one: "1h5m"."""
    seconds = max(0.0, seconds)
    return written(round(seconds // 60 * 60_000) if seconds >= 60 else round(seconds) * 1_000)
