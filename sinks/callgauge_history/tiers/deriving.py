"""The statement that derives buckets of a tier from the finer one. Pure.

Whole buckets are derived, from all rows that count, so doing it again gives the same rows, which replace themselves.
Of several copies of a bucket the one with the largest `version` stays:

    version = epochs that had started when it was derived * 2^40 + n

Within an epoch the rows of a bucket only grow, so of two copies the one with more events is newer. When an epoch
starts, rows of before may become void and n may fall; more epochs have started then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from callgauge.counted import LABELS
from callgauge_history.tiers.columns import columns_of, merged_columns
from callgauge_history.tiers.ladder import TIERS, Base, Tier

__all__ = ["batches_of", "derive_sql", "finer_table"]

#: Buckets that are derived in one statement: an hour of minutes of 10,000 series would not fit into memory.
_AT_ONCE = {"1m": 10, "1h": 4, "1d": 1}
_EPOCHS = "(SELECT toUInt64(count()) FROM (SELECT DISTINCT source, from_offset, term, epoch FROM epochs))"


def finer_table(base: Base, tier: Tier) -> str:
    """What a tier is derived from, as it stands in FROM: rows that count, each once."""
    place = TIERS.index(tier)
    return f"{TIERS[place - 1].table(base)} FINAL" if place else f"{base.table}_final"


def batches_of(tier: Tier, buckets: Iterable[int]) -> Iterator[list[int]]:
    """The buckets, epoch ms and in order, as many together as one statement should derive."""
    batch: list[int] = []
    for bucket in buckets:
        # One that lies far from the others would make the statement read all that is between.
        if batch and (len(batch) == _AT_ONCE[tier.name] or bucket - batch[0] >= _AT_ONCE[tier.name] * tier.width_ms):
            yield batch
            batch = []
        batch.append(bucket)
    if batch:
        yield batch


def derive_sql(base: Base, tier: Tier, buckets: Sequence[int], *, voided: bool = False) -> str:
    """Derive these buckets.

    Args:
        buckets: their starts, epoch ms; at least one.
        voided: some rows became void, so buckets of a series may have nothing left: they get a row of n = 0.
    """
    width = tier.width_ms
    identity = ("grouping", "series_id", *base.key)
    names = [*identity, "window_start", "window_ms", *columns_of(base)]
    finer = _part(finer_table(base, tier), names, width, buckets)
    rows = f"{finer} UNION ALL {_emptied(base, tier, names, buckets)}" if voided else finer
    aggregates = dict(merged_columns(base, "w"))
    merged = ",\n    ".join(f"{aggregates[name]} AS {name}" for name in columns_of(base))
    key = ", ".join(f"w.{name}" for name in identity)
    # The names of what is grouped by differ from those of the columns, which would hide them.
    return f"""INSERT INTO {tier.table(base)} ({", ".join(names)}, version)
SELECT {key}, fromUnixTimestamp64Milli(bucket, 'UTC'), bucket_ms,
    {merged},
    bitShiftLeft({_EPOCHS}, 40) + toUInt64(sum(w.n)) AS version
FROM (
    SELECT *, {width} % window_ms = 0 AS fits, toUnixTimestamp64Milli(window_start) AS start_ms,
        if(fits, intDiv(start_ms, {width}) * {width}, start_ms) AS bucket, if(fits, {width}, window_ms) AS bucket_ms
    FROM ({rows})
) AS w
GROUP BY {key}, bucket, bucket_ms
SETTINGS distributed_foreground_insert = 1, max_partitions_per_insert_block = 0, optimize_on_insert = 0,
    max_bytes_before_external_group_by = 500000000"""  # noqa: S608 (names and numbers of ours)


def _part(table: str, columns: Iterable[str], width: int, buckets: Sequence[int]) -> str:
    first, last = min(buckets), max(buckets) + width
    starts = ", ".join(map(str, buckets))
    return (
        f"SELECT {', '.join(columns)} FROM {table} "  # noqa: S608 (names and numbers of ours)
        f"WHERE window_start >= fromUnixTimestamp64Milli({first}) AND window_start < fromUnixTimestamp64Milli({last}) "
        f"AND intDiv(toUnixTimestamp64Milli(window_start), {width}) * {width} IN ({starts})"
    )


def _emptied(base: Base, tier: Tier, names: Sequence[str], buckets: Sequence[int]) -> str:
    """The buckets as they were derived before, with everything that adds up taken out of them."""
    kept = {"grouping", "series_id", "window_start", "window_ms", *base.key, *LABELS}
    columns = [name if name in kept else f"defaultValueOfArgumentType({name}) AS {name}_none" for name in names]
    return _part(f"{tier.table(base)} FINAL", columns, tier.width_ms, buckets)
