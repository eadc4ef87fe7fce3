"""The rollup worker: a Faust app around `SourceRollup`.

`agent -> SourceRollup.take -> send -> confirm`. One lock keeps the agent and the ticker apart: both send rows of the
open blocks, and nothing may be added to a block while its rows are on their way.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import aiokafka
from faust.types import TP

from callgauge.codec import encode, struct_of
from callgauge.schema import Progress
from callgauge.settings import Settings
from callgauge_streams.app import (
    ChunkSchema,
    Outgoing,
    describe_origins,
    make_app,
    run_worker,
    send_confirmed,
    use_chunks,
)
from callgauge_streams.chunk import Chunk
from callgauge_streams.rollup.blocks import start_after_loss
from callgauge_streams.rollup.grouping import parse_groupings, partition_of
from callgauge_streams.rollup.source import RollupConfig, SourceRollup

__all__ = ["RollupWorker", "rollup_app", "run"]

_TICK_S = 0.25
_Progress: Any = struct_of(Progress)


class RollupWorker:
    """The sources this process holds, and what it sends of them.

    Args:
        origin: "cluster id/topic id" of the calls topic.
        now: epoch seconds.
    """

    def __init__(
        self,
        app: Any,
        settings: Settings,
        config: RollupConfig,
        origin: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._topic = settings.topics.windows
        self._origin = origin
        self._now = now
        self._idle_after_ms = settings.idle_after_s * 1000
        self._config = config
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._sources: dict[TP, SourceRollup] = {}
        self._active_at_ms: dict[TP, float] = {}
        self._idle: set[TP] = set()
        self._progress_sent_at = 0.0
        self._lock = asyncio.Lock()

    def forget(self, revoked: Iterable[TP]) -> None:
        """Drop all state of partitions that are taken away; whoever has them next reads their open blocks again."""
        for tp in revoked:
            self._sources.pop(tp, None)
            self._idle.discard(tp)

    async def take(self, tp: TP, chunk: Chunk) -> None:
        """Count a chunk. When it begins a block, the one before is sent, confirmed and let go for commit."""
        async with self._lock:
            if not self._app.consumer.holds(tp, chunk):
                return
            source = self._source(tp, chunk.start)
            self._active_at_ms[tp] = self._now() * 1000
            self._idle.discard(tp)
            closed = source.take(chunk)
            if closed:
                await self._send(closed.records)
                self._app.consumer.confirm(tp, closed.safe_offset, chunk.generation)

    def _source(self, tp: TP, start: int) -> SourceRollup:
        if tp not in self._sources:
            self._sources[tp] = SourceRollup(self._config, f"{self._origin}/{tp.partition}", start)
            self._active_at_ms[tp] = self._now() * 1000
        return self._sources[tp]

    async def tick(self) -> None:
        """Send rows whose windows are over, and once a second how far the sources are."""
        async with self._lock:
            for tp, start in self._app.consumer.starts().items():
                self._source(tp, start)
            second_passed = self._now() - self._progress_sent_at >= 1.0
            await self._send_due(first_time_only=not second_passed)
            if second_passed and self._sources:
                self._progress_sent_at = self._now()
                await self._send_idle()
                await self._send([self._progress()])

    async def _send_due(self, *, first_time_only: bool) -> None:
        records: list[Any] = []
        for source in self._sources.values():
            records += source.due_rows(first_time_only=first_time_only)
        await self._send(records)

    async def _send_idle(self) -> None:
        # Collected before anything is awaited: a revoke changes the sources meanwhile.
        idle = [tp for tp, source in self._sources.items() if tp not in self._idle and self._goes_idle(tp, source)]
        self._idle.update(idle)
        await self._send([record for tp in idle for record in self._sources[tp].idle_records()])

    def _goes_idle(self, tp: TP, source: SourceRollup) -> bool:
        """Caught up, and the broker has answered since the idle time passed without a record."""
        idle_at_ms = self._active_at_ms[tp] + self._idle_after_ms
        return bool(self._app.consumer.caught_up(tp, source.next_offset, since_ms=idle_at_ms))

    def _progress(self) -> Any:
        sources = [source.progress(idle=tp in self._idle) for tp, source in self._sources.items()]
        return _Progress(worker=self._name, at_ms=int(self._now() * 1000), sources=sources)

    async def _send(self, records: list[Any]) -> None:
        await send_confirmed(self._app, (message for record in records for message in self._outgoing(record)))

    def _outgoing(self, record: Any) -> Iterator[Outgoing]:
        """A row goes to its series' partition, a control record to every partition."""
        value = encode(record)
        if record.kind == "row":
            partition = partition_of(record.series_id, self._topic.partitions)
            yield self._topic.name, partition, str(record.series_id).encode(), value
        else:
            for partition in range(self._topic.partitions):
                yield self._topic.name, partition, record.kind.encode(), value


def rollup_app(settings: Settings) -> Any:
    """The Faust app, ready to run."""
    config = RollupConfig(parse_groupings(settings.groupings), settings.block_offsets, settings.out_of_orderness_ms)
    app = make_app(settings, "rollup")
    worker = RollupWorker(app, settings, config, describe_origins(settings).calls)

    async def start_of(consumer: aiokafka.AIOKafkaConsumer, tp: TP, committed: int | None) -> int:
        aiotp = aiokafka.TopicPartition(tp.topic, tp.partition)
        log_start: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        if committed is None:
            return log_start
        if committed >= log_start:
            return committed
        start = start_after_loss(committed, log_start, settings.block_offsets)
        app.logger.error("%s: retention has eaten offsets %d to %d; counting goes on there", tp, committed, start)
        return start

    use_chunks(app, block_offsets=settings.block_offsets, start_of=start_of, on_revoked=worker.forget)

    async def rollup(stream: Any) -> None:
        async for event in stream.events():
            await worker.take(event.message.tp, event.value)

    async def ticker() -> None:
        if settings.ready_file:
            settings.ready_file.touch()
        while not app.should_stop:
            await worker.tick()
            await app.sleep(_TICK_S)

    app.agent(app.topic(settings.topics.calls.name, schema=ChunkSchema()), name="rollup")(rollup)
    app.task(ticker)
    return app


def run(settings: Settings) -> None:
    """Run a rollup worker until SIGTERM."""
    run_worker(rollup_app(settings), settings)
