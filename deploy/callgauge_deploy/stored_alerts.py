"""Alerts, and what people did with them, as ClickHouse gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callgauge.schema import Alert, AlertAction

__all__ = ["ACTION_COLUMNS", "ALERT_COLUMNS", "action_of", "alert_of"]

_PLAIN = (
    *("alert_id", "fingerprint", "seq", "state", "rule", "severity", "labels", "aggregate", "lookback_s", "op"),
    *("threshold", "value", "n", "summary", "reason", "event_id", "runbook", "detector", "baseline", "score", "points"),
    *("event_ids", "heard", "held", "flapping", "provider", "service", "role", "suspected_cause", "log", "offset"),
)
_TIMES = ("starts_at", "at", "fired_at", "last_fired_at", "ends_at")
_ACTION_PLAIN = (
    "action_id", "action", "who", "why", "how", "receiver", "fingerprint", "alert_id", "silence_id", "matchers",
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
