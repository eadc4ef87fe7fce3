"""What the transport hands to an agent: consecutive records of one partition, as one message."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from callgauge.errors import BrokenChain
from callgauge_streams.bus.records import Records

__all__ = ["Chain", "Chunk"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A micro-batch, with the offsets that let its reader check that nothing before it is missing."""

    partition: int
    generation: int
    """Of the consumer group, when it was fetched."""
    seek: int
    """How many times this process had set the partition's read position (a seek) when the chunk was fetched. A chunk
    from before the latest seek is out of date."""
    start: int
    """The offset at which reading began after that seek."""
    previous: int | None
    """Last offset of the chunk before; None for the first after the seek."""
    block: int
    """First offset of the block it lies in; -1 for a topic without blocks."""
    records: Records
    """At least one."""

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return int(self.records.offsets[0])

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return int(self.records.offsets[-1])

    def after(self, offset: int) -> Chunk | None:
        """The records from `offset` on, as a chunk; None if there are none."""
        if self.first >= offset:
            return self
        if self.last < offset:
            return None
        skip = int(np.searchsorted(self.records.offsets, offset))
        return replace(self, records=self.records.part(slice(skip, None)))


class Chain:
    """Checks that chunks of one partition arrive without a gap; drops what has arrived before.

    Holes in the offsets are normal (compaction, transactions), so continuity cannot be read off the offsets: each
    chunk names the one before it.
    """

    def __init__(self, start: int) -> None:
        self.next_offset = start
        self._seek = -1
        self._last: int | None = None

    def accept(self, chunk: Chunk) -> Chunk | None:
        """The records of a chunk that have not arrived before; None if all of them have.

        Raises:
            BrokenChain: something between the last chunk and this one is missing.
        """
        if chunk.seek < self._seek:
            return None  # fetched before the latest seek: its records will be fetched again
        if chunk.seek == self._seek and chunk.previous == self._last:
            pass
        elif chunk.seek > self._seek and chunk.previous is None and chunk.start <= self.next_offset:
            self._seek = chunk.seek
        else:
            raise BrokenChain(
                f"partition {chunk.partition}: chunk {chunk.first}..{chunk.last} follows {chunk.previous} "
                f"(seek {chunk.seek} to {chunk.start}), but {self._last} (seek {self._seek}) was the last one seen "
                f"and {self.next_offset} is next; the worker ends and reads again from its last commit"
            )
        self._last = chunk.last
        fresh = chunk.after(self.next_offset)
        self.next_offset = max(self.next_offset, chunk.last + 1)
        return fresh
