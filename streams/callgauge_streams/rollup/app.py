"""The rollup worker: a Faust app around `SourceRollup`.

`agent -> SourceRollup.take -> send -> confirm`. One lock keeps the agent and the ticker apart: both make rows of the
open blocks, and nothing may be added to a block meanwhile. What they have sent is confirmed later, in order, while the
agent counts on. Before anything of a source is sent, everybody has been told the epoch and the term under which it was
taken over.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from faust.types import TP

from callgauge.codec import decode_call, decode_score, encode
from callgauge.schema import EpochStart, Progress
from callgauge.settings import Settings
from callgauge.structs import struct_of
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.bus.takeover import Start
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import kinds_of
from callgauge_streams.rollup.rows.partitions import messages_of
from callgauge_streams.rollup.source.learned import Learned
from callgauge_streams.rollup.source.resumption import Resumer
from callgauge_streams.rollup.source.state_machine import Closed, SourceRollup
from callgauge_streams.rollup.warm_up import warm_up
from callgauge_streams.worker.app import (
    chunk_topic,
    describe_origins,
    make_app,
    run_worker,
    use_blocks,
)
from callgauge_streams.worker.memory import share_arena, trim
from callgauge_streams.worker.metrics import Metrics
from callgauge_windows.grouping import partition_of
from callgauge_windows.row_batch import RowBatch

__all__ = ["RollupWorker", "rollup_app", "run"]

_TICK_S = 0.25
_ANNOUNCE_S = 60.0
_Progress: Any = struct_of(Progress)
_EpochStart: Any = struct_of(EpochStart)


class RollupWorker:
    """The sources that this process holds; it counts their records and sends their rows.

    Args:
        resumer: found the starts of the sources, and has the ids of the records before them.
        origin: "cluster id/topic id" of the calls topic.
        scores_origin: the same of the scores topic.
        now: epoch seconds.
    """

    def __init__(
        self,
        app: Any,
        settings: Settings,
        config: RollupConfig,
        resumer: Resumer,
        origin: str,
        metrics: Metrics,
        *,
        scores_origin: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._topic = settings.topics.windows
        self._resumer = resumer
        self._kinds = kinds_of(settings.topics)
        self._learned = {topic: Learned(config, kind) for topic, kind in self._kinds.items()}
        self._origins = {settings.topics.calls.name: origin, settings.topics.scores.name: scores_origin}
        self._metrics = metrics
        self._now = now
        self._idle_after_ms = settings.idle_after_s * 1000
        self._config = config
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._sources: dict[TP, SourceRollup] = {}
        self._active_at_ms, self._idle = dict[TP, float](), set[TP]()
        self._progress_sent_at = self._announced_at = 0.0
        self._announced: dict[TP, Start] = {}
        self._differing_told_at: dict[TP, float] = {}
        self._lock, self._outbox = asyncio.Lock(), Outbox(app)

    def forget(self, revoked: Iterable[TP]) -> None:
        """Forget partitions that are taken away. Their next owner reads their open blocks again."""
        for tp in revoked:
            self._sources.pop(tp, None)
            self._idle.discard(tp)
            self._metrics.forget(tp)
        self._resumer.forget()

    async def take(self, tp: TP, chunk: Chunk) -> None:
        """Count a chunk. If it begins a new block, send the rows of the block before, and allow that to be committed
        once the broker has confirmed them."""
        async with self._lock:
            await self._announce()
            if not self._app.consumer.holds(tp, chunk):
                return
            source = self._source(tp)
            self._active_at_ms[tp] = self._now() * 1000
            self._idle.discard(tp)
            closed = source.take(chunk)
            self._tell_differing(tp, source, chunk)
            if closed:
                await self._send(
                    chain(closed.rows, [closed.summary]), lambda: self._confirm(tp, closed, chunk.generation)
                )

    def _tell_differing(self, tp: TP, source: SourceRollup, chunk: Chunk) -> None:
        """Say, at most once a minute for each source, that different events came with the same id."""
        if source.differing_offset < 0:
            return
        offset, source.differing_offset = source.differing_offset, -1
        if self._now() - self._differing_told_at.get(tp, 0.0) < _ANNOUNCE_S:
            return
        self._differing_told_at[tp] = self._now()
        at = int(np.flatnonzero(chunk.records.offsets == offset)[0])
        what = "calls" if self._kinds[tp.topic].name == "calls" else "scores"
        self._app.logger.warning(
            "%s offset %d: %s has the id of another event that came shortly before, with other content. It is not "
            "counted: ids of %s must not be used twice (BlockSummary.differing counts these)",
            tp,
            offset,
            _named(chunk.records.values([at])[0], what),
            what,
        )

    def _confirm(self, tp: TP, closed: Closed, generation: int) -> None:
        self._app.consumer.confirm(tp, closed.safe_offset, generation, self._config.epoch)
        self._metrics.block_closed(closed.summary)

    async def _announce(self) -> None:
        """Send every start that was not sent yet to all partitions of the windows topic, and wait until the broker has
        them."""
        while new := {tp: s for tp, s in self._app.consumer.starts().items() if self._announced.get(tp) != s}:
            await self._send([self._epoch_start(tp, start) for tp, start in new.items()])
            await self._outbox.settled()
            self._announced |= new

    def _epoch_start(self, tp: TP, start: Start) -> Any:
        return _EpochStart(
            source=self._name_of(tp),
            from_offset=start.offset,
            epoch=self._config.epoch,
            term=start.note.term,
            lost_from=start.note.lost_from,
        )

    def _name_of(self, tp: TP) -> str:
        return f"{self._origins[tp.topic]}/{tp.partition}"

    def _source(self, tp: TP) -> SourceRollup:
        """The source of a partition; its start has been announced before."""
        if tp not in self._sources:
            start, kind = self._announced[tp].offset, self._kinds[tp.topic]
            seen = self._resumer.take_seen(tp, start)
            name, learned = self._name_of(tp), self._learned[tp.topic]
            self._sources[tp] = SourceRollup(self._config, name, start, seen, kind, learned)
            self._active_at_ms[tp] = self._now() * 1000
        return self._sources[tp]

    async def tick(self) -> bool:
        """Send the rows of windows that have ended, and once a second a progress record; returns whether it did."""
        async with self._lock:
            if self._now() - self._announced_at >= _ANNOUNCE_S:
                self._announced_at = self._now()
                self._announced.clear()
            await self._announce()
            for tp, start in self._app.consumer.starts().items():
                if self._announced.get(tp) == start:  # a takeover that happens meanwhile is announced at the next tick
                    self._source(tp)
            second_passed = self._now() - self._progress_sent_at >= 1.0
            await self._send_due(first_time_only=not second_passed)
            if not (second_passed and self._sources):
                return False
            self._progress_sent_at = self._now()
            await self._send_idle()
            progress = self._progress()
        await self._outbox.settled()  # the rows that the progress record reports as sent must have arrived
        await self._send([progress])
        return True

    async def _send_due(self, *, first_time_only: bool) -> None:
        due = [source.due_rows(first_time_only=first_time_only) for source in self._sources.values()]
        await self._send(chain.from_iterable(due))

    async def _send_idle(self) -> None:
        # Collected before anything is awaited: a revoke changes the sources meanwhile.
        idle = {
            tp: source for tp, source in self._sources.items() if tp not in self._idle and self._goes_idle(tp, source)
        }
        self._idle.update(idle)
        counted = {tp: (source.next_offset, source.minute) for tp, source in idle.items() if source.minute >= 0}

        def note() -> None:
            for tp, (next_offset, minute) in counted.items():
                if self._sources.get(tp) is idle[tp]:  # all rows of its open block are confirmed
                    self._app.consumer.note_counted(tp, next_offset, minute, self._config.epoch)

        await self._send(chain.from_iterable([source.idle_records() for source in idle.values()]), note)

    def _goes_idle(self, tp: TP, source: SourceRollup) -> bool:
        """Whether a source becomes idle: it is caught up, and a fetch that was answered after the idle time still found
        no record."""
        idle_at_ms = self._active_at_ms[tp] + self._idle_after_ms
        return bool(self._app.consumer.caught_up(tp, source.next_offset, since_ms=idle_at_ms))

    def _progress(self) -> Any:
        sources = [self._progress_of(tp, source) for tp, source in self._sources.items()]
        return _Progress(worker=self._name, at_ms=int(self._now() * 1000), sources=sources)

    def _progress_of(self, tp: TP, source: SourceRollup) -> Any:
        progress = source.progress(idle=tp in self._idle)
        self._metrics.watermark(tp, progress.watermark_ms)
        return msgspec.structs.replace(progress, committed=self._app.consumer.committed(tp))

    async def _send(self, records: Iterable[Any], then: Callable[[], None] = lambda: None) -> None:
        rows = 0

        def messages() -> Iterator[Outgoing]:
            nonlocal rows
            for record in records:
                rows += len(record) if isinstance(record, RowBatch) else record.kind == "score_row"
                yield from self._outgoing(record)

        await self._outbox.put(messages(), then)
        self._metrics.rows_sent(rows)

    def _outgoing(self, record: Any) -> Iterator[Outgoing]:
        """Address messages: a row goes to the partition of its series, a control record to every partition."""
        if isinstance(record, RowBatch):
            for partition, value in messages_of(record, self._topic.partitions):
                yield self._topic.name, partition, record.grouping.encode(), value
            return
        value = encode(record)
        if record.kind == "score_row":
            partition = partition_of(record.series_id, self._topic.partitions)
            yield self._topic.name, partition, str(record.series_id).encode(), value
        else:
            for partition in range(self._topic.partitions):
                yield self._topic.name, partition, record.kind.encode(), value


def _named(value: bytes | None, what: str) -> str:
    """An event by its service and id."""
    event = decode_call(value) if what == "calls" else decode_score(value)
    return f"an event of service {event.service!r} with id {event.event_id!r}"


def rollup_app(settings: Settings) -> Any:
    """The Faust app, ready to run."""
    config, metrics = RollupConfig.of(settings), Metrics("rollup")
    resumer = Resumer(settings, config, on_loss=metrics.lost)
    app = make_app(settings, "rollup")
    origins = describe_origins(settings)
    worker = RollupWorker(app, settings, config, resumer, origins.calls, metrics, scores_origin=origins.scores)
    use_blocks(
        app,
        block_offsets=settings.block_offsets,
        start_of=resumer.start_of,
        on_revoked=worker.forget,
        metrics=metrics,
    )

    async def rollup(stream: Any) -> None:
        async for event in stream.events():
            await worker.take(event.message.tp, event.value)
            app.consumer.done(event.message.tp, event.value)

    async def ticker() -> None:
        if settings.ready_file:
            settings.ready_file.touch()
        while not app.should_stop:
            if await worker.tick():
                trim()
            await app.sleep(_TICK_S)

    app.agent(chunk_topic(app, settings.topics.calls.name, settings.topics.scores.name), name="rollup")(rollup)
    app.task(ticker)
    return app


def run(settings: Settings) -> None:
    """Run a rollup worker until SIGTERM."""
    share_arena()
    warm_up()
    run_worker(rollup_app(settings), settings)
