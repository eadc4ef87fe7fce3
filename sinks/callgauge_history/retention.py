"""How long the store keeps prompts and answers: a setting, put in force when the sinks start."""

from __future__ import annotations

from callgauge_history.store import Store

__all__ = ["keep_content"]


def keep_content(store: Store, days: int) -> None:
    """Have the table `content` keep rows for so many days. Whole days of rows are dropped, so it may be a day more.

    Raises:
        StoreError: the store refused, or cannot be reached.
    """
    days = int(days)
    [[engine]] = store.query(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'content'"
    ).rows
    if f"toIntervalDay({days})" not in str(engine):
        # Nothing is rewritten: a part goes when all of its rows are too old.
        store.command(
            f"ALTER TABLE content MODIFY TTL toDateTime(appended_at) + INTERVAL {days} DAY "
            "SETTINGS materialize_ttl_after_modify = 0"
        )
