"""The alerts that fired, from ClickHouse, and what people see of each."""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_history.query import asking
from callgauge_history.stored_alerts import stored_episodes
from callgauge_rules.shown import Shown

__all__ = ["stored_history"]


def stored_history(settings: Settings, since: float, now: float) -> list[tuple[Alert, Shown]]:
    """The episodes that fired and began since then, epoch seconds, the newest first.

    Raises:
        StoreError: the store cannot be asked.
    """
    with asking(settings) as ask:
        return stored_episodes(ask, since, now)
