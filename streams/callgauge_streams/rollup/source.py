"""Rollup of one source, as a pure state machine: chunks in, rows and control records out, and what may be committed.

No I/O and no clock: whoever drives it confirms what it returned before committing `Closed.safe_offset`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from callgauge.codec import decode_call, struct_of
from callgauge.errors import DecodeError
from callgauge.schema import BlockSummary, SourceProgress
from callgauge.units import LIMIT
from callgauge_streams.chunk import Chain, Chunk
from callgauge_streams.histogram import SCALE
from callgauge_streams.rollup.accumulator import Accumulator
from callgauge_streams.rollup.columns import columns_of
from callgauge_streams.rollup.grouping import GroupingSet

__all__ = ["Closed", "RollupConfig", "SourceRollup"]

_Summary: Any = struct_of(BlockSummary)
_SourceProgress: Any = struct_of(SourceProgress)
# Raised whenever the meaning of a row changes without any setting changing.
_ROW_FORMAT = 2


@dataclass(frozen=True)
class RollupConfig:
    """All that decides what a row contains, and the out-of-orderness bound, which does not."""

    groupings: tuple[GroupingSet, ...]
    block_offsets: int
    out_of_orderness_ms: int

    @property
    def epoch(self) -> str:
        """Short hash of all that changes what a row contains."""
        content = [_ROW_FORMAT, self.block_offsets, [g.name for g in self.groupings], SCALE, LIMIT]
        return blake2b(json.dumps(content).encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Closed:
    """A block has ended: its last rows and its complete summary, and the offset that may be committed once they,
    and all sent before, are confirmed."""

    records: list[Any]
    safe_offset: int


class SourceRollup:
    """One source from the offset where this worker took it over.

    Args:
        name: the source, "cluster id/topic id/partition".
        start: a block start, where reading begins.
    """

    def __init__(self, config: RollupConfig, name: str, start: int) -> None:
        self._config = config
        self._name = name
        self._chain = Chain(start)
        self._block: _Block | None = None
        self._largest_event_ms = 0
        self._largest_append_ms = 0

    @property
    def next_offset(self) -> int:
        """The offset after the last record counted."""
        return self._chain.next_offset

    @property
    def watermark_ms(self) -> int:
        """Event time up to which the source is believed complete; append time keeps a fast clock from moving it."""
        return min(self._largest_event_ms, self._largest_append_ms) - self._config.out_of_orderness_ms

    def take(self, chunk: Chunk) -> Closed | None:
        """Count a chunk; returns what closes the block before it, if it begins another."""
        fresh = self._chain.accept(chunk)
        if fresh is None:
            return None
        closed = None
        if self._block is None or self._block.first != fresh.block:
            closed = self._close(fresh.block)
            self._block = _Block(self._config, self._name, fresh.block, fresh.timestamps_ms[0])
        event_ms = self._block.add(fresh)
        self._largest_event_ms = max(self._largest_event_ms, event_ms)
        self._largest_append_ms = max(self._largest_append_ms, max(fresh.timestamps_ms))
        return closed

    def _close(self, next_block: int) -> Closed | None:
        if self._block is None:
            return None
        return Closed([*self._block.take_grown(), self._block.summary(complete=True)], next_block)

    def due_rows(self, *, first_time_only: bool) -> list[Any]:
        """Rows that grew and whose windows the watermark has passed; perhaps only those that were never sent."""
        return self._block.take_grown(self.watermark_ms, first_time_only) if self._block else []

    def idle_records(self) -> list[Any]:
        """Everything not sent yet and the block's summary so far, for a source that goes idle."""
        return [*self._block.take_grown(), self._block.summary(complete=False)] if self._block else []

    def progress(self, *, idle: bool) -> Any:
        """How far the source is; to be sent when all rows taken so far are confirmed."""
        return _SourceProgress(
            source=self._name,
            block=self._block.first if self._block else -1,
            next_offset=self.next_offset,
            watermark_ms=max(self.watermark_ms, 0),
            idle=idle,
        )


class _Block:
    """The open block: one accumulator per grouping set, and the counts of its summary."""

    def __init__(self, config: RollupConfig, source: str, first: int, first_ts_ms: int) -> None:
        self.first = first
        self._bound_ms = config.out_of_orderness_ms
        self._groups = [
            Accumulator(grouping, source=source, block=first, epoch=config.epoch) for grouping in config.groupings
        ]
        self._summary = _Summary(
            source=source,
            block=first,
            epoch=config.epoch,
            last_offset=first,
            complete=False,
            records=0,
            counted=0,
            first_ts_ms=first_ts_ms,
        )

    def add(self, chunk: Chunk) -> int:
        """Count a chunk; returns the largest event time in it (0 when nothing could be read)."""
        calls, appended = [], []
        for timestamp_ms, value in zip(chunk.timestamps_ms, chunk.values, strict=True):
            try:
                calls.append(decode_call(value))
                appended.append(timestamp_ms)
            except DecodeError:
                self._summary.dead += 1  # the calls sink, which reads it too, keeps it with the reason
        self._summary.records += len(chunk.offsets)
        self._summary.last_offset = chunk.last
        return self._count(calls, appended) if calls else 0

    def _count(self, calls: list[Any], appended: list[int]) -> int:
        columns = columns_of(calls)
        for group in self._groups:
            group.add(columns)
        self._summary.counted += columns.n
        self._summary.late += int((appended - columns.event_ms > self._bound_ms).sum())
        self._summary.clamped += columns.clamped
        self._summary.token_violations += columns.token_violations
        return int(columns.event_ms.max())

    def take_grown(self, watermark_ms: int | None = None, first_time_only: bool = False) -> list[Any]:
        return [row for group in self._groups for row in group.take_grown(watermark_ms, first_time_only)]

    def summary(self, *, complete: bool) -> Any:
        return msgspec.structs.replace(self._summary, complete=complete)
