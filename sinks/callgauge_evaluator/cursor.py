"""How far the evaluator is. Without this nothing would be told twice, but what was missed would not be made up for."""

from __future__ import annotations

import pyarrow as pa

from callgauge_history.store import Ask, Store

__all__ = ["note_judged", "read_judged"]


def read_judged(ask: Ask, name: str) -> int | None:
    """The last instant whose alerts were all told, epoch ms; None if there is none.

    Args:
        name: the evaluator's consumer group.
    """
    rows = ask("SELECT evaluator, toUnixTimestamp64Milli(max(judged_to)) FROM evaluated GROUP BY evaluator").rows
    return next((int(at_ms) for evaluator, at_ms in rows if evaluator == name), None)


def note_judged(store: Store, name: str, at_ms: int) -> None:
    """All alerts of this instant were told."""
    columns = {"evaluator": pa.array([name]), "judged_to": pa.array([at_ms], pa.timestamp("ms", tz="UTC"))}
    store.insert("evaluated", pa.table(columns))
