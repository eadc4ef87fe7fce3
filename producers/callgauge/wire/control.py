"""What rollup says beside its rows: what blocks held, which epoch is in force, how far each source is."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Literal

from callgauge.wire.message import Message
from callgauge.wire.rows import ScoreRow, WindowRow

__all__ = ["BlockSummary", "EpochStart", "FoldedSeries", "Progress", "SourceProgress", "WindowRecord"]


class BlockSummary(Message):
    """What a block held besides its rows. Version = last_offset; `complete` when the block has ended."""

    kind: Literal["summary"] = "summary"
    source: str
    block: int
    epoch: str
    last_offset: int
    complete: bool
    records: int
    """Records read; = counted + duplicates + dead."""
    counted: int
    """Events in the rows of every grouping set (scores: of every one whose labels they carry; steps around calls: of
    those that name the operation)."""
    duplicates: int = 0
    differing: int = 0
    """Of the duplicates, those whose content is not that of the record whose id they have."""
    dead: int = 0
    """Records that could not be read (they are on the dead-letter topic)."""
    late: int = 0
    """Counted, though they were appended more than the out-of-orderness bound after their event time."""
    clamped: int = 0
    """Counted, with a value cut to the largest that a block can add up."""
    token_violations: int = 0
    """Counted, though cache_read + cache_write > input or reasoning > output."""
    folded: int = 0
    """Counted in a series named `__other__` in some grouping set, since their service had too many series."""
    first_ts_ms: int = 0
    """Append time of the block's first record."""


class EpochStart(Message):
    """From block `from_offset` on, rows of this source count only if they are of this epoch."""

    kind: Literal["epoch"] = "epoch"
    source: str
    from_offset: int
    epoch: str
    term: int
    """Grows with each takeover of the source; a start with a lower term than seen before is a zombie's."""
    lost_from: int = -1
    """Retention ate the offsets from here up to `from_offset` before they were counted; -1: nothing was lost."""


class FoldedSeries(Message):
    """A service whose label has too many values: series of it are counted under `__other__` in a grouping set."""

    grouping: str
    """Canonical name of the grouping set."""
    service: str
    """`__other__` for the services after the first ones, if there are too many of them."""
    label: str
    """The label that is folded."""
    count: int
    """Combinations of label values that were folded in the block so far."""


class SourceProgress(Message):
    """How far one source has been rolled up, all rows up to there confirmed."""

    source: str
    block: int
    """The open block; -1 before the first record."""
    next_offset: int
    watermark_ms: int
    """Event time up to which the source is believed complete."""
    idle: bool
    committed: int = -1
    """What the group has committed, a block start: no block before it is read again, but by re-aggregation."""
    holds: Literal["calls", "scores"] = "calls"
    """Of which rows it is the source; the windows of calls do not wait for scores."""
    folding: list[FoldedSeries] = []
    """What was folded since the progress record before; at most the largest few."""


class Progress(Message):
    """A worker's sources, broadcast once a second to every partition of the windows topic."""

    kind: Literal["progress"] = "progress"
    worker: str
    at_ms: int
    """The worker's clock; for people, never for decisions."""
    sources: list[SourceProgress]


#: What the windows topic holds.
WindowRecord = WindowRow | ScoreRow | BlockSummary | EpochStart | Progress
