"""How long the store keeps what it holds: settings, put in force when the sinks start."""

from __future__ import annotations

from collections.abc import Mapping

from callgauge.settings import Settings
from callgauge_history.cluster import local_name
from callgauge_history.store import Store

__all__ = ["KEPT", "keep", "kept_days"]

#: Table -> the column by which its rows grow old, and the setting that says after how many days; 0: never.
KEPT = {
    "calls": ("event_time", "calls_days"),
    "scores": ("ts", "scores_days"),
    "state_changes": ("ts", "scores_days"),
    "windows": ("window_start", "windows_days"),
    "score_windows": ("window_start", "windows_days"),
    "windows_1m": ("window_start", "windows_1m_days"),
    "score_windows_1m": ("window_start", "windows_1m_days"),
    "windows_1h": ("window_start", "windows_1h_days"),
    "score_windows_1h": ("window_start", "windows_1h_days"),
    "window_counts_1m": ("window_start", "windows_1m_days"),
    "window_counts_1h": ("window_start", "windows_1h_days"),
    "trace_days": ("day", "calls_days"),
    "usage_1h": ("hour", "usage_days"),
    "usage_1d": ("day", "usage_days"),
    "calls_1h": ("hour", "usage_days"),
    "alerts": ("starts_at", "alerts_days"),
    "alert_actions": ("at", "alerts_days"),
    "dead_letters": ("ts", "dead_letters_days"),
    "content": ("appended_at", "content_days"),
}


def kept_days(settings: Settings) -> dict[str, int]:
    """Table -> days that its rows are kept; 0: for ever."""
    return {table: int(getattr(settings, setting)) for table, (_, setting) in KEPT.items()}


def keep(store: Store, days: Mapping[str, int], cluster: str = "") -> None:
    """Have tables keep their rows for so many days, or for ever (0). Whole parts are dropped, so it may be longer.

    Args:
        cluster: the cluster that the tables are on; "" for a single server.

    Raises:
        StoreError: the store refused, or cannot be reached.
    """
    found = store.query(
        "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    ).rows
    engines = {str(name): str(engine) for name, engine in found}
    for table, wanted in days.items():
        column, _ = KEPT[table]
        engine = engines[f"{table}_local" if cluster else table]
        _keep(store, local_name(table, cluster), column, engine, int(wanted))


def _keep(store: Store, table: str, column: str, engine: str, days: int) -> None:
    if not days:
        if " TTL " in engine:
            store.command(f"ALTER TABLE {table} REMOVE TTL")
        return
    if f"toDateTime({column}) + toIntervalDay({days})" in engine and "ttl_only_drop_parts = 1" in engine:
        return
    # Nothing is rewritten: a part goes when all of its rows are too old.
    store.command(f"ALTER TABLE {table} MODIFY SETTING ttl_only_drop_parts = 1")
    store.command(
        f"ALTER TABLE {table} MODIFY TTL toDateTime({column}) + INTERVAL {days} DAY "
        "SETTINGS materialize_ttl_after_modify = 0"
    )
