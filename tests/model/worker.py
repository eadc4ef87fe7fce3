"""One worker process: the product's own worker, resumer, takeover and transport, on a client that is simulated.

Simulated is what talks to Kafka: the client, the reader beside the group, the producer. All else is the code that
runs in production: `RollupWorker`, `Resumer`, `read_horizon`, `take_over`, `guard_commits`, and of the transport the
cutting of chunks, the seeking, and all that decides what is committed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from aiokafka.errors import CommitFailedError, IllegalGenerationError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from callgauge.errors import BrokenChain
from callgauge.settings import Settings, load_settings
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.fetching import FetchThread, TransportConfig
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.takeover import guard_commits
from callgauge_streams.bus.transport import ChunkConsumer
from callgauge_streams.rollup.app import RollupWorker
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.source import horizon, resumption
from callgauge_streams.rollup.source.resumption import Resumer
from callgauge_streams.worker.metrics import Metrics
from tests.model.broker import Cluster
from tests.model.gates import CURRENT, Gates, SimulatedLoop
from tests.model.log import Log

__all__ = ["Worker", "settings_of", "simulated_readers"]

_BUFFERED = 4
"""Chunks, as in the app's stream_buffer_maxsize."""


@lru_cache
def settings_of(**overrides: Any) -> Settings:
    """Settings of a small world."""
    return load_settings(windows_partitions=2, fetch_max_records=16, idle_after_s=1.0, **overrides)


