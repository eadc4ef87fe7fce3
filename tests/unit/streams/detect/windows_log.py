"""Records of the windows topic by hand, and random logs of two sources with takeovers, zombies and losses."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from callgauge.codec import decode_window_record, encode
from callgauge.schema import BlockSummary, Histogram, Measure, Progress, SourceProgress, WindowRow
from tests.unit.streams.detect.takeovers import start

WINDOW_MS = 10_000
#: Now and then the clock jumps; seldom beyond all that is kept, since each window on the way is judged.
JUMPS_MS = (100_000, 300_000, 300_000, 600_000, 600_000, 6_000_000)

Record = tuple[int, int, Any]
"""Offset, timestamp ms, record."""


def row(
    model: str, window: int, n: int, errors: int = 0, *, source: str = "s0", block: int = 0, epoch: str = "e"
) -> Any:
    good = n - errors
    histogram = Histogram(scale=5, buckets={str(32 * 20): good})  # about 2^20 µs
    latency = Measure(count=good, sum=0, sum_sq=0, min=0, max=100_000, max_event_id="e", histogram=histogram)
    message = WindowRow(
        grouping="model@10s",
        series_id=ord(model),
        window_start_ms=window * WINDOW_MS,
        window_ms=WINDOW_MS,
        source=source,
        block=block,
        epoch=epoch,
        n=n,
        labels={"model": model},
        errors={"other": errors} if errors else {},
        measures={"latency": latency} if good else {},
    )
    return decode_window_record(encode(message))


def progress(watermark_ms: int, *sources: str, idle: bool = False, committed: int = -1, **more: Any) -> Any:
    told = {"watermark_ms": watermark_ms, "idle": idle, "committed": committed, **more}
    heard = [SourceProgress(source=s, block=0, next_offset=1, **told) for s in sources]
    return decode_window_record(encode(Progress(worker="w", at_ms=0, sources=heard)))


def summary(source: str, block: int, epoch: str = "e") -> Any:
    message = BlockSummary(
        source=source, block=block, epoch=epoch, last_offset=block, complete=True, records=0, counted=0
    )
    return decode_window_record(encode(message))


@dataclass
class Rollup:
    """The worker of a source, and those before it that may wake as zombies."""

    source: str
    block: int = 0
    committed: int = 0
    window: int = 0
    term: int = 0
    start: Any = None
    started_ms: int = 0
    sent: dict[Any, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(lambda: [(0, 0)]))
    """Row's identity -> the versions (n, errors) sent."""

    def take_over(self, rng: random.Random, clock_ms: int) -> Any:
        """The next worker begins at what is committed, now and then under other settings or after a loss."""
        self.term += rng.randrange(1, 3)
        lost_from = self.committed if rng.random() < 0.1 else -1
        if lost_from >= 0:
            self.committed += 5
        self.block = self.committed
        epoch = rng.choice("abc") if self.start is None or rng.random() < 0.4 else self.start.epoch
        self.start = start(self.block, epoch, self.term, lost_from=lost_from, source=self.source)
        return self.tell_start(clock_ms)

    def tell_start(self, clock_ms: int) -> Any:
        self.started_ms = clock_ms
        return self.start

    def row(self, rng: random.Random) -> Any:
        """A row of the open block that has grown."""
        window = max(0, self.window - rng.choice((0, 0, 0, 1, 3)))
        identity = (rng.choice("ab"), window, self.block, self.start.epoch)
        n, errors = self.sent[identity][-1]
        more = rng.randrange(1, 15)
        self.sent[identity].append((n + more, errors + rng.choice((0, more))))
        return self.version(identity, -1)

    def row_again(self, rng: random.Random) -> Any:
        """A version sent before, of whatever block and epoch."""
        identity = rng.choice(list(self.sent))
        return self.version(identity, rng.randrange(1, len(self.sent[identity])))

    def version(self, identity: Any, version: int) -> Any:
        model, window, block, epoch = identity
        return row(model, window, *self.sent[identity][version], source=self.source, block=block, epoch=epoch)

    def progress(self, rng: random.Random, clock_ms: int) -> Any:
        self.window = max(self.window, clock_ms // WINDOW_MS - rng.choice((0, 0, 1)))
        self.committed = rng.choice((self.committed, self.block))
        return progress(self.window * WINDOW_MS, self.source, idle=rng.random() < 0.1, committed=self.committed)

    def close(self) -> Any:
        ended = summary(self.source, self.block, self.start.epoch)
        self.block += 10
        return ended


def random_records(rng: random.Random) -> list[Record]:
    """A windows topic: two sources, growing rows, blocks, takeovers, zombies, idle times; event time keeps up with the
    clock, and starts are repeated as rollup does."""
    log: list[Record] = []
    clock = 0
    rollups = [Rollup("s0"), Rollup("s1")]

    def append(record: Any) -> None:
        log.append((len(log), clock, record))

    for rollup in rollups:
        append(rollup.take_over(rng, clock))
    for _ in range(rng.randrange(20, 600)):
        clock += rng.choice((100, 1_000, 1_000, 5_000))
        for rollup in rollups:
            if clock - rollup.started_ms > 60_000:
                append(rollup.tell_start(clock))
        rollup, chance = rng.choice(rollups), rng.random()
        if chance < 0.5:
            append(rollup.row(rng))
        elif chance < 0.58 and rollup.sent:
            append(rollup.row_again(rng))
        elif chance < 0.85:
            append(rollup.progress(rng, clock))
        elif chance < 0.95:
            append(rollup.close())
        elif chance < 0.98:
            append(rollup.take_over(rng, clock))
        else:
            append(start(rng.randrange(rollup.block + 1), "z", 0, source=rollup.source))  # a zombie's
    return log
