"""Reads from the store what completeness is judged by.

That is: the summaries that rollup made of each block, the stored rows of each block, and how far the sinks have stored
each source. A source is one partition of a topic; a block is a run of its consecutive records that rollup counts
together, named by its first offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from callgauge_history.store import QueryResult
from callgauge_sinks.completeness.report import Holds

__all__ = ["Ask", "Block", "Evidence", "Found", "Lost", "Mark", "Unseen", "blocks_sql", "found_sql", "read_evidence"]

Ask = Callable[[str], QueryResult]


@dataclass(frozen=True)
class Block:
    """The summary of one block. `first_ts_ms` is the append time of its first record."""

    source: str
    block: int
    last_offset: int
    complete: bool
    records: int
    counted: int
    duplicates: int
    dead: int
    late: int
    folded: int
    clamped: int
    differing: int
    first_ts_ms: int


@dataclass(frozen=True)
class Found:
    """How many rows are stored of one block.

    `within` counts those with offsets in [block, last_offset], `beyond` those with later offsets, up to the next block.
    """

    source: str
    block: int
    last_offset: int
    within: int
    beyond: int


@dataclass(frozen=True)
class Mark:
    """How far a sink has stored a source.

    It has stored all offsets from `first_offset` up to, but without, `next_offset`, the last of them at `at_ms`.
    """

    source: str
    first_offset: int
    next_offset: int
    at_ms: int
    sink: Holds = "calls"
    """What the source holds."""


@dataclass(frozen=True)
class Lost:
    """Offsets [first, end) that retention deleted before rollup counted them.

    `at_ms` is the append time of the first record that was counted after them; 0: none is known yet.
    """

    source: str
    first: int
    end: int
    at_ms: int


@dataclass(frozen=True)
class Unseen:
    """A partition that holds records of which the store knows nothing: neither rollup nor a sink has told of it."""

    source: str
    records: int
    """Offsets that it holds."""


@dataclass(frozen=True)
class Evidence:
    """All that the store says, in the order in which it is asked, and then the broker."""

    since_ms: int
    marks: list[Mark] = field(default_factory=list)
    rolled_up: dict[str, int] = field(default_factory=dict)
    """Source -> the largest last offset of its summaries."""
    blocks: list[Block] = field(default_factory=list)
    events: list[Found] = field(default_factory=list)
    """What is stored of calls, scores and state changes."""
    letters: list[Found] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    """What the broker says; empty if it was not asked."""

    @property
    def sources(self) -> set[str]:
        """Those of which the store knows anything."""
        return {mark.source for mark in self.marks} | set(self.rolled_up)


MARKS = """
SELECT source, min(first_offset), max(next_offset), toUnixTimestamp64Milli(max(stored_at)), any(sink)
FROM stored_offsets WHERE sink IN ('calls', 'scores') GROUP BY source
"""
ROLLED_UP = "SELECT source, max(last_offset) FROM blocks_final GROUP BY source"
_COLUMNS = "source, block, last_offset, complete, records, counted, duplicates, dead, late, folded, clamped, differing"
LOST = """
SELECT e.source, e.lost_from, e.from_offset, toUnixTimestamp64Milli(b.first_ts)
FROM (SELECT DISTINCT source, lost_from, from_offset FROM epochs WHERE lost_from >= 0) AS e
ASOF LEFT JOIN (SELECT source, block, first_ts FROM blocks_final) AS b
    ON e.source = b.source AND e.from_offset <= b.block
"""


def blocks_sql(since_ms: int) -> str:
    """The query for the summaries of the blocks that began at `since_ms` or later."""
    since = f"fromUnixTimestamp64Milli({since_ms:d}, 'UTC')"
    return (
        f"SELECT {_COLUMNS}, toUnixTimestamp64Milli(first_ts) AS first_ts_ms "  # noqa: S608 (an integer of ours)
        f"FROM blocks_final WHERE first_ts >= {since} ORDER BY source, block"
    )


#: The tables of the records that rollup reads -> the column of their event time.
_EVENT_TIMES = {"calls": "event_time", "scores": "ts", "state_changes": "ts"}


def found_sql(what: Literal["events", "dead_letters"], since_ms: int, ended_ms: int = 0) -> str:
    """The query for the number of stored rows of each block that began at `since_ms` or later.

    A row belongs to the last block that begins at or before its offset.

    Args:
        ended_ms: leave out events that ended before this, so that ClickHouse need not read whole days.
    """
    rows = " UNION ALL ".join(
        f"SELECT source, kafka_offset AS offset FROM {table} FINAL WHERE source != ''"  # noqa: S608 (names of ours)
        + (f" AND {time} >= fromUnixTimestamp64Milli({ended_ms:d}, 'UTC')" if ended_ms else "")
        for table, time in _EVENT_TIMES.items()
    )
    if what == "dead_letters":
        rows = "SELECT source, offset FROM dead_letters FINAL WHERE source != ''"
    return f"""
SELECT b.source, b.block, any(b.last_offset), countIf(r.offset <= b.last_offset), countIf(r.offset > b.last_offset)
FROM ({rows}) AS r
ASOF JOIN ({blocks_sql(since_ms)}) AS b ON r.source = b.source AND r.offset >= b.block
GROUP BY b.source, b.block
"""  # noqa: S608 (names and integers of ours)


def read_evidence(ask: Ask, since_ms: int, ended_ms: int = 0) -> Evidence:
    """Ask the store for everything that completeness is judged by.

    The marks (how far each sink is) are read first, so that everything they cover is in the other tables when those are
    read.

    Args:
        since_ms: look at blocks that began then or later.
        ended_ms: leave out events that ended before this.
    """
    return Evidence(
        since_ms=since_ms,
        marks=[
            Mark(str(source), int(first), int(end), int(at_ms), sink)
            for source, first, end, at_ms, sink in ask(MARKS).rows
        ],
        rolled_up={str(source): int(last) for source, last in ask(ROLLED_UP).rows},
        blocks=[_block(row) for row in ask(blocks_sql(since_ms)).rows],
        events=_found(ask(found_sql("events", since_ms, ended_ms)).rows),
        letters=_found(ask(found_sql("dead_letters", since_ms)).rows),
        lost=[Lost(str(row[0]), *map(int, row[1:])) for row in ask(LOST).rows],
    )


def _block(row: list[Any]) -> Block:
    source, block, last_offset, complete, *counts = row
    return Block(str(source), int(block), int(last_offset), bool(complete), *map(int, counts))


def _found(rows: Iterable[list[Any]]) -> list[Found]:
    return [Found(str(row[0]), *map(int, row[1:])) for row in rows]
