"""Faust's aiokafka transport with micro-batches: one message is a `Chunk` of one partition, not one record.

Faust handles messages one by one, at about 7,000/s a core before any work; it also commits past messages that are not
acknowledged. So this subclass (pinned to faust-streaming 0.15.3; tests hold each point)

- fetches, stamps and cuts records into chunks in one step of the consumer's thread, so that no seek comes between;
- takes partitions over (`takeover`) whenever Faust asks for committed positions, and counts the seeks, so that chunks
  form a chain;
- commits one *safe offset* per partition, with its note, which the agent sets after the effect of all before it is
  confirmed, and only while the generation in which it was fetched is current. Acknowledging a message commits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import aiokafka
import msgspec
from aiokafka.errors import CommitFailedError, IllegalStateError, NoOffsetForPartitionError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from callgauge_streams.chunk import Chunk
from callgauge_streams.commit_note import CommitNote
from callgauge_streams.metrics import Metrics
from callgauge_streams.position import Position, Reading
from callgauge_streams.record_batches import use_batches
from callgauge_streams.records import Records
from callgauge_streams.rollup.blocks import BlockCutter, Run
from callgauge_streams.takeover import Start, StartOf, commit_starts, guard_commits, take_over

__all__ = ["ChunkConsumer", "ChunkTransport"]

_FETCH_WAIT_MS = 50
_FETCH_BYTES = 2 << 20
_CHUNKS_AT_ONCE = 2


class _Thread(driver.AIOKafkaConsumerThread):
    """The thread that owns the Kafka client. Positions are set on its loop, together with the seek."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.positions: dict[TP, Position] = {}
        self._seeks = 0
        self._records_per_batch = 1_000.0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust offers it with transactions only
        # A broker answers one fetch at a time: one for quiet partitions must not hold up the busy ones for 1.5 s.
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        consumer._fetch_max_bytes = _FETCH_BYTES
        return consumer

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        # aiokafka takes a batch for a record (`record_batches`), so we ask for as many batches as hold about so many
        # records: what is decompressed at a time is bounded, however large the responses are.
        batches = max(1, round(_CHUNKS_AT_ONCE * (max_records or 1) / self._records_per_batch))
        try:
            fetched = await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=batches)
        except NoOffsetForPartitionError:
            return {}  # a partition nobody has read before was assigned while we waited: its start is sought next
        # No await from here on: what was drained and the position it belongs to are read together.
        generation = self._ensure_consumer()._coordinator.generation
        if fetched:
            found = [len(records) for batches_of_tp in fetched.values() for records in batches_of_tp]
            self._records_per_batch = sum(found) / len(found)
        chunks = {tp: cut for tp, records in fetched.items() if (cut := self._chunks(tp, records, generation))}
        for tp, position in self.positions.items():
            state = self.state_of(tp)
            position.fetched_to = state.position if state and state.has_valid_position else -1
        return chunks

    def _chunks(self, tp: TP, batches: list[Records], generation: int) -> list[Chunk]:
        position = self.positions.get(tp)
        if position is None:
            return []  # revoked, or not sought yet: it is read again after the seek
        records = Records.joined(batches)
        cutter = position.cutter
        runs = cutter.cut(records.offsets, records.timestamps_ms) if cutter else [Run(-1, 0, len(records))]
        most = self.app.conf.broker_max_poll_records
        chunks = []
        for run in runs:
            for part in run.parts(most):
                where = (tp.partition, generation, position.seek, position.start, position.previous, run.block)
                chunks.append(Chunk(*where, records.part(part)))
                position.previous = chunks[-1].last
        return chunks

    async def on_start(self) -> None:
        await super().on_start()
        guard_commits(self._ensure_consumer())
        use_batches(self._ensure_consumer()._fetcher)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        return cast(Mapping[TP, int], await self.call_thread(self._seek_all))

    async def _seek_all(self) -> Mapping[TP, int]:
        """Take over all that is assigned, and seek: nothing is handed on, nor sent, of a partition that was not."""
        consumer, transport = self._ensure_consumer(), cast(ChunkTransport, self.transport)
        with_blocks = transport.block_offsets is not None
        starts = await take_over(
            consumer, self.assignment(), transport.start_of, now_ms=transport.now_ms, with_terms=with_blocks
        )
        for tp, start in starts.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), start.offset)
            self._seeks += 1
            cutter = BlockCutter(transport.block_offsets) if transport.block_offsets else None
            self.positions[tp] = Position(start, self._seeks, cutter, committed=start if with_blocks else None)
        return {tp: start.offset for tp, start in starts.items()}

    async def commit_starts(self, starts: Mapping[TP, Start]) -> bool:
        """Whether the broker has accepted them; while the group rebalances it refuses, and they are moot."""
        return cast(bool, await self.call_thread(self._commit_starts, starts))

    async def _commit_starts(self, starts: Mapping[TP, Start]) -> bool:
        try:
            await commit_starts(self._ensure_consumer(), starts)
        except (CommitFailedError, IllegalStateError) as error:
            self.log.warning("%s not committed: %r", starts, error)
            return False
        except Exception as error:
            self.log.exception("%s not committed", starts)
            await self.crash(error)
            return False
        return True

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
        self._safe: dict[TP, Start] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

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
        """Note with the safe offset that all rows of the records before `counted_to` are confirmed."""
        if position := self._thread.positions.get(tp):
            safe = self._safe.get(tp, position.taken)
            note = msgspec.structs.replace(safe.note, counted_to=counted_to, minute=minute, epoch=epoch)
            self._safe[tp] = Start(safe.offset, note)

    def _to_commit(self, tp: TP) -> Start | None:
        """The safe offset and its note, under the term of the latest takeover; None when the broker has it."""
        safe, position = self._safe.get(tp), self._thread.positions.get(tp)
        if safe is None or position is None or safe.offset < position.start:
            return None
        start = safe.under(position.taken.note.term)
        return None if start == position.committed else start

    def _new_offset(self, tp: TP) -> int | None:
        start = self._to_commit(tp)
        return start.offset if start else None

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return True

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit with the notes; what is refused is tried again as long as it is ours."""
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
        """Holes between chunks mean nothing here: the safe offset alone decides."""

    def ack(self, message: Any) -> bool:
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def done(self, tp: TP, chunk: Chunk) -> None:
        """The agent is done with a chunk; lag is counted from there."""
        position = self._thread.positions.get(tp)
        if position and chunk.seek == position.seek:
            position.processed_to = chunk.last + 1
        cast(ChunkTransport, self.transport).metrics.processed(tp, len(chunk.records))

    def on_buffer_full(self, tp: TP) -> None:
        """A full buffer makes the fetcher wait as it is; Faust would sleep a whole second once all are full."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Rebalances are eager: whatever we hold is read again from its last commit, by whoever has it then.
        held = revoked | set(self._thread.positions)
        self._safe.clear()
        self._thread.positions.clear()
        cast(ChunkTransport, self.transport).on_revoked(held)
        cast(ChunkTransport, self.transport).metrics.rebalances.inc()
        await super().on_partitions_revoked(revoked)

    def starts(self) -> dict[TP, Start]:
        """The assigned partitions that were taken over and sought, and where to."""
        return {tp: position.taken for tp, position in list(self._thread.positions.items())}

    def committed(self, tp: TP) -> int:
        """What was committed last, as far as this worker knows: at first the start; -1: nothing."""
        position = self._thread.positions.get(tp)
        return position.committed.offset if position and position.committed else -1

    def holds(self, tp: TP, chunk: Chunk) -> bool:
        """Whether a chunk is of this generation and its partition still ours; else it is read again."""
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
    """`callgauge_streams.app.use_chunks` sets it up."""

    Consumer = ChunkConsumer
    block_offsets: int | None
    start_of: StartOf
    on_revoked: Callable[[Iterable[TP]], None]
    metrics: Metrics
    now_ms: Callable[[], int]
