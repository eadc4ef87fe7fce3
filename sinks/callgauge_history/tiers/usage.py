"""Usage by user and hour, derived from the calls as the tiers are from the windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callgauge.operations import STEPS
from callgauge_history.store import Ask, Store
from callgauge_history.tiers import touched
from callgauge_history.tiers.segments import Coverage

__all__ = ["HOUR_MS", "USAGE_LABELS", "derive_usage", "usage_coverage", "usage_sql"]

#: What usage can be told apart by.
USAGE_LABELS = ("user_id", "service", "environment", "feature", "endpoint", "provider", "model")

HOUR_MS = 3_600_000
_AT_ONCE = 6
_STEPS = ", ".join(repr(step) for step in sorted(STEPS))


def derive_usage(store: Store, now_ms: int, kept_from_ms: int = 0) -> int:
    """Bring usage up to the calls that are stored now. Returns how many hours were derived.

    Args:
        now_ms: the store's time before this was called.
        kept_from_ms: of hours that begin before, calls may be gone: they stay as they are.

    Raises:
        StoreError: the store refused, or cannot be reached; another round will do.
    """
    progress = _progress(store.query)
    hours = [at for at in _touched_hours(store.query, progress.cursor_ms if progress else 0) if at >= kept_from_ms]
    for batch in _batches(hours):
        store.command(usage_sql(batch))
    store.command(
        "INSERT INTO tier_progress (base, tier, cursor, kept_from_ms) VALUES "  # noqa: S608 (numbers of ours)
        f"('calls', 'usage', fromUnixTimestamp64Milli({int(now_ms)}), {int(kept_from_ms)})"
    )
    return len(hours)


def usage_coverage(ask: Ask) -> list[Coverage]:
    """What usage can answer now, as a tier of its own; empty if it was never derived."""
    progress = _progress(ask)
    if progress is None:
        return []
    dirty = frozenset(_touched_hours(ask, progress.cursor_ms))
    return [Coverage("usage", HOUR_MS, dirty, progress.kept_from_ms)]


def usage_sql(hours: Sequence[int]) -> str:
    """The statement that derives these hours, epoch ms; at least one."""
    labels = ", ".join(USAGE_LABELS)
    first, last = min(hours), max(hours) + HOUR_MS
    return f"""INSERT INTO usage ({labels}, hour, calls, errors, input_tokens, output_tokens, cost_nano, version)
SELECT {labels}, toStartOfHour(event_time) AS hour, count() AS calls, countIf(status = 'error'),
    sum(ifNull(c.input_tokens, 0)), sum(ifNull(c.output_tokens, 0)), sum(ifNull(c.cost_nano, 0)), calls
FROM (
    SELECT * FROM calls FINAL
    WHERE event_time >= fromUnixTimestamp64Milli({first}) AND event_time < fromUnixTimestamp64Milli({last})
        AND intDiv(event_time_ms, {HOUR_MS}) * {HOUR_MS} IN ({", ".join(map(str, hours))})
        AND operation NOT IN ({_STEPS})
) AS c
GROUP BY {labels}, hour
SETTINGS distributed_foreground_insert = 1, max_bytes_before_external_group_by = 500000000"""  # noqa: S608 (names and numbers of ours)


def _batches(hours: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for hour in hours:
        if batch and hour - batch[0] >= _AT_ONCE * HOUR_MS:
            yield batch
            batch = []
        batch.append(hour)
    if batch:
        yield batch


@dataclass(frozen=True)
class _Progress:
    cursor_ms: int
    kept_from_ms: int


def _progress(ask: Ask) -> _Progress | None:
    rows = ask(
        "SELECT toUnixTimestamp64Milli(cursor), kept_from_ms FROM tier_progress FINAL "
        "WHERE base = 'calls' AND tier = 'usage'"
    ).rows
    return _Progress(int(rows[0][0]), int(rows[0][1])) if rows else None


def _touched_hours(ask: Ask, cursor_ms: int) -> list[int]:
    """The hours of which calls were stored since the cursor, epoch ms, in order."""
    since_s = max(0, cursor_ms - touched.OVERLAP_MS) // 1000
    [[hours]] = ask(
        f"SELECT arraySort(groupUniqArray(intDiv(event_time_ms, {HOUR_MS}) * {HOUR_MS})) "  # noqa: S608 (numbers of ours)
        "FROM calls WHERE stored_at >= {since:UInt32}",
        {"since": since_s},
    ).rows
    return [int(hour) for hour in hours]
