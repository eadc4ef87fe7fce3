"""The block rule: where a partition's log is cut, by looking at the log alone.

A block ends before the first record whose `offset // B` differs from that of the block's first record, or whose record
timestamp lies in a later minute. It is named by its first offset. Offsets are only ever committed at block starts, so
whoever reads again finds the same blocks.

    offset     0 ... 40 | 41 ... 99 | 100 ...       B = 100
    minute     7 ...  7 |  8 ...  8 |   8 ...
    block             0 |        41 |     100
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BlockCutter", "Run", "start_after_loss"]

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive records `start:end` of what was given, all of one block."""

    block: int
    start: int
    end: int


class BlockCutter:
    """Cuts what is fetched of one partition, in order, beginning at a block start."""

    def __init__(self, block_offsets: int) -> None:
        self._block_offsets = block_offsets
        self._block = -1
        self._minute = 0

    def cut(self, offsets: Sequence[int], timestamps_ms: Sequence[int]) -> list[Run]:
        """Runs that stay inside one block.

        Args:
            offsets: ascending, may have holes.
            timestamps_ms: the records' timestamps, same length.
        """
        if not offsets:
            return []
        if self._continues(offsets[-1], max(timestamps_ms)):
            return [Run(self._block, 0, len(offsets))]
        return self._cut_each(offsets, timestamps_ms)

    def _continues(self, offset: int, timestamp_ms: int) -> bool:
        return (
            self._block >= 0
            and offset // self._block_offsets == self._block // self._block_offsets
            and timestamp_ms // _MINUTE_MS <= self._minute
        )

    def _cut_each(self, offsets: Sequence[int], timestamps_ms: Sequence[int]) -> list[Run]:
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


def start_after_loss(committed: int, log_start: int, block_offsets: int) -> int:
    """Where counting begins when retention has eaten the committed offset.

    Rows of the committed block may be stored already, so nothing that could belong to it is counted again: a block
    never crosses a multiple of B, so the next multiple is safely another one.
    """
    if committed // block_offsets == log_start // block_offsets:
        return (log_start // block_offsets + 1) * block_offsets
    return log_start
