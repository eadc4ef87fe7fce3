"""The alerts that fired, from ClickHouse, and what people see of each."""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_deploy.alert_shown import Processes
from callgauge_deploy.stored_alerts import ACTION_COLUMNS, ALERT_COLUMNS, action_of, alert_of
from callgauge_history.query import asking
from callgauge_rules.shown import Actions, Shown, shown

__all__ = ["stored_alert", "stored_history"]

_PROCESSES = "SELECT alive, silent, ended, toUnixTimestamp64Milli(last_heard) FROM services WHERE service = "
_MOST = 10_000


def stored_history(settings: Settings, since: float, now: float) -> list[tuple[Alert, Shown]]:
    """The episodes that fired and began since then, epoch seconds, the newest first.

    Raises:
        StoreError: the store cannot be asked.
    """
    begun = f"starts_at >= fromUnixTimestamp64Milli({round(since * 1000)})"
    order = f"ORDER BY alerts_latest.starts_at DESC, rule, fingerprint LIMIT {_MOST}"
    with asking(settings) as ask:
        alerts = ask(f"SELECT {ALERT_COLUMNS} FROM alerts_latest WHERE fired_at IS NOT NULL AND {begun} {order}").rows  # noqa: S608 (names and numbers of ours)
        # An action on an alert is not older than its episode, but for the clocks; a silence may be.
        actions = Actions(map(action_of, ask(f"SELECT {ACTION_COLUMNS} FROM alert_actions_final").rows))  # noqa: S608
    return [(alert, shown(alert, actions, now)) for alert in map(alert_of, alerts)]


def stored_alert(settings: Settings, name: str, now: float) -> tuple[Alert, Shown, Processes | None] | None:
    """The newest episode whose alert_id or fingerprint begins so, what people see of it, and the processes of its
    service by their heartbeats; None if there is no such alert.

    Raises:
        StoreError: the store cannot be asked.
    """
    begins = _quoted(name)
    which = f"startsWith(alert_id, {begins}) OR startsWith(fingerprint, {begins})"
    with asking(settings) as ask:
        rows = ask(f"SELECT {ALERT_COLUMNS} FROM alerts_latest WHERE {which} ORDER BY starts_at DESC LIMIT 1").rows  # noqa: S608 (quoted)
        if not rows or not name:
            return None
        alert = alert_of(rows[0])
        actions = Actions(map(action_of, ask(f"SELECT {ACTION_COLUMNS} FROM alert_actions_final").rows))  # noqa: S608
        told = ask(_PROCESSES + _quoted(alert.service)).rows if alert.service else []
    processes = [Processes(int(row[0]), int(row[1]), int(row[2]), int(row[3]) / 1000) for row in told]
    return alert, shown(alert, actions, now), processes[0] if processes else None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
