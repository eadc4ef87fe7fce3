"""Alerts, and what people did with them, as ClickHouse gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callgauge.schema import Alert, AlertAction
from callgauge_history.store import Ask
from callgauge_rules.shown import Actions, Shown, shown

__all__ = [
    "ACTION_COLUMNS",
    "ALERT_COLUMNS",
    "action_of",
    "alert_of",
    "stored_episode",
    "stored_episodes",
    "stored_transitions",
]

_MOST = 10_000

_PLAIN = (
    *("alert_id", "fingerprint", "seq", "state", "rule", "severity", "labels", "aggregate", "lookback_s", "op"),
    *("threshold", "value", "n", "summary", "reason", "event_id", "runbook", "detector", "baseline", "score", "points"),
    *("event_ids", "heard", "held", "flapping", "provider", "service", "role", "suspected_cause", "log", "offset"),
)
_TIMES = ("starts_at", "at", "fired_at", "last_fired_at", "ends_at")
_ACTION_PLAIN = (
    "action_id", "action", "who", "why", "how", "receiver", "fingerprint", "alert_id", "silence_id", "matchers",
    "processes",
)  # fmt: skip
_ACTION_TIMES = ("at", "starts_at", "ends_at")


def _columns(plain: Sequence[str], times: Sequence[str]) -> str:
    return ", ".join([*plain, *(f"toUnixTimestamp64Milli({name})" for name in times)])


#: What to select from `alerts_latest`, or `alerts`.
ALERT_COLUMNS = _columns(_PLAIN, _TIMES)
#: What to select from `alert_actions_final`.
ACTION_COLUMNS = _columns(_ACTION_PLAIN, _ACTION_TIMES)


def alert_of(row: Sequence[Any]) -> Alert:
    """The transition in a row of ALERT_COLUMNS."""
    return Alert(**_fields(row, _PLAIN, _TIMES))


def action_of(row: Sequence[Any]) -> AlertAction:
    """The action in a row of ACTION_COLUMNS."""
    found = _fields(row, _ACTION_PLAIN, _ACTION_TIMES)
    return AlertAction(**{name: value for name, value in found.items() if value is not None})


def _fields(row: Sequence[Any], plain: Sequence[str], times: Sequence[str]) -> dict[str, Any]:
    values = dict(zip(plain, row[: len(plain)], strict=True))
    at = dict(zip(times, row[len(plain) :], strict=True))
    return values | {name: None if ms is None else int(ms) / 1000 for name, ms in at.items()}


def stored_episodes(
    ask: Ask, since: float, now: float, *, until: float | None = None, during: bool = False
) -> list[tuple[Alert, Shown]]:
    """The episodes that fired and began in this time, epoch seconds, the newest first, and what people see of each.

    Args:
        during: also those that began before and had not ended when the time begins.

    Raises:
        StoreError: the store cannot be asked.
    """
    begun = f"starts_at >= fromUnixTimestamp64Milli({round(since * 1000)})"
    if during:
        begun = f"({begun} OR ends_at IS NULL OR ends_at >= fromUnixTimestamp64Milli({round(since * 1000)}))"
    if until is not None:
        begun += f" AND starts_at < fromUnixTimestamp64Milli({round(until * 1000)})"
    order = f"ORDER BY alerts_latest.starts_at DESC, rule, fingerprint LIMIT {_MOST}"
    alerts = ask(f"SELECT {ALERT_COLUMNS} FROM alerts_latest WHERE fired_at IS NOT NULL AND {begun} {order}").rows  # noqa: S608 (names and numbers of ours)
    return _with_shown(ask, alerts, now)


def stored_episode(ask: Ask, name: str, now: float) -> tuple[Alert, Shown] | None:
    """The newest episode whose alert_id or fingerprint begins so, and what people see of it; None if there is none.

    Raises:
        StoreError: the store cannot be asked.
    """
    which = "startsWith(alert_id, {name:String}) OR startsWith(fingerprint, {name:String})"
    one = f"SELECT {ALERT_COLUMNS} FROM alerts_latest WHERE {which} ORDER BY starts_at DESC LIMIT 1"  # noqa: S608
    found = _with_shown(ask, ask(one, {"name": name}).rows, now) if name else []
    return found[0] if found else None


def stored_transitions(ask: Ask, alert_id: str, now: float) -> list[tuple[Alert, Shown]]:
    """The transitions of one episode in order; none if there is no such episode.

    Raises:
        StoreError: the store cannot be asked.
    """
    if not alert_id.isalnum():
        return []  # no id of ours, and so it cannot become SQL
    one = f"SELECT {ALERT_COLUMNS} FROM alerts FINAL WHERE alert_id = '{alert_id}' ORDER BY seq LIMIT {_MOST}"  # noqa: S608
    return _with_shown(ask, ask(one).rows, now)


def _with_shown(ask: Ask, rows: Sequence[Sequence[Any]], now: float) -> list[tuple[Alert, Shown]]:
    # An action on an alert is not older than its episode, but for the clocks; a silence may be.
    actions = Actions(map(action_of, ask(f"SELECT {ACTION_COLUMNS} FROM alert_actions_final").rows))  # noqa: S608
    return [(alert, shown(alert, actions, now)) for alert in map(alert_of, rows)]
