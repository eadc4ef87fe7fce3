"""The block rule: where a partition's log is cut, by looking at the log alone.

A block ends before the first record whose `offset // B` differs from that of the block's first record, or whose record
timestamp lies in a later minute. It is named by its first offset. Offsets are only ever committed at block starts, so
whoever reads again finds the same blocks.

    offset     0 ... 40 | 41 ... 99 | 100 ...       B = 100
    minute     7 ...  7 |  8 ...  8 |   8 ...
    block             0 |        41 |     100
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["BlockCutter", "LogHead", "Record", "Resumption", "Run", "block_start_from", "resume_after_retention"]

Int64s = npt.NDArray[np.int64]

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive records, `start` up to `end` of those that were given, which all belong to one block."""

    block: int
    start: int
    end: int

    def parts(self, most: int) -> Iterator[slice]:
        """This run, split into parts of at most `most` records each."""
        return (slice(start, min(start + most, self.end)) for start in range(self.start, self.end, most))


class BlockCutter:
    """Cuts what is fetched of one partition, in order, beginning at a block start."""

    def __init__(self, block_offsets: int) -> None:
        self._block_offsets = block_offsets
        self._block = -1
        self._minute = 0

    def cut(self, offsets: Int64s, timestamps_ms: Int64s) -> list[Run]:
        """Split fetched records into runs, each inside one block.

        Args:
            offsets: ascending, may have holes; shape (n,).
            timestamps_ms: the records' timestamps, shape (n,).
        """
        if not len(offsets):
            return []
        if self._continues(int(offsets[-1]), int(timestamps_ms.max())):
            return [Run(self._block, 0, len(offsets))]
        return self._cut_each(offsets.tolist(), timestamps_ms.tolist())

    def _continues(self, offset: int, timestamp_ms: int) -> bool:
        return (
            self._block >= 0
            and offset // self._block_offsets == self._block // self._block_offsets
            and timestamp_ms // _MINUTE_MS <= self._minute
        )

    def _cut_each(self, offsets: list[int], timestamps_ms: list[int]) -> list[Run]:
        runs: list[Run] = []
        start = 0
        for i, (offset, timestamp_ms) in enumerate(zip(offsets, timestamps_ms, strict=True)):
            if not self._continues(offset, timestamp_ms):
                if i > start:
                    runs.append(Run(self._block, start, i))
                start = i
                self._block, self._minute = offset, timestamp_ms // _MINUTE_MS
        runs.append(Run(self._block, start, len(offsets)))
        return runs


@dataclass(frozen=True, slots=True)
class Record:
    """Where and when a record was appended."""

    offset: int
    timestamp_ms: int
    stamped: bool
    """Whether the broker set the timestamp. If it did, timestamps never go back."""

    @property
    def minute(self) -> int:
        """Its timestamp in whole minutes."""
        return self.timestamp_ms // _MINUTE_MS


class LogHead(Protocol):
    """Questions about the part of a log that retention has not deleted yet."""

    @property
    def start(self) -> int:
        """The first offset left."""

    @property
    def end(self) -> int:
        """The offset after the last record."""

    def first_from(self, offset: int) -> Record | None:
        """The first record at or after `offset`; None at the end."""

    def first_at(self, timestamp_ms: int) -> int | None:
        """The first offset whose record has this timestamp or a later one; None when there is none."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where counting goes on, and what was lost: the offsets from `lost_from` up to `start`; nothing if `lost_from` is
    -1."""

    start: int
    lost_from: int = -1

    def is_cut(self, log: LogHead, block_offsets: int | None) -> bool:
        """Whether it is certain that a block begins at `start`. At the end of the log it is not: if the next record is
        of the same minute, it still belongs to a block that another worker may have open."""
        return self.start < log.end or (block_offsets is not None and self.start % block_offsets == 0)


def resume_after_retention(
    committed: int, counted_to: int, minute: int, log: LogHead, block_offsets: int | None
) -> Resumption:
    """Where counting goes on when retention has deleted the record at the committed offset.

    Rows of the committed block may be stored already, and so may rows of later blocks if a crash came before their
    commit. So counting goes on at an offset where every reader would begin a block: then no record is in two blocks.

        committed    log start   counted_to
            |  eaten     |  counted   |  not of this block: goes on, nothing lost
            |  eaten     |  counted   |  of this block, perhaps counted: lost up to the next block

        committed  counted_to  log start
            |  counted   |  lost  |  rest of a block: lost too  |  next block: goes on

    Args:
        committed: a block start, before the log's start.
        counted_to: all rows of the records before it are confirmed; -1: not known.
        minute: append time of the committed block's first record in whole minutes; -1: not known.
        block_offsets: None: the blocks that may be stored were perhaps cut with another B. All are cut at minutes.
    """
    counted_to = max(counted_to, committed)
    lost = counted_to < log.start
    at = max(counted_to, log.start)
    first = log.first_from(at)
    if first is None:
        return Resumption(at, counted_to if lost else -1)
    another_range = block_offsets is not None and first.offset // block_offsets != committed // block_offsets
    if not lost and (another_range or 0 <= minute < first.minute):
        return Resumption(first.offset)
    if first.stamped:
        start = _minute_after(first.minute, at, log, block_offsets)
    elif another_range:
        start = at  # no certain block start can be found, since the producers' clocks go back and forth
    elif minute >= 0 or block_offsets is None:
        start = _minute_after(minute if minute >= 0 else first.minute, at, log, block_offsets)
    else:
        start = _multiple_from(at, block_offsets)
    return Resumption(start, counted_to if lost else first.offset)


def block_start_from(offset: int, first: Record, log: LogHead, block_offsets: int) -> int:
    """The first block start at or after `offset` that can be found without reading the records before it.

    Args:
        first: the first record at or after `offset`.
    """
    if first.stamped:
        return _minute_after(first.minute, offset, log, block_offsets)
    return _multiple_from(offset, block_offsets)


def _minute_after(minute: int, offset: int, log: LogHead, block_offsets: int | None) -> int:
    """The first block start at or after `offset` that lies in a later minute or in the next range of offsets. It may be
    the log's end, see `Resumption.is_cut`."""
    later = log.first_at((minute + 1) * _MINUTE_MS)
    start = max(log.end if later is None else later, offset)
    return start if block_offsets is None else min(_multiple_from(offset, block_offsets), start)


def _multiple_from(offset: int, block_offsets: int) -> int:
    return -(-offset // block_offsets) * block_offsets