class _Client:
    """What the product uses of aiokafka's consumer. Requests wait at the gates."""

    def __init__(self, cluster: Cluster, member: str, gates: Gates, now: Callable[[], float]) -> None:
        self._cluster, self._member, self._gates, self._now = cluster, member, gates, now
        self._logs = cluster.logs
        self._group_id = "rollup"
        self._coordinator = SimpleNamespace(
            generation=-1, fetch_committed_offsets=self._fetch_committed, _do_commit_offsets=self._do_commit
        )
        assignment = SimpleNamespace(active=False, tps=set(), states={})
        self._subscription = SimpleNamespace(
            reassignment_in_progress=True, subscription=SimpleNamespace(assignment=assignment)
        )

    def _logs_of_its_topic(self) -> dict[TP, Log]:
        if self._cluster.logs is not self._logs:
            raise IllegalStateError("the topic was deleted")
        return self._logs

    @property
    def assignment(self) -> Any:
        return self._subscription.subscription.assignment

    def assign(self, tps: list[TP], generation: int) -> None:
        """The group has a new generation."""
        states = {
            TopicPartition(*tp): SimpleNamespace(
                position=None, has_valid_position=False, highwater=None, timestamp=None, lso=None
            )
            for tp in tps
        }
        self._coordinator.generation = generation
        self._subscription.subscription.assignment = SimpleNamespace(
            active=True, tps=set(states), states=states, state_value=states.get
        )
        self._subscription.reassignment_in_progress = False

    def leave(self) -> None:
        """A rebalance has begun."""
        self._subscription.reassignment_in_progress = True
        self.assignment.active = False

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self.assignment.states:
            raise IllegalStateError(f"{tp} is not assigned")
        state = self.assignment.states[tp]
        state.position, state.has_valid_position = offset, True

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        try:
            await self._coordinator._do_commit_offsets(self.assignment, offsets)
        except IllegalGenerationError as error:
            raise CommitFailedError(str(error)) from error

    async def _do_commit(self, _: Any, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        generation = self._coordinator.generation

        def commit() -> None:
            self._logs_of_its_topic()
            self._cluster.commit(self._member, generation, dict(offsets))

        await self._gates.open("commit", commit)

    async def _fetch_committed(self, wanted: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        committed = self._cluster.coordinator.committed

        def found() -> dict[TopicPartition, OffsetAndMetadata]:
            self._logs_of_its_topic()
            return {tp: committed[tp] for tp in wanted if tp in committed}

        answer: dict[TopicPartition, OffsetAndMetadata] = await self._gates.open("client", found)
        return answer

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        answer: dict[TopicPartition, int] = await self._gates.open(
            "client", lambda: {tp: self._logs_of_its_topic()[TP(*tp)].start for tp in tps}
        )
        return answer

    def poll(self, tp: TP, most: int) -> list[Records]:
        """Records from the position on, as one batch; the position goes after them."""
        state, log = self.assignment.states.get(TopicPartition(*tp)), self._cluster.logs[tp]
        if state is None or not state.has_valid_position or self._subscription.reassignment_in_progress:
            return []
        if state.position < log.start:
            raise OffsetPassed(tp)
        entries = log.read(state.position, most)
        done = not entries or entries[-1] is log.entries[-1]
        state.position = max(state.position, log.end if done else entries[-1].offset + 1)
        state.highwater, state.timestamp = log.end, self._now() * 1000
        if not entries:
            return []
        return [Records.of([e.offset for e in entries], [e.timestamp_ms for e in entries], [e.value for e in entries])]


class OffsetPassed(Exception):  # named after what happened, as aiokafka's OffsetOutOfRange
    """Retention has eaten what a worker would have read next."""


class _Fetching(driver.AIOKafkaConsumerThread):
    """In place of Faust's fetching."""

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> Any:
        return {tp: batches for tp in sorted(active_partitions) if (batches := consumer.poll(tp, max_records))}


class _ModelThread(FetchThread, _Fetching):
    """The transport's thread without the thread."""

    def __init__(self, client: _Client, app: Any, transport: Any) -> None:
        self._client, self.app, self.config = client, app, transport.config
        self.positions, self._seeks, self._records_per_batch = {}, 0, 1.0
        self.log: Any = logging.getLogger("callgauge.model")
        guard_commits(client)

    def _ensure_consumer(self) -> Any:
        return self._client

    def assignment(self) -> Any:
        return {TP(*tp) for tp in self._client.assignment.tps}

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await fun(*args, **kwargs)

    async def crash(self, reason: BaseException) -> None:
        raise reason


class _Revoking(driver.Consumer):
    """In place of what Faust does when partitions are revoked."""

    async def on_partitions_revoked(self, revoked: Any) -> None:
        pass


class _ModelConsumer(ChunkConsumer, _Revoking):
    """The transport's consumer without Faust's services."""

    def __init__(self, app: Any, transport: Any, thread: Any) -> None:
        self.app, self.transport, self._thread = app, transport, thread
        self._safe = {}


class Worker:
    """A process: told by a history what to do next, and how far its I/O has come.

    Args:
        skew_s: of its clock.
    """

    def __init__(self, name: str, cluster: Cluster, loop: SimulatedLoop, settings: Settings, skew_s: float) -> None:
        self.name, self.cluster, self.settings = name, cluster, settings
        self.gates = Gates(loop, self)
        self.logs: dict[TP, Log] = cluster.logs
        self.died: BaseException | None = None
        self._skew_s = skew_s
        self._loop, self._queue = loop, deque[tuple[TP, Chunk]]()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        metrics, config = Metrics("rollup"), RollupConfig.of(settings)
        self.config = config
        resumer = Resumer(settings, config, on_loss=metrics.lost, now=self.now, sleep=self._sleep)
        self.client = _Client(cluster, name, self.gates, self.now)
        self._app = app = SimpleNamespace(
            consumer_generation_id=-1,
            conf=SimpleNamespace(broker_max_poll_records=settings.fetch_max_records),
            producer=SimpleNamespace(send=self._send),
        )
        self.rollup = RollupWorker(app, settings, config, resumer, cluster.origin, metrics, now=self.now)
        asked = TransportConfig(
            settings.block_offsets, resumer.start_of, self.rollup.forget, metrics, lambda: int(self.now() * 1000)
        )
        transport = SimpleNamespace(config=asked)
        self._thread = _ModelThread(self.client, app, transport)
        self.consumer: Any = _ModelConsumer(app, transport, self._thread)
        app.consumer = self.consumer

    def now(self) -> float:
        """Its clock, epoch seconds."""
        return self.cluster.now + self._skew_s

    async def _send(self, _: str, __: bytes, value: bytes, partition: int, *___: object) -> asyncio.Future[None]:
        return self.gates.open(f"send {partition}", lambda: self.cluster.send(partition, value))

    def _sleep(self, seconds: float) -> asyncio.Future[None]:
        until = self.cluster.now + seconds
        return self.gates.until(lambda: self.cluster.now >= until)

    def _start(self, name: str, body: Callable[[], Any]) -> None:
        """Run one of its tasks, unless it runs already."""
        if self.died is None and (name not in self._tasks or self._tasks[name].done()):
            self._tasks[name] = self._loop.spawn(self.gates, lambda: self._dying(body))

    async def _dying(self, body: Callable[[], Any]) -> None:
        try:
            await body()
        except IllegalStateError:
            pass  # Faust seeks again when the rebalance has ended
        except (BrokenChain, OffsetPassed) as error:
            self.died = error

    def fetch(self, most: int) -> None:
        """Read on, if there is room, and let the agent work."""

        async def fetch() -> None:
            fetched = await self._thread._fetch_records(self.client, self._thread.assignment(), max_records=most)
            self._queue.extend((tp, chunk) for tp, chunks in fetched.items() for chunk in chunks)

        if len(self._queue) < _BUFFERED and self.logs is self.cluster.logs:
            self._start("fetch", fetch)
        if self._queue:
            self._start("agent", self._agent)

    async def _agent(self) -> None:
        while self._queue:
            tp, chunk = self._queue.popleft()
            await self.rollup.take(tp, chunk)
            self.consumer.done(tp, chunk)

    def tick(self) -> None:
        """A turn of the ticker."""
        self._start("ticker", self.rollup.tick)

    def commit(self) -> None:
        """A turn of Faust's commit loop, which flushes the producer between choosing offsets and committing them."""

        async def commit() -> None:
            tps = list(self.consumer._filter_tps_with_pending_acks())
            offsets = {tp: offset for tp in tps if (offset := self.consumer._new_offset(tp)) is not None}
            if offsets:
                await self.gates.open("flush", lambda: None)
                await self.consumer._commit(offsets)

        self._start("commit", commit)

    def revoke(self) -> None:
        """It has heard that the group rebalances."""
        held = self._thread.assignment()
        self.client.leave()
        self._loop.spawn(self.gates, lambda: self.consumer.on_partitions_revoked(held))

    def assign(self, tps: list[TP], generation: int) -> None:
        """The new generation's answer is on its way; then it takes over what it was given."""

        async def take_over() -> None:
            await self.gates.open("join", lambda: None)
            if generation <= self.client._coordinator.generation:
                return
            self.client.assign(tps, generation)
            self._app.consumer_generation_id = generation
            await self._thread._seek_all()

        self._loop.spawn(self.gates, lambda: self._dying(take_over))

    def seek_again(self) -> None:
        """Faust does, when it fetched during a rebalance: a second takeover in a generation."""
        if self.client.assignment.active:
            self._start("seek", self._thread._seek_all)

    def work(self, rng: random.Random) -> None:
        """Some turns of its tasks, and some of its I/O."""
        if rng.random() < 0.7:
            self.fetch(rng.choice((1, 5, 16)))
        if rng.random() < 0.4:
            self.tick()
        if rng.random() < 0.3:
            self.commit()
        self.gates.release(rng.choice((1, 3, 10, 40, 400)), rng)

    def turn(self, rng: random.Random) -> None:
        """All it has to do, one thing after the other."""
        self.fetch(16)
        self.gates.release(10_000, rng)
        self.tick()
        self.gates.release(10_000, rng)
        self.commit()
        self.gates.release(10_000, rng)

    def idle(self) -> bool:
        """Everything it holds is read, sent and committed."""
        positions = self._thread.positions
        return set(positions) == set(self.cluster.logs) and all(
            tp in self.rollup._idle and self.consumer._to_commit(tp) is None for tp in positions
        )


@contextmanager
def simulated_readers() -> Iterator[None]:
    """The readers beside the group read the simulated log of whoever asks, once its gate lets them."""

    @contextmanager
    def open_reader(_: Settings) -> Iterator[None]:
        yield None

    def head(_: None, topic: str, partition: int) -> Log:
        return _log_of(topic, partition)

    def read_range(_: None, topic: str, partition: int, begin: int, end: int) -> Iterator[tuple[int, int, bytes]]:
        for entry in _log_of(topic, partition).read(begin):
            if entry.offset < end:
                yield entry.offset, entry.timestamp_ms, entry.value

    with ExitStack() as patches:
        for module in (horizon, resumption):
            patches.enter_context(patch.object(module, "open_reader", open_reader))
            patches.enter_context(patch.object(module, "PartitionHead", head))
        patches.enter_context(patch.object(horizon, "read_range", read_range))
        yield


def _log_of(topic: str, partition: int) -> Log:
    worker: Worker = CURRENT.get().owner
    if worker.logs is not worker.cluster.logs:
        raise IllegalStateError("the topic was deleted")
    return worker.cluster.logs[TP(topic, partition)]
