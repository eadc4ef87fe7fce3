"""Faust's aiokafka transport with micro-batches: one message is a `Chunk` of one partition, not one record.

Faust handles messages one by one, at about 7,000/s a core before any work; it also commits past messages that are not
acknowledged. So this subclass (pinned to faust-streaming 0.15.3; tests hold each point)

- fetches, stamps and cuts records into chunks in one step of the consumer's thread, so that no seek comes between;
- seeks explicitly whenever Faust asks for committed positions, and counts the seeks, so that chunks form a chain;
- commits one *safe offset* per partition, which the agent sets after the effect of all before it is confirmed, and
  only while the generation in which it was fetched is current. Acknowledging a message commits nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiokafka
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from callgauge_streams.chunk import Chunk
from callgauge_streams.rollup.blocks import BlockCutter, Run

__all__ = ["ChunkConsumer", "ChunkTransport", "StartOf"]

#: Finds where to begin: given the client, the partition and its committed offset (None at the very first start).
StartOf = Callable[[aiokafka.AIOKafkaConsumer, TP, int | None], Awaitable[int]]


@dataclass(slots=True)
class _Position:
    """Where one assigned partition was sought to, and the chunk that was fetched last."""

    start: int
    seek: int
    cutter: BlockCutter | None
    previous: int | None = None
    fetched_to: int = -1
    """The client's position when the last fetch had been cut: all before it is in chunks."""


class _Thread(driver.AIOKafkaConsumerThread):
    """The thread that owns the Kafka client. Positions are set on its loop, together with the seek."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.positions: dict[TP, _Position] = {}
        self._seeks = 0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust offers it with transactions only
        return consumer

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(*args, **kwargs)
        # No await from here on: what was drained and the position it belongs to are read together.
        generation = self._ensure_consumer()._coordinator.generation
        chunks = {tp: cut for tp, records in fetched.items() if (cut := self._chunks(tp, records, generation))}
        for tp, position in self.positions.items():
            state = self.state_of(tp)
            position.fetched_to = state.position if state and state.has_valid_position else -1
        return chunks

    def _chunks(self, tp: TP, records: list[Any], generation: int) -> list[Chunk]:
        position = self.positions.get(tp)
        if position is None:
            return []  # revoked, or not sought yet: it is read again after the seek
        offsets = [record.offset for record in records]
        timestamps = [record.timestamp for record in records]
        values = [record.value for record in records]
        runs = position.cutter.cut(offsets, timestamps) if position.cutter else [Run(-1, 0, len(records))]
        chunks = []
        for run in runs:
            part = slice(run.start, run.end)
            where = (tp.partition, generation, position.seek, position.start, position.previous, run.block)
            chunks.append(Chunk(*where, offsets[part], timestamps[part], values[part]))
            position.previous = offsets[run.end - 1]
        return chunks

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return cast(Mapping[TP, int], await self.call_thread(self._seek_all))

    async def _seek_all(self) -> Mapping[TP, int]:
        return {tp: await self._seek(tp) for tp in self.assignment()}

    async def _seek(self, tp: TP) -> int:
        """Seek to where the strategy says; at the very first start, commit that before anything is sent."""
        consumer, transport = self._ensure_consumer(), cast(ChunkTransport, self.transport)
        aiotp = driver.ensure_aiokafka_TP(tp)
        committed = await consumer.committed(aiotp)
        start = await transport.start_of(consumer, tp, committed)
        if committed is None:
            self._still_ours(tp)
            await consumer.commit({aiotp: OffsetAndMetadata(start, "")})
        self._still_ours(tp)
        cutter = BlockCutter(transport.block_offsets) if transport.block_offsets else None
        consumer.seek(aiotp, start)
        self._seeks += 1
        self.positions[tp] = _Position(start, self._seeks, cutter)
        return start

    def _still_ours(self, tp: TP) -> None:
        """A rebalance may have begun while we waited; until it ends the client still takes seeks on what it had."""
        if self._ensure_consumer()._subscription.reassignment_in_progress:
            raise IllegalStateError(f"{tp}: the group is rebalancing; its position is sought when that has ended")

    def state_of(self, tp: TP) -> Any:
        """The client's view of an assigned partition, else None."""
        aiotp, subscription = driver.ensure_aiokafka_TP(tp), self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription else None
        return assignment.state_value(aiotp) if assignment and aiotp in assignment.tps else None


class ChunkConsumer(driver.Consumer):
    """Hands chunks to the agent and commits safe offsets."""

    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._safe_offsets: dict[TP, int] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        chunk: Chunk = record
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=chunk.last,
            timestamp=chunk.timestamps_ms[-1] / 1000,
            timestamp_type=0,
            headers=None,
            key=None,
            value=cast(Any, chunk),
            checksum=None,
            tp=tp,
            generation_id=chunk.generation,
        )

    def confirm(self, tp: TP, safe_offset: int, generation: int) -> None:
        """Allow `safe_offset` to be committed; ignored when the partition was fetched in an older generation."""
        if generation == self.app.consumer_generation_id and tp in self._thread.positions:
            self._safe_offsets[tp] = safe_offset

    def _new_offset(self, tp: TP) -> int | None:
        return self._safe_offsets.get(tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._safe_offsets) if topics is None or tp in topics or tp.topic in topics)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Holes between chunks mean nothing here: the safe offset alone decides."""

    def ack(self, message: Any) -> bool:
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def on_buffer_full(self, tp: TP) -> None:
        """A full buffer makes the fetcher wait as it is; Faust would sleep a whole second once all are full."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Rebalances are eager: whatever we hold is read again from its last commit, by whoever has it then.
        held = revoked | set(self._thread.positions)
        self._safe_offsets.clear()
        self._thread.positions.clear()
        cast(ChunkTransport, self.transport).on_revoked(held)
        await super().on_partitions_revoked(revoked)

    def starts(self) -> dict[TP, int]:
        """The assigned partitions that have been sought, and where to."""
        return {tp: position.start for tp, position in list(self._thread.positions.items())}

    def holds(self, tp: TP, chunk: Chunk) -> bool:
        """Whether a chunk is of this generation and its partition still ours; else it is read again."""
        return chunk.generation == self.app.consumer_generation_id and tp in self._thread.positions

    def caught_up(self, tp: TP, next_offset: int, since_ms: float) -> bool:
        """Whether a fetch answered after `since_ms` (epoch) ended at the log's end, with all up to there processed."""
        state, position = self._thread.state_of(tp), self._thread.positions.get(tp)
        if state is None or position is None or state.highwater is None or not state.has_valid_position:
            return False
        processed = position.previous is None or position.previous < next_offset
        at_end = position.fetched_to == state.position >= state.highwater
        return processed and at_end and (state.timestamp or 0) >= since_ms


class ChunkTransport(driver.Transport):
    """`callgauge_streams.app.use_chunks` sets it up."""

    Consumer = ChunkConsumer
    block_offsets: int | None
    start_of: StartOf
    on_revoked: Callable[[Iterable[TP]], None]
