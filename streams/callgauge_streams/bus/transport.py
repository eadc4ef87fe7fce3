"""Faust's aiokafka transport with micro-batches: one message is a `Chunk` of one partition, not one record.

Faust handles messages one by one, at about 7,000/s a core before any work; it also commits past messages that are not
acknowledged. So this subclass (pinned to faust-streaming 0.15.3; tests hold each point)

- hands on chunks that form a chain, as the thread that owns the client makes them (`fetching`);
- takes partitions over (`takeover`) whenever Faust asks for committed positions;
- commits one *safe offset* per partition, with its note, which the agent sets after the effect of all before it is
  confirmed, and only while the generation in which it was fetched is current. Acknowledging a message commits nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.fetching import FetchThread, TransportConfig
from callgauge_streams.bus.position import Reading
from callgauge_streams.bus.takeover import Start

__all__ = ["ChunkConsumer", "ChunkTransport"]

log = logging.getLogger(__name__)


class ChunkConsumer(driver.Consumer):
    """Hands chunks to the agent and commits safe offsets."""

    _thread: FetchThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._safe: dict[TP, Start] = {}

    @property
    def _config(self) -> TransportConfig:
        return cast(ChunkTransport, self.transport).config

    def _new_consumer_thread(self) -> FetchThread:
        thread = FetchThread(self, loop=self.loop, beacon=self.beacon)
        thread.config = self._config
        return thread

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        chunk: Chunk = record
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=chunk.last,
            timestamp=int(chunk.records.timestamps_ms[-1]) / 1000,
            timestamp_type=0,
            headers=None,
            key=None,
            value=cast(Any, chunk),
            checksum=None,
            tp=tp,
            generation_id=chunk.generation,
        )

    def confirm(self, tp: TP, safe_offset: int, generation: int, epoch: str = "") -> None:
        """Allow `safe_offset` to be committed; ignored when the partition was fetched in an older generation.

        Args:
            epoch: of all rows from there on, for the note.
        """
        if generation == self.app.consumer_generation_id and tp in self._thread.positions:
            self._safe[tp] = Start(safe_offset, CommitNote(epoch=epoch))

    def note_counted(self, tp: TP, counted_to: int, minute: int, epoch: str) -> None:
        """Add to the note of the safe offset that the rows of all records before `counted_to` are confirmed."""
        if position := self._thread.positions.get(tp):
            safe = self._safe.get(tp, position.taken)
            note = msgspec.structs.replace(safe.note, counted_to=counted_to, minute=minute, epoch=epoch)
            self._safe[tp] = Start(safe.offset, note)

    def _to_commit(self, tp: TP) -> Start | None:
        safe, position = self._safe.get(tp), self._thread.positions.get(tp)
        return position.to_commit(safe) if safe and position else None

    def _new_offset(self, tp: TP) -> int | None:
        start = self._to_commit(tp)
        return start.offset if start else None

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return True

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit the safe offsets with their notes. What the broker refuses is tried again as long as the partition is
        ours."""
        positions = dict(self._thread.positions)
        starts = {tp: start for tp in offsets if tp in positions and (start := self._to_commit(tp))}
        accepted = await self._thread.commit_starts(starts)
        if accepted:
            for tp, start in starts.items():
                positions[tp].committed = start
        return accepted

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._safe) if topics is None or tp in topics or tp.topic in topics)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore holes in the offsets, which Faust would keep track of: the safe offset alone decides what is
        committed."""

    def ack(self, message: Any) -> bool:
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def done(self, tp: TP, chunk: Chunk) -> None:
        """Note that the agent has finished a chunk; lag is counted from there."""
        position = self._thread.positions.get(tp)
        if position and chunk.seek == position.seek:
            position.processed_to = chunk.last + 1
        self._config.metrics.processed(tp, len(chunk.records))

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full buffer makes the fetcher wait anyway, and Faust would sleep for a second."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Rebalances are eager: all partitions are taken away, and their next owners read on from the last commits.
        held = revoked | set(self._thread.positions)
        if held:
            names = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(held))
            log.info("no longer assigned: %s; the group shares its partitions out again, or this worker ends", names)
        self._safe.clear()
        self._thread.positions.clear()
        self._config.on_revoked(held)
        self._config.metrics.rebalanced()
        await super().on_partitions_revoked(revoked)

    def starts(self) -> dict[TP, Start]:
        """The partitions that this worker has taken over, and the start of each."""
        return {tp: position.taken for tp, position in list(self._thread.positions.items())}

    def committed(self, tp: TP) -> int:
        """What was committed last, as far as this worker knows: at first the start; -1: nothing."""
        position = self._thread.positions.get(tp)
        return position.committed.offset if position and position.committed else -1

    def holds(self, tp: TP, chunk: Chunk) -> bool:
        """Whether the chunk's partition is still ours, in the same generation. If not, its next owner reads it
        again."""
        return chunk.generation == self.app.consumer_generation_id and tp in self._thread.positions

    def caught_up(self, tp: TP, next_offset: int, since_ms: float) -> bool:
        """Whether a fetch answered after `since_ms` (epoch) ended at the log's end, with all up to there processed."""
        state, position = self._thread.state_of(tp), self._thread.positions.get(tp)
        return bool(state and position and position.caught_up(state, next_offset, since_ms))

    def readings(self) -> dict[TP, Reading]:
        """How far each partition is processed, and how far it could be; for other threads."""
        positions = list(self._thread.positions.items())
        readings = {tp: position.reading(self._thread.state_of(tp)) for tp, position in positions}
        return {tp: reading for tp, reading in readings.items() if reading}


class ChunkTransport(driver.Transport):
    """`callgauge_streams.worker.app.use_chunks` sets it up."""

    Consumer = ChunkConsumer
    config: TransportConfig
