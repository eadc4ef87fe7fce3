"""Counts of calls by bucket, and which of them the present is compared with.

A histogram and a share are the same thing here, a mapping bucket -> calls, so that both drift detectors share one
baseline and every sum is an exact integer.

    reference   the newest `reference` blocks of windows before the current one (rolling), or
                the version before this one that had enough calls, else this version's first `reference` blocks (pinned)
    current     the newest `block` windows

A window enters the reference only when it has left the current block, and not if it was judged with learn=False.

>>> share_of(3, 10), at_or_below({ZERO: 2, 5: 1}, 0)
({1: 3, 0: 7}, 2)
>>> baseline = CountsBaseline(CountsBaselineConfig(block=2, reference=2, least_blocks=1))
>>> for k in range(8): baseline.add({k: 1})
>>> sorted(baseline.reference), sorted(baseline.current)
([2, 3, 4, 5], [6, 7])
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Self

from callgauge_detectors.verdict import Counts

__all__ = ["ZERO", "CountsBaseline", "CountsBaselineConfig", "at_or_below", "histogram_of", "share_of"]

#: Bucket of the values that are 0, below all buckets of positive values.
ZERO = -(1 << 31)


def share_of(part: int, whole: int) -> Counts:
    """A share as counts: bucket 1 holds the part, bucket 0 the rest."""
    return {1: part, 0: whole - part}


def histogram_of(zero_count: int, buckets: Counts) -> Counts:
    """An exponential histogram as counts (callgauge_windows.histogram)."""
    return {ZERO: zero_count, **buckets} if zero_count else buckets


def at_or_below(counts: Counts, bucket: int) -> int:
    """Calls in buckets up to this one."""
    return sum(count for index, count in counts.items() if index <= bucket)


@dataclass(frozen=True, slots=True)
class CountsBaselineConfig:
    """Which windows are compared.

    Attributes:
        block: windows of the current block.
        reference: blocks of the reference.
        least_blocks: blocks below which there is no reference yet (not needed of a version before): calls come in
            sessions, so that two blocks next to each other differ by more than chance between calls explains.
        pinned: compare with the version before, or with this version's beginning.
    """

    block: int = 5
    reference: int = 24
    least_blocks: int = 4
    pinned: bool = False


class CountsBaseline:
    """Current and reference counts of one series; memory: block windows and reference blocks of sparse counts.

    Args:
        least_count: calls that a version must have learned to be compared with; one with fewer, rolled back after a
            minute perhaps, is passed over.
    """

    def __init__(self, config: CountsBaselineConfig, least_count: int = 1) -> None:
        self.config = config
        self._least_count = least_count
        self.version = ""
        self.previous: Counter[int] = Counter()
        self._windows: deque[tuple[bool, dict[int, int]]] = deque()
        self._filling: Counter[int] = Counter()
        self._filled = 0
        self._blocks: deque[Counter[int]] = deque()
        self._learned: Counter[int] = Counter()

    @property
    def current(self) -> Counter[int]:
        """The current block's counts."""
        total: Counter[int] = Counter()
        for _, window in self._windows:
            total.update(window)
        return total

    @property
    def reference(self) -> Counter[int]:
        """What to compare with; empty when there is nothing yet."""
        if self.config.pinned and self.previous:
            return self.previous
        return self._learned if len(self._blocks) >= self.config.least_blocks else Counter()

    def add(self, counts: Counts, *, learn: bool = True) -> None:
        """Take the next window in."""
        self._windows.append((learn, {bucket: count for bucket, count in counts.items() if count}))
        while len(self._windows) > self.config.block:
            self._leave(*self._windows.popleft())

    def begin(self, version: str) -> bool:
        """Start anew if the version is another one; what was learned of the old one becomes `previous`."""
        if version == self.version:
            return False
        self.version = version
        old = self._learned + self._filling
        for learn, window in self._windows:
            old.update(window if learn else {})
        if old.total() >= self._least_count:
            self.previous = old
        self._windows.clear()
        self._blocks.clear()
        self._learned, self._filling, self._filled = Counter(), Counter(), 0
        return True

    def _leave(self, learn: bool, window: dict[int, int]) -> None:
        if not learn or (self.config.pinned and len(self._blocks) >= self.config.reference):
            return
        self._filling.update(window)
        self._filled += 1
        if self._filled == self.config.block:
            self._blocks.append(self._filling)
            self._learned.update(self._filling)
            self._filling, self._filled = Counter(), 0
            if len(self._blocks) > self.config.reference:
                self._learned = self._learned - self._blocks.popleft()

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {
            "version": self.version,
            "previous": _pairs(self.previous),
            "windows": [[learn, _pairs(window)] for learn, window in self._windows],
            "filling": _pairs(self._filling),
            "filled": self._filled,
            "blocks": [_pairs(block) for block in self._blocks],
        }

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self.version, self._filled = snapshot["version"], snapshot["filled"]
        self.previous, self._filling = Counter(dict(snapshot["previous"])), Counter(dict(snapshot["filling"]))
        self._windows = deque((learn, dict(pairs)) for learn, pairs in snapshot["windows"])
        self._blocks = deque(Counter(dict(pairs)) for pairs in snapshot["blocks"])
        self._learned = Counter()
        for block in self._blocks:
            self._learned.update(block)
        return self


def _pairs(counts: Counts) -> list[list[int]]:
    return [[bucket, count] for bucket, count in sorted(counts.items())]
