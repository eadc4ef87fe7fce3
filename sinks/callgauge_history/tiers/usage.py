"""Usage by user and hour, derived from the calls as the tiers are from the windows; by user and day from those hours.

usage_1h    by all of USAGE_LABELS
usage_1d    by user alone: of hundreds of thousands of users a month of hours would be too much to read
calls_1h    all calls of an hour: windows that hold as many hold every call
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from callgauge.operations import STEPS
from callgauge_history.store import Ask, Store
from callgauge_history.tiers import touched
from callgauge_history.tiers.segments import Coverage

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "USAGE_LABELS",
    "USAGE_SUMS",
    "calls_sql",
    "days_sql",
    "derive_usage",
    "usage_coverage",
    "usage_sql",
]

#: What usage can be told apart by.
USAGE_LABELS = ("user_id", "service", "environment", "feature", "endpoint", "provider", "model")
#: What is added up.
USAGE_SUMS = ("calls", "errors", "input_tokens", "output_tokens", "cost_nano")

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_AT_ONCE = 6
_STEPS = ", ".join(repr(step) for step in sorted(STEPS))
#: Table -> its name in `tier_progress`, and the width of its buckets; the finer one first.
_TIERS = {"usage_1h": ("usage", HOUR_MS), "usage_1d": ("usage_1d", DAY_MS)}


def derive_usage(store: Store, now_ms: int, kept_from_ms: int = 0, days_from_ms: int | None = 0) -> int:
    """Bring usage up to the calls that are stored now. Returns how many hours were derived.

    Args:
        now_ms: the store's time before this was called.
        kept_from_ms: of hours that begin before, calls may be gone: they stay as they are.
        days_from_ms: the same of days and their hours; None: days are not derived this time.

    Raises:
        StoreError: the store refused, or cannot be reached; another round will do.
    """
    progress = _progress(store.query)
    cursors = {table: progress[table].cursor_ms if table in progress else 0 for table in _TIERS}
    touched_buckets = _touched(store.query, cursors)
    hours = [at for at in touched_buckets["usage_1h"] if at >= kept_from_ms]
    for batch in _batches(hours):
        store.command(usage_sql(batch))
        store.command(calls_sql(batch))
    _note(store, "usage_1h", now_ms, kept_from_ms)
    if days_from_ms is not None:
        for day in touched_buckets["usage_1d"]:
            if day >= days_from_ms:
                store.command(days_sql(day))
        _note(store, "usage_1d", now_ms, days_from_ms)
    return len(hours)


def usage_coverage(ask: Ask, *, by_user_alone: bool = False) -> list[Coverage]:
    """What usage can answer now, as tiers of its own, the finest first; empty if it was never derived.

    Args:
        by_user_alone: no label but the user is asked for, so that days may answer.
    """
    progress = _progress(ask)
    if "usage_1h" not in progress:
        return []
    known = {table: each for table, each in progress.items() if by_user_alone or table == "usage_1h"}
    dirty = _touched(ask, {table: each.cursor_ms for table, each in known.items()})
    return [
        Coverage(table, _TIERS[table][1], frozenset(dirty[table]), each.kept_from_ms) for table, each in known.items()
    ]


def usage_sql(hours: Sequence[int]) -> str:
    """The statement that derives these hours, epoch ms; at least one."""
    labels = ", ".join(USAGE_LABELS)
    first, last = min(hours), max(hours) + HOUR_MS
    return f"""INSERT INTO usage_1h ({labels}, hour, {", ".join(USAGE_SUMS)}, version)
SELECT {labels}, toStartOfHour(event_time) AS hour, count() AS calls, countIf(status = 'error'),
    sum(ifNull(c.input_tokens, 0)), sum(ifNull(c.output_tokens, 0)), sum(ifNull(c.cost_nano, 0)), calls
FROM (
    SELECT * FROM calls FINAL
    WHERE event_time >= fromUnixTimestamp64Milli({first}) AND event_time < fromUnixTimestamp64Milli({last})
        AND intDiv(event_time_ms, {HOUR_MS}) * {HOUR_MS} IN ({", ".join(map(str, hours))})
        AND operation NOT IN ({_STEPS})
) AS c
GROUP BY {labels}, hour
SETTINGS distributed_foreground_insert = 1, optimize_on_insert = 0, max_bytes_before_external_group_by = 500000000"""  # noqa: S608 (names and numbers of ours)


def calls_sql(hours: Sequence[int]) -> str:
    """The statement that counts the calls of these hours, which were just derived."""
    starts = ", ".join(f"toDateTime({hour // 1000}, 'UTC')" for hour in hours)
    return f"""INSERT INTO calls_1h (hour, calls, version)
SELECT u.hour, sum(u.calls), sum(u.calls) FROM (SELECT hour, calls FROM usage_1h FINAL WHERE hour IN ({starts})) AS u
GROUP BY u.hour SETTINGS distributed_foreground_insert = 1, optimize_on_insert = 0"""  # noqa: S608 (numbers of ours)


def days_sql(day: int) -> str:
    """The statement that derives a day, epoch ms, from its hours."""
    sums = ", ".join(f"sum(u.{name})" for name in USAGE_SUMS)
    first, last = day // 1000, (day + DAY_MS) // 1000
    return f"""INSERT INTO usage_1d (user_id, day, {", ".join(USAGE_SUMS)}, version)
SELECT u.user_id, toDateTime({first}, 'UTC'), {sums}, sum(u.calls)
FROM (SELECT * FROM usage_1h FINAL WHERE hour >= toDateTime({first}, 'UTC') AND hour < toDateTime({last}, 'UTC')) AS u
GROUP BY u.user_id
SETTINGS distributed_foreground_insert = 1, optimize_on_insert = 0, max_bytes_before_external_group_by = 500000000"""  # noqa: S608 (names and numbers of ours)


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


def _progress(ask: Ask) -> dict[str, _Progress]:
    """How far each table is derived, the finer one first."""
    rows = ask(
        "SELECT tier, toUnixTimestamp64Milli(cursor), kept_from_ms FROM tier_progress FINAL WHERE base = 'calls'"
    ).rows
    found = {str(tier): _Progress(int(cursor), int(kept)) for tier, cursor, kept in rows}
    return {table: found[tier] for table, (tier, _) in _TIERS.items() if tier in found}


def _note(store: Store, table: str, now_ms: int, kept_from_ms: int) -> None:
    store.command(
        "INSERT INTO tier_progress (base, tier, cursor, kept_from_ms) VALUES "  # noqa: S608 (names and numbers of ours)
        f"('calls', '{_TIERS[table][0]}', fromUnixTimestamp64Milli({int(now_ms)}), {int(kept_from_ms)})"
    )


def _touched(ask: Ask, cursors: dict[str, int]) -> dict[str, list[int]]:
    """The buckets of each table of which calls were stored since its cursor, epoch ms, in order."""
    since = {table: max(0, cursor_ms - touched.OVERLAP_MS) // 1000 for table, cursor_ms in cursors.items()}
    arrays = ", ".join(
        f"arraySort(groupUniqArrayIf(intDiv(event_time_ms, {width}) * {width}, stored_at >= {{since_{table}:UInt32}}))"
        for table, width in ((table, _TIERS[table][1]) for table in cursors)
    )
    parameters = {f"since_{table}": since_s for table, since_s in since.items()} | {"least": min(since.values())}
    [found] = ask(f"SELECT {arrays} FROM calls WHERE stored_at >= {{least:UInt32}}", parameters).rows  # noqa: S608 (names of ours)
    return dict(zip(cursors, ([int(at) for at in each] for each in found), strict=True))
