"""Alerts and their course out of ClickHouse."""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_deploy.alert_shown import Processes
from callgauge_history.query import asking
from callgauge_history.stored_alerts import stored_episode, stored_episodes
from callgauge_rules.shown import Shown

__all__ = ["stored_alert", "stored_history"]

_PROCESSES = (
    "SELECT alive, silent, ended, toUnixTimestamp64Milli(last_heard) FROM services WHERE service = {service:String}"
)


def stored_history(settings: Settings, since: float, now: float) -> list[tuple[Alert, Shown]]:
    """The episodes that fired and began since then, epoch seconds, the newest first.

    Raises:
        StoreError: the store cannot be asked.
    """
    with asking(settings) as ask:
        return stored_episodes(ask, since, now)


def stored_alert(settings: Settings, name: str, now: float) -> tuple[Alert, Shown, Processes | None] | None:
    """The newest episode whose alert_id or fingerprint begins so, what people see of it, and the processes of its
    service by their heartbeats; None if there is no such alert.

    Raises:
        StoreError: the store cannot be asked.
    """
    with asking(settings) as ask:
        found = stored_episode(ask, name, now)
        if found is None:
            return None
        alert, seen = found
        told = ask(_PROCESSES, {"service": alert.service}).rows if alert.service else []
    processes = [Processes(int(row[0]), int(row[1]), int(row[2]), int(row[3]) / 1000) for row in told]
    return alert, seen, processes[0] if processes else None
