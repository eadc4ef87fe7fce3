"""Checks that no window was judged early: a source's watermark must not be ahead of its log's clock, whatever clocks
the emitters have.

    log clock at offset o    the largest append time before o, less the out-of-orderness bound
    on time                  appended no later than the bound after its event time

Two things must hold of a progress record (next offset o, watermark w) of a source: w is not past the log clock at o,
and no event at o or later that is on time lies before w. The second is what matters: windows that end at or before w
are judged then, and such an event would have belonged to one. A fast clock (an event a day ahead) breaks both in a
rollup that trusts event time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

__all__ = ["LogClock", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker said of a source in one progress record."""

    partition: int
    next_offset: int
    watermark_ms: int


@dataclass
class _Partition:
    offsets: list[int] = field(default_factory=list)
    append_ms: list[int] = field(default_factory=list)
    on_time_ms: list[float] = field(default_factory=list)
    """Event time of what is on time; infinity for everything else."""


class LogClock:
    """The append and event times of a log, to hold watermarks against."""

    def __init__(self, bound_ms: int = 2_000) -> None:
        self._bound_ms = bound_ms
        self._partitions: dict[int, _Partition] = defaultdict(_Partition)

    def add(self, partition: int, offset: int, append_ms: int, event_ms: int | None) -> None:
        """The next record of a partition; `event_ms` is None when it cannot be read."""
        on_time = event_ms is not None and append_ms - event_ms <= self._bound_ms
        log = self._partitions[partition]
        log.offsets.append(offset)
        log.append_ms.append(append_ms)
        log.on_time_ms.append(event_ms if on_time and event_ms is not None else float("inf"))

    def early(self, told: Iterable[Told]) -> list[Told]:
        """The progress records whose watermark was too far ahead."""
        clocks = {number: list(accumulate(log.append_ms, max)) for number, log in self._partitions.items()}
        coming = {number: _earliest_from(log.on_time_ms) for number, log in self._partitions.items()}
        return [one for one in told if not self._holds(one, clocks, coming)]

    def _holds(self, told: Told, clocks: dict[int, list[int]], coming: dict[int, list[float]]) -> bool:
        if told.partition not in clocks:
            return told.watermark_ms == 0  # nothing was ever read of it
        before = bisect_left(self._partitions[told.partition].offsets, told.next_offset)
        clock_ms = clocks[told.partition][before - 1] - self._bound_ms if before else 0
        return told.watermark_ms <= min(clock_ms, coming[told.partition][before])


def _earliest_from(event_ms: list[float]) -> list[float]:
    """At i the smallest from i on; one more element, infinity, for the end."""
    return [*reversed(list(accumulate(reversed(event_ms), min))), float("inf")]
