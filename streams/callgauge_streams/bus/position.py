"""How far one assigned partition is read, processed and committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from callgauge_streams.bus.blocks import BlockCutter, Run
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.takeover import Start

__all__ = ["Position", "Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a partition is processed at one moment."""

    seek: int
    """As in `Chunk`."""
    at: int
    """All before this offset is processed."""
    end: int
    """The log's end (its high watermark), as the broker told it last."""
    readable_to: int
    """Up to here records can be read; less than `end` while a producer's transaction is open."""

    @property
    def lag(self) -> int:
        """Records between what is processed and the log's end, holes included."""
        return max(self.end - self.at, 0)


@dataclass(slots=True)
class Position:
    """Where one assigned partition was taken over, and what has happened since. `state` is the client's view of it."""

    taken: Start
    seek: int
    cutter: BlockCutter | None
    committed: Start | None = None
    """The commit that the broker accepted last. None for a topic without blocks: its takeover commits nothing."""
    previous: int | None = None
    """Last offset of the chunk that was fetched last."""
    fetched_to: int = -1
    """The client's position after the last fetch was cut into chunks: every record before it is in a chunk."""
    processed_to: int = -1
    """The offset after the last chunk that the agent has finished."""

    @property
    def start(self) -> int:
        """The offset sought to."""
        return self.taken.offset

    def chunks(self, partition: int, records: Records, generation: int, *, most: int) -> list[Chunk]:
        """Cut fetched records into chunks of at most `most` records, none across the end of a block. Each names the
        chunk before it."""
        runs = self.cutter.cut(records.offsets, records.timestamps_ms) if self.cutter else [Run(-1, 0, len(records))]
        chunks = []
        for run in runs:
            for part in run.parts(most):
                where = (partition, generation, self.seek, self.start, self.previous, run.block)
                chunks.append(Chunk(*where, records.part(part)))
                self.previous = chunks[-1].last
        return chunks

    def to_commit(self, safe: Start) -> Start | None:
        """The offset and note to be committed now, under the term of the latest takeover; None if the broker has them
        already."""
        if safe.offset < self.start:
            return None
        start = safe.under(self.taken.note.term)
        return None if start == self.committed else start

    def caught_up(self, state: Any, next_offset: int, since_ms: float) -> bool:
        """Whether a fetch answered after `since_ms` (epoch) ended at the log's end, with all up to there processed."""
        if state.highwater is None or not state.has_valid_position:
            return False
        at_end = self.fetched_to == state.position >= state.highwater
        return self._all_done(next_offset) and at_end and (state.timestamp or 0) >= since_ms

    def _all_done(self, done_to: int) -> bool:
        return self.previous is None or self.previous < done_to

    def reading(self, state: Any) -> Reading | None:
        """How far the partition is processed; None as long as the broker has not told the log's end."""
        if state is None or state.highwater is None:
            return None
        at = max(self.processed_to, self.start)
        if self._all_done(at):
            at = max(at, self.fetched_to)  # what follows the last record are holes
        stable = state.highwater if state.lso is None or state.lso < 0 else min(state.lso, state.highwater)
        return Reading(self.seek, at, state.highwater, stable)
