"""Counts of each grouping set, bucket by bucket of a tier: by them a question chooses what it reads. Pure.

Which grouping sets hold every call of a period, and how many rows each has, could be counted when it is asked: that
would read all series of all grouping sets, most of which the question then does not need.
"""

from __future__ import annotations

from collections.abc import Sequence

from callgauge.counted import LABELS
from callgauge.operations import STEPS
from callgauge_history.tiers.ladder import BASES, Base, Tier
from callgauge_windows.grouping import OTHER

__all__ = ["COUNTED", "COUNTS", "count_sql", "counts_table"]

#: The base whose tiers are counted.
COUNTED: Base = BASES[0]
#: The name of the counts in `tier_progress`.
COUNTS = "window_counts"

_STEPS = ", ".join(repr(step) for step in sorted(STEPS))
_FOLDED = ", ".join(f"'{label}', sumIf(w.n, w.{label} = '{OTHER}')" for label in LABELS)


def counts_table(tier: str) -> str:
    """The table that holds the counts of a tier."""
    return f"{COUNTS}_{tier}"


def count_sql(tier: Tier, buckets: Sequence[int] | None = None) -> str:
    """The statement that counts these buckets of a tier, which were just derived; without buckets all that there are.

    The rows of a bucket are derived together, so the epoch in their versions is one, and `version` orders the counts as
    it orders the rows.

    Args:
        buckets: their starts, epoch ms.
    """
    width = tier.width_ms
    within = "1"
    if buckets is not None:
        first, last = min(buckets), max(buckets) + width
        within = (
            f"window_start >= fromUnixTimestamp64Milli({first}) AND window_start < fromUnixTimestamp64Milli({last}) "
            f"AND intDiv(toUnixTimestamp64Milli(window_start), {width}) * {width} IN ({', '.join(map(str, buckets))})"
        )
    return f"""INSERT INTO {counts_table(tier.name)} (grouping, window_start, series, n, folded, version)
SELECT w.grouping, w.window_start, countIf(w.n > 0), sumIf(w.n, w.operation NOT IN ({_STEPS})),
    mapFilter((label, n) -> n > 0, CAST(map({_FOLDED}), 'Map(LowCardinality(String), Int64)')),
    bitShiftLeft(bitShiftRight(max(w.version), 40), 40) + toUInt64(sum(w.n))
FROM (SELECT * FROM {tier.table(COUNTED)} FINAL WHERE {within}) AS w
GROUP BY w.grouping, w.window_start
SETTINGS distributed_foreground_insert = 1, max_partitions_per_insert_block = 0"""  # noqa: S608 (names and numbers of ours)
