"""Which buckets of a tier are no longer what the windows say: rows of them were stored, or became void, since then.

The job that derives the tiers asks this to know what to derive again, and a question to know which tier it may read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callgauge_history.store import Ask
from callgauge_history.tiers.counting import COUNTED, COUNTS
from callgauge_history.tiers.ladder import TIERS, Base
from callgauge_history.tiers.segments import Coverage

__all__ = ["OVERLAP_MS", "Progress", "Touched", "coverages", "read_progress", "touched_buckets"]

#: An insert that was on its way when a cursor was taken is seen afterwards, with a time from before the cursor.
OVERLAP_MS = 300_000


@dataclass(frozen=True)
class Progress:
    """How far a tier is derived: what was stored before `cursor_ms` is in it. See `Coverage.kept_from_ms`.

    Attributes:
        counted_ms: the same of the counts of its grouping sets (`counting`); None: they were never made.
    """

    tier: str
    cursor_ms: int
    kept_from_ms: int
    counted_ms: int | None = None

    @property
    def since_ms(self) -> int:
        """What was stored since then has to be derived, or counted."""
        return self.cursor_ms if self.counted_ms is None else min(self.cursor_ms, self.counted_ms)


@dataclass(frozen=True)
class Touched:
    """By tier, the starts of its touched buckets, epoch ms, in order."""

    buckets: Mapping[str, Sequence[int]]
    voided: bool
    """Some rows became void, so a bucket may have to lose a series."""


def read_progress(ask: Ask, base: Base) -> list[Progress]:
    """Of each tier that was derived, the finest first; a tier whose finer one is missing counts as not derived."""
    rows = ask(
        "SELECT base, tier, toUnixTimestamp64Milli(cursor), kept_from_ms FROM tier_progress FINAL "
        "WHERE base IN ({base:String}, {counts:String})",
        {"base": base.table, "counts": COUNTS if base is COUNTED else base.table},
    ).rows
    counted = {str(tier): int(cursor) for of, tier, cursor, _ in rows if of == COUNTS}
    found = {
        str(tier): Progress(str(tier), int(cursor), int(kept), counted.get(str(tier)))
        for of, tier, cursor, kept in rows
        if of == base.table
    }
    known: list[Progress] = []
    for tier in TIERS:
        if tier.name not in found:
            break
        known.append(found[tier.name])
    return known


def coverages(ask: Ask, base: Base) -> list[Coverage]:
    """What each tier can answer now, the finest first."""
    progress = read_progress(ask, base)
    if not progress:
        return []
    found = touched_buckets(ask, base, {each.tier: each.cursor_ms for each in progress}).buckets
    widths = {tier.name: tier.width_ms for tier in TIERS}
    return [
        Coverage(
            each.tier,
            widths[each.tier],
            frozenset(found[each.tier]),
            each.kept_from_ms,
            # A process of before the counts may have derived the tier since they were made.
            is_counted=each.counted_ms is not None and each.counted_ms >= each.cursor_ms,
        )
        for each in progress
    ]


def touched_buckets(ask: Ask, base: Base, cursors: Mapping[str, int]) -> Touched:
    """The buckets of which rows were stored, or became void, since the tier's cursor (epoch ms; 0: ever)."""
    since = {name: max(0, cursor - OVERLAP_MS) // 1000 for name, cursor in cursors.items()}
    voided = _voided(ask, min(since.values()))
    is_void = "arrayExists((s, b) -> source = s AND block >= b, {sources:Array(String)}, {blocks:Array(Int64)})"
    arrays = ", ".join(_buckets_of(tier.name, tier.width_ms, is_void) for tier in TIERS if tier.name in cursors)
    parameters: dict[str, Any] = {f"since_{name}": since_s for name, since_s in since.items()}
    parameters |= {"least": min(since.values()), "sources": list(voided), "blocks": list(voided.values())}
    condition = f"stored_at >= {{least:UInt32}}{f' OR {is_void}' if voided else ''}"
    [found] = ask(f"SELECT {arrays} FROM {base.table} WHERE {condition}", parameters).rows  # noqa: S608 (names of ours)
    names = [tier.name for tier in TIERS if tier.name in cursors]
    return Touched(dict(zip(names, ([int(at) for at in each] for each in found), strict=True)), bool(voided))


def _buckets_of(name: str, width_ms: int, is_void: str) -> str:
    bucket = f"intDiv(toUnixTimestamp64Milli(window_start), {width_ms}) * {width_ms}"
    return f"arraySort(groupUniqArrayIf({bucket}, stored_at >= {{since_{name}:UInt32}} OR {is_void}))"


#: A takeover with the settings of before voids nothing.
_VOIDED = """
SELECT source, minIf(from_offset, stored_at >= {since:UInt32}) AS first_offset
FROM epochs
GROUP BY source
HAVING uniqExactIf(epoch, stored_at >= {since:UInt32}) > 1
    OR (
        countIf(stored_at >= {since:UInt32}) > 0 AND countIf(stored_at < {since:UInt32}) > 0
        AND groupUniqArrayIf(epoch, stored_at >= {since:UInt32}) != [argMaxIf(epoch, term, stored_at < {since:UInt32})]
    )
"""


def _voided(ask: Ask, since_s: int) -> dict[str, int]:
    """Sources that count under another epoch since then, and from which block on."""
    return {str(source): int(first) for source, first in ask(_VOIDED, {"since": since_s}).rows}
