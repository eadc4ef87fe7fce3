"""The thread that owns the Kafka client: it fetches chunks, takes partitions over, and commits.

Fetched records are cut into chunks, and marked with the current position, in one step of its event loop, so that no
seek can happen in between. Each chunk carries the number of seeks so far and names the chunk before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import aiokafka
from aiokafka import conn as aiokafka_conn
from aiokafka.errors import CommitFailedError, IllegalStateError, NoOffsetForPartitionError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.fetch_budget import FetchBudget, use_budget
from callgauge_streams.bus.position import Position
from callgauge_streams.bus.record_batches import use_batches
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.steps import Steps
from callgauge_streams.bus.takeover import Start, StartOf, commit_starts, guard_commits, take_over

__all__ = ["FetchThread", "TransportConfig", "TransportMetrics", "share_of_fetch"]

log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 50
_FETCH_BYTES = 2 << 20
# What tansu sends at once, and a partition's part of it: with less than a megabyte a worker of few partitions waits.
_SHARED_BYTES, _LEAST_SHARE, _LARGEST_SHARE = 16 << 20, 64 << 10, 1 << 20
_CHUNKS_AT_ONCE = 2
# aiokafka has asyncio stop reading a socket at 128 KB and go on at once, for each piece of a response of megabytes.
_READ_AHEAD_BYTES = 4 << 20


class TransportMetrics(Protocol):
    """What the transport tells the worker's metrics."""

    def processed(self, tp: TP, records: int) -> None:
        """The agent has finished so many records of a partition."""

    def rebalanced(self) -> None:
        """The consumer group took partitions away from this worker, to share them out again."""


@dataclass(frozen=True)
class TransportConfig:
    """What an app asks of its transport.

    Attributes:
        block_offsets: B of the block rule; None for a topic without blocks. With blocks each takeover has a term.
        start_of: where to begin reading a partition, and what to note with it.
        on_revoked: called before partitions go, to drop their state.
        now_ms: the clock that terms are taken from.
        steps: told what the takeovers do.
    """

    block_offsets: int | None
    start_of: StartOf
    on_revoked: Callable[[Iterable[TP]], None]
    metrics: TransportMetrics
    now_ms: Callable[[], int]
    steps: Steps = field(default_factory=Steps)


class FetchThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the Kafka client.

    Attributes:
        positions: of what is assigned; they are set on its loop, together with the seek.
        config: what the app asks for, set before the thread starts.
    """

    config: TransportConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        self.positions: dict[TP, Position] = {}
        self._seeks = 0
        self._records_per_batch = 1_000.0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        aiokafka_conn.READER_LIMIT = _READ_AHEAD_BYTES
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust offers it with transactions only
        # A broker answers one fetch at a time. A fetch of quiet partitions must not delay the busy ones for 1.5 s.
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
            return {}  # a partition that nobody has read before was assigned meanwhile: its start is set next
        # No await from here on: the fetched records and the position they belong to must be read together.
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
            return []  # the partition was taken away, or its start is not set yet: its records will be read again
        records = Records.joined(batches)
        return position.chunks(tp.partition, records, generation, most=self.app.conf.broker_max_poll_records)

    async def on_start(self) -> None:
        await super().on_start()
        guard_commits(self._ensure_consumer())
        fetcher = self._ensure_consumer()._fetcher
        use_budget(fetcher, FetchBudget(_SHARED_BYTES), use_batches(fetcher))

    async def seek_to_committed(self) -> Mapping[TP, int]:
        # tansu gives each partition's share without regard to the limit of the whole response: of 64 partitions it sent
        # 64 MB at once, and the last of them waited until all others were read.
        self._ensure_consumer()._fetcher._max_partition_fetch_bytes = share_of_fetch(len(self.assignment()))
        return cast(Mapping[TP, int], await self.call_thread(self._seek_all))

    async def _seek_all(self) -> Mapping[TP, int]:
        """Take over every assigned partition and set its read position. Records of a partition are neither handed to
        the agent nor sent before that."""
        consumer, config = self._ensure_consumer(), self.config
        with_blocks = config.block_offsets is not None
        starts = await take_over(
            consumer,
            self.assignment(),
            config.start_of,
            now_ms=config.now_ms,
            with_terms=with_blocks,
            steps=config.steps,
        )
        for tp, start in starts.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), start.offset)
            self._seeks += 1
            cutter = BlockCutter(config.block_offsets) if config.block_offsets else None
            self.positions[tp] = Position(start, self._seeks, cutter, committed=start if with_blocks else None)
        log.info("assigned %s", _offsets_of(starts, "from offset ") or "nothing")
        return {tp: start.offset for tp, start in starts.items()}

    async def commit_starts(self, starts: Mapping[TP, Start]) -> bool:
        """Commit the starts of a takeover. Returns False if the broker refused because the group is rebalancing: then
        the takeover is void."""
        return cast(bool, await self.call_thread(self._commit_starts, starts))

    async def _commit_starts(self, starts: Mapping[TP, Start]) -> bool:
        try:
            await commit_starts(self._ensure_consumer(), starts)
        except (CommitFailedError, IllegalStateError) as error:
            what = (
                "the group shares its partitions out again; whoever gets them reads those records again, none is lost"
            )
            log.warning("offsets not committed (%s): %s (%r)", _offsets_of(starts), what, error)
            return False
        except Exception as error:
            log.exception("offsets not committed (%s): this worker ends, to be started again", _offsets_of(starts))
            await self.crash(error)
            return False
        return True

    def state_of(self, tp: TP) -> Any:
        """What the Kafka client knows of a partition; None if it is not assigned to us."""
        aiotp, subscription = driver.ensure_aiokafka_TP(tp), self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription else None
        return assignment.state_value(aiotp) if assignment and aiotp in assignment.tps else None


def share_of_fetch(partitions: int) -> int:
    """How many bytes of a response are one partition's, of so many that are read."""
    return min(max(_SHARED_BYTES // max(1, partitions), _LEAST_SHARE), _LARGEST_SHARE)


def _offsets_of(starts: Mapping[TP, Start], before: str = "") -> str:
    return ", ".join(f"{tp.topic}/{tp.partition} {before}{start.offset}" for tp, start in sorted(starts.items()))
