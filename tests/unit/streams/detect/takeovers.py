"""Random histories of one source: workers that crash, hang, wake as zombies and come back under other settings.

As design.md has it: blocks are cut by offset and minute; a takeover commits its start with a higher term, then tells
its `EpochStart`, then sends rows; offsets are committed at block starts once the rows before are sent. B, the minute
and the chances are small, so that everything happens often. Time is a list index: what is sent is in the log at once.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from callgauge.schema import BlockSummary, EpochStart, Progress, SourceProgress, WindowRow
from callgauge.structs import struct_of

_Row: Any = struct_of(WindowRow)
_Summary: Any = struct_of(BlockSummary)
_Start: Any = struct_of(EpochStart)
_Progress: Any = struct_of(Progress)
_SourceProgress: Any = struct_of(SourceProgress)

SOURCE = "cluster/topic/0"
WINDOW_MS = 10_000


def row(
    block: int, epoch: str, n: int, *, window: int = 0, series: int = 0, by: str = "service", source: str = SOURCE
) -> Any:
    """A `WindowRow` of the grouping set (by) at 10 s."""
    return _Row(
        grouping=f"{by}@10s",
        series_id=series,
        window_start_ms=window * WINDOW_MS,
        window_ms=WINDOW_MS,
        source=source,
        block=block,
        epoch=epoch,
        n=n,
        labels={by: str(series)},
    )


def start(from_offset: int, epoch: str, term: int, *, lost_from: int = -1, source: str = SOURCE) -> Any:
    """An `EpochStart`."""
    return _Start(source=source, from_offset=from_offset, epoch=epoch, term=term, lost_from=lost_from)


def progress(committed: int, *, source: str = SOURCE) -> Any:
    """A `Progress` of one source."""
    at = _SourceProgress(
        source=source, block=committed, next_offset=committed, watermark_ms=0, idle=False, committed=committed
    )
    return _Progress(worker="w", at_ms=0, sources=[at])


@dataclass
class Event:
    """One record of the calls topic."""

    offset: int
    append_s: int
    series: int
    window: int


@dataclass
class Broker:
    """What the group coordinator keeps, and the windows topic."""

    records: list[Any]
    committed: int
    term: int = 0


def random_events(rng: random.Random) -> list[Event]:
    """Holes in the offsets, noisy timestamps."""
    offset = now = 0
    events = []
    for _ in range(rng.randint(20, 200)):
        offset += 1 if rng.random() < 0.9 else rng.randint(2, 6)
        now += rng.choice([0, 0, 1, 5, 20, 70])
        append_s = now + rng.choice([0, 0, 0, -30, 200 if rng.random() < 0.05 else 0])
        events.append(Event(offset, append_s, rng.randrange(2), rng.randrange(5)))
    return events


class Worker:
    """One generation of a consumer. Its settings number decides grouping set and B."""

    def __init__(self, events: list[Event], broker: Broker, settings: int, rng: random.Random) -> None:
        self._events, self._broker, self._rng = events, broker, rng
        self._epoch = f"e{settings}"
        self._by = ("service", "model")[settings % 2]
        self._block_offsets = 16 + 8 * (settings % 3)
        self._start = self._committed = broker.committed
        self._next = next((i for i, event in enumerate(events) if event.offset >= self._start), len(events))
        self._first: Event | None = None
        self._counts: Counter[tuple[int, int]] = Counter()
        self._term = 0
        self._told = False

    def step(self, records: int, *, owns: bool) -> None:
        """Count some records; a worker that does not own the source is refused its commits."""
        if not self._told and not self._take_over(owns):
            return
        for event in self._events[self._next : self._next + records]:
            if self._first is not None and self._ends(self._first, event):
                self._end_block(event, owns)
            self._first = self._first or event
            self._counts[event.series, event.window] += 1
            if self._rng.random() < 0.15:
                self.send_rows()
        self._next = min(self._next + records, len(self._events))
        if self._rng.random() < 0.3:
            self._broker.records.append(progress(self._committed))
        if self._rng.random() < 0.1:
            self._tell_start()

    def send_rows(self) -> None:
        """The open block's rows as far as they have grown."""
        if self._first is not None:
            for (series, window), n in self._counts.items():
                self._broker.records.append(
                    row(self._first.offset, self._epoch, n, window=window, series=series, by=self._by)
                )

    def _take_over(self, owns: bool) -> bool:
        """Commit the start with a higher term, then tell it; may hang in between."""
        if not self._term:
            if not owns:
                return False
            self._term = self._broker.term = self._broker.term + 1
            if self._rng.random() < 0.3:
                return False
        self._tell_start()
        self._told = True
        return True

    def _tell_start(self) -> None:
        self._broker.records.append(start(self._start, self._epoch, self._term))

    def _ends(self, first: Event, event: Event) -> bool:
        b = self._block_offsets
        return event.offset // b != first.offset // b or event.append_s // 60 > first.append_s // 60

    def _end_block(self, event: Event, owns: bool) -> None:
        assert self._first is not None
        self.send_rows()
        counted, block = self._counts.total(), self._first.offset
        self._broker.records.append(
            _Summary(
                source=SOURCE,
                block=block,
                epoch=self._epoch,
                last_offset=event.offset - 1,
                complete=True,
                records=counted,
                counted=counted,
            )
        )
        self._first, self._counts = None, Counter()
        if owns:
            self._broker.committed = self._committed = event.offset


def random_history(seed: int) -> tuple[list[Any], Counter[int]]:
    """What such workers send of one source, and how many events each window holds."""
    rng = random.Random(seed)
    events = random_events(rng)
    broker = Broker([], committed=events[0].offset)
    newest = 0
    zombies: list[Worker] = []
    owner = Worker(events, broker, newest, rng)
    for _ in range(400):
        chance = rng.random()
        if chance < 0.75:
            owner.step(rng.randint(1, 8), owns=True)
        elif chance < 0.85 and zombies:
            rng.choice(zombies).step(rng.randint(1, 8), owns=False)
        elif chance < 0.93:
            zombies.append(owner)
            newest += rng.random() < 0.3
            owner = Worker(events, broker, newest if rng.random() < 0.7 else rng.randint(0, newest), rng)
    for records in (1, len(events)):
        owner.step(records, owns=True)
    owner.send_rows()
    return broker.records, Counter(event.window for event in events)
