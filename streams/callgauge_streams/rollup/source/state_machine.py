"""Rollup of one source, as a pure state machine: it takes chunks, and returns rows, control records and what may be
committed. It has no I/O and no clock. The caller must have the rows confirmed before it commits `Closed.safe_offset`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from callgauge.schema import FoldedSeries, SourceProgress
from callgauge.structs import struct_of
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, Kind
from callgauge_streams.rollup.reading.contents import contents_of
from callgauge_streams.rollup.source.block import Block
from callgauge_streams.rollup.source.duplicates import NEW, OTHER_CONTENT, SeenIds
from callgauge_streams.rollup.source.learned import Learned

__all__ = ["Closed", "RollupConfig", "SourceRollup", "seen_in"]

_SourceProgress: Any = struct_of(SourceProgress)
_FoldedSeries: Any = struct_of(FoldedSeries)
# Progress goes to every partition each second, so it names the largest overflows only.
_MOST_FOLDED = 20


@dataclass(frozen=True, slots=True)
class Closed:
    """A block has ended: its last rows and its complete summary, and the offset that may be committed once they,
    and all sent before, are confirmed."""

    rows: Iterator[Any]
    """Built during the iteration."""
    summary: Any
    safe_offset: int


def seen_in(config: RollupConfig, kind: Kind, horizon: Iterable[Records]) -> SeenIds:
    """The ids in a horizon (the records before a source's start), which is given in log order."""
    seen, learned = SeenIds(config.dedup_offsets, config.dedup_ms), Learned(config, kind)
    for records in horizon:
        events, dead = learned.for_block().reader.read(records)
        read = np.delete(np.arange(len(records)), dead)
        seen.mark(records.offsets[read], records.timestamps_ms[read], events.ids, contents_of(records)[read])
    return seen


class SourceRollup:
    """One source from the offset where this worker took it over.

    Args:
        name: the source, "cluster id/topic id/partition".
        start: a block start, where reading begins.
        seen: the ids of the horizon before it; None: there is nothing before it.
        kind: what it holds.
        learned: what the sources of this kind share; None: it shares nothing.
    """

    def __init__(
        self,
        config: RollupConfig,
        name: str,
        start: int,
        seen: SeenIds | None = None,
        kind: Kind = CALLS,
        learned: Learned | None = None,
    ) -> None:
        self._config = config
        self._name = name
        self._kind = kind
        self._learned = learned or Learned(config, kind)
        self._words = self._learned.for_block()
        self._chain = Chain(start)
        self._block: Block | None = None
        self._seen = seen or SeenIds(config.dedup_offsets, config.dedup_ms)
        self._largest_event_ms = 0
        self._largest_append_ms = 0
        self.differing_offset = -1
        """Offset of the first record, since this was set to -1, that has the id of another with other content."""
        self._folding: dict[tuple[str, str, str], int] = {}
        """What was folded since the last progress, in blocks that have ended."""
        self._told: dict[tuple[str, str, str], int] = {}
        """What the last progress told of the open block."""

    @property
    def next_offset(self) -> int:
        """The offset after the last record counted."""
        return self._chain.next_offset

    @property
    def watermark_ms(self) -> int:
        """Event time up to which the source is taken to be complete. It never passes the append time less the
        out-of-orderness bound, so an emitter whose clock is fast cannot move it."""
        return min(self._largest_event_ms, self._largest_append_ms) - self._config.out_of_orderness_ms

    def take(self, chunk: Chunk) -> Closed | None:
        """Count a chunk. If it begins a new block, return the end of the block before."""
        fresh = self._chain.accept(chunk)
        if fresh is None:
            return None
        closed = None
        if self._block is None or self._block.first != fresh.block:
            closed = self._close(fresh.block)
            self._words = self._learned.for_block()
            first_ms = int(fresh.records.timestamps_ms[0])
            self._block = Block(self._config, self._name, fresh.block, first_ms, self._kind, self._words.known)
        self._largest_event_ms = max(self._largest_event_ms, self._count(self._block, fresh))
        self._largest_append_ms = max(self._largest_append_ms, int(fresh.records.timestamps_ms.max()))
        return closed

    def _count(self, block: Block, chunk: Chunk) -> int:
        """Decode the records, leave out duplicates, count the rest. Returns the largest event time; 0 if nothing was
        counted."""
        # The sink of this topic puts unreadable records on the dead-letter topic.
        events, dead = self._words.reader.read(chunk.records)
        offsets, timestamps_ms = chunk.records.offsets, chunk.records.timestamps_ms
        contents = contents_of(chunk.records)
        if dead:
            offsets, timestamps_ms, contents = (np.delete(each, dead) for each in (offsets, timestamps_ms, contents))
        marks = self._seen.mark(offsets, timestamps_ms, events.ids, contents)
        duplicates, differing = int(np.count_nonzero(marks)), np.flatnonzero(marks == OTHER_CONTENT)
        if len(differing) and self.differing_offset < 0:
            self.differing_offset = int(offsets[differing[0]])
        if duplicates:
            fresh = np.flatnonzero(marks == NEW)
            events, offsets, timestamps_ms = events.pick(fresh), offsets[fresh], timestamps_ms[fresh]
        block.read(len(chunk.records), chunk.last, dead=len(dead), duplicates=duplicates, differing=len(differing))
        return block.count(events, offsets, timestamps_ms) if len(events) else 0

    def _close(self, next_block: int) -> Closed | None:
        if self._block is None:
            return None
        self._folding |= self._folded_since()
        self._told = {}
        return Closed(self._block.take_grown(), self._block.summary(complete=True), next_block)

    def _folded_since(self) -> dict[tuple[str, str, str], int]:
        """What the open block has folded, where that has grown since the last progress."""
        folding = self._block.folding() if self._block else {}
        return {key: count for key, count in folding.items() if count > self._told.get(key, 0)}

    def due_rows(self, *, first_time_only: bool) -> Iterator[Any]:
        """Rows that grew, of windows that the watermark has passed; on request only those that were never sent. They
        are built during the iteration, so no chunk may be taken until it ends."""
        return self._block.take_grown(self.watermark_ms, first_time_only) if self._block else iter(())

    def idle_records(self) -> Iterator[Any]:
        """For a source that becomes idle: all rows not sent yet, and the block's summary so far. Built like
        `due_rows`."""
        return chain(self._block.take_grown(), [self._block.summary(complete=False)]) if self._block else iter(())

    @property
    def minute(self) -> int:
        """Append time of the open block's first record in whole minutes; -1: no block is open."""
        return self._block.minute if self._block else -1

    def progress(self, *, idle: bool) -> Any:
        """How far the source is, and what it has folded since this was last asked. To be sent only when all rows taken
        so far are confirmed."""
        folded = self._folding | self._folded_since()
        self._folding, self._told = {}, self._block.folding() if self._block else {}
        largest = sorted(folded.items(), key=lambda item: -item[1])[:_MOST_FOLDED]
        return _SourceProgress(
            source=self._name,
            block=self._block.first if self._block else -1,
            next_offset=self.next_offset,
            watermark_ms=max(self.watermark_ms, 0),
            idle=idle,
            holds=self._kind.name,
            folding=[_FoldedSeries(grouping=g, service=s, label=n, count=count) for (g, s, n), count in largest],
        )
