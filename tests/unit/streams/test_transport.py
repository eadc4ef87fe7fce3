"""What may be committed, without a broker: Faust's own rules are out of the way, the safe offset alone decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from aiokafka.errors import IllegalStateError
from faust.types import TP

from callgauge.settings import load_settings
from callgauge_streams.app import make_app, send_confirmed, use_chunks
from callgauge_streams.chunk import Chunk
from callgauge_streams.rollup.blocks import BlockCutter
from callgauge_streams.transport import ChunkConsumer, _Position

CALLS = TP("llm.calls", 0)
GENERATION = 7


class FakeThread:
    """The consumer's thread: has partitions, takes or refuses commits."""

    def __init__(self, accepts: bool = True) -> None:
        self.positions = {CALLS: _Position(start=0, seek=1, cutter=None)}
        self.accepts = accepts
        self.commits: list[dict[TP, int]] = []

    def assignment(self) -> set[TP]:
        return set(self.positions)

    async def commit(self, offsets: dict[TP, int]) -> bool:
        self.commits.append(dict(offsets))
        return self.accepts


class FakeProducer:
    """Takes messages; fails as told. `outcomes` are results of the sends' futures."""

    def __init__(self, outcomes: Iterable[Exception | None] = ()) -> None:
        self.outcomes = list(outcomes)
        self.flushed = 0

    async def send(self, *_: object) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        outcome = self.outcomes.pop(0)
        if outcome is None:
            future.set_result(None)
        else:
            future.set_exception(outcome)
        return future

    async def flush(self) -> None:
        self.flushed += 1


def with_consumer(body: Callable[[Any, FakeThread, list[TP]], Awaitable[None]], accepts: bool = True) -> None:
    """Run `body` with a real ChunkConsumer on a fake thread, and the list of what was revoked."""

    async def run() -> None:
        app = make_app(load_settings(), "rollup")
        gone: list[TP] = []
        use_chunks(app, block_offsets=64, start_of=never, on_revoked=gone.extend)
        app.producer = FakeProducer()
        consumer: Any = ChunkConsumer(
            app.transport, callback=ignore, on_partitions_revoked=ignore, on_partitions_assigned=ignore
        )
        app.consumer_generation_id = GENERATION
        consumer._thread = thread = FakeThread(accepts)
        await body(consumer, thread, gone)

    asyncio.run(run())


async def never(*_: object) -> int:
    raise AssertionError("not asked for here")


async def ignore(*_: object, **__: object) -> None:
    """A callback that does nothing."""


def message(consumer: ChunkConsumer, first: int, last: int) -> Any:
    chunk = Chunk(0, GENERATION, 1, 0, None, 0, range(first, last + 1), [0] * (last - first + 1), [b""])
    return consumer._to_message(CALLS, chunk)


def test_acked_messages_alone_commit_nothing() -> None:
    """A fresh group counts as acked in Faust's logic; here it commits nothing until something is confirmed."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        first = message(consumer, 0, 99)
        consumer.track_message(first)
        assert consumer.ack(first)
        assert first.acked
        assert first not in consumer._unacked_messages
        assert consumer._new_offset(CALLS) is None
        assert not await consumer.commit()
        assert thread.commits == []

    with_consumer(body)


def test_a_gap_commits_nothing() -> None:
    """Faust takes a gap's offsets, and that of the message after it, as acked."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer._committed_offset[CALLS] = 0
        consumer.ack(message(consumer, 0, 9))
        await consumer._add_gap(CALLS, 10, 500)
        await consumer.commit()
        assert thread.commits == []
        assert not consumer._gap[CALLS]

    with_consumer(body)


def test_the_confirmed_offset_is_committed() -> None:
    """Exactly it, after a flush of the producer, whatever else was acked."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer.confirm(CALLS, 64, GENERATION)
        consumer.ack(message(consumer, 64, 200))
        assert await consumer.commit()
        assert thread.commits == [{CALLS: 64}]
        assert consumer.app.producer.flushed == 1

    with_consumer(body)


def test_it_is_committed_once() -> None:
    """What is committed is not sent again; only a later offset is."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        for offset in (64, 64, 128):
            consumer.confirm(CALLS, offset, GENERATION)
            await consumer.commit()
        assert thread.commits == [{CALLS: 64}, {CALLS: 128}]

    with_consumer(body)


@pytest.mark.parametrize("generation", [GENERATION - 1, GENERATION + 1, -1])
def test_another_generation_confirms_nothing(generation: int) -> None:
    """Rows of a partition that has been away in between allow no commit."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer.confirm(CALLS, 64, generation)
        assert consumer._new_offset(CALLS) is None

    with_consumer(body)


def test_a_partition_that_is_not_ours_confirms_nothing() -> None:
    """Between revocation and the next seek nothing can be confirmed, though the generation is still the old one."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        thread.positions.clear()
        consumer.confirm(CALLS, 64, GENERATION)
        assert consumer._new_offset(CALLS) is None

    with_consumer(body)


def test_revocation_clears_what_was_confirmed() -> None:
    """Safe offset and position go, and the worker is told to forget."""

    async def body(consumer: Any, thread: FakeThread, gone: list[TP]) -> None:
        consumer.confirm(CALLS, 64, GENERATION)
        await consumer.on_partitions_revoked({CALLS})
        assert consumer._new_offset(CALLS) is None
        assert thread.positions == {}
        assert gone == [CALLS]
        await consumer.commit()
        assert thread.commits == []

    with_consumer(body)


def test_a_failed_commit_is_never_passed() -> None:
    """Faust takes a refused commit for done; the next one is still only what was confirmed."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer.confirm(CALLS, 64, GENERATION)
        assert not await consumer.commit()
        consumer.ack(message(consumer, 64, 500))
        await consumer.commit()
        consumer.confirm(CALLS, 128, GENERATION)
        await consumer.commit()
        assert thread.commits == [{CALLS: 64}, {CALLS: 128}]

    with_consumer(body, accepts=False)


def test_a_message_is_a_chunk() -> None:
    """One message per chunk, with its last offset and the generation of its fetch."""

    async def body(consumer: Any, _: FakeThread, __: object) -> None:
        made = message(consumer, 10, 19)
        assert (made.offset, made.generation_id, made.tp) == (19, GENERATION, CALLS)
        assert made.value.offsets[0] == 10

    with_consumer(body)


def test_records_are_stamped_as_a_chain_that_is_cut_at_blocks() -> None:
    """Each chunk names the one before it, stays inside a block, and belongs to the seek; without a seek it is none."""

    async def body(consumer: Any, _: FakeThread, __: object) -> None:
        thread = consumer._new_consumer_thread()
        records = [SimpleNamespace(offset=offset, timestamp=0, value=b"") for offset in range(60, 70)]
        assert thread._chunks(CALLS, records, GENERATION) == []
        thread.positions[CALLS] = _Position(start=60, seek=3, cutter=BlockCutter(64))
        chunks = thread._chunks(CALLS, records, GENERATION)
        assert [(c.block, c.previous, list(c.offsets)) for c in chunks] == [
            (60, None, [60, 61, 62, 63]),
            (64, 63, [64, 65, 66, 67, 68, 69]),
        ]
        assert {(c.generation, c.seek, c.start) for c in chunks} == {(GENERATION, 3, 60)}

    with_consumer(body)


def test_sending_waits_for_every_confirmation() -> None:
    """One refused message among many is an error for all that depends on them."""

    async def send(outcomes: list[Exception | None]) -> None:
        producer = FakeProducer(outcomes)
        app = SimpleNamespace(producer=producer)
        await send_confirmed(app, [("t", 0, b"", b"")] * len(outcomes))

    asyncio.run(send([None, None, None]))
    with pytest.raises(OSError, match="refused"):
        asyncio.run(send([None, OSError("refused"), None]))


def test_a_revoke_leaves_no_position_behind() -> None:
    """Rebalances are eager: a partition that a late seek brought back goes too, though the revoke does not name it."""

    async def body(consumer: Any, thread: FakeThread, gone: list[TP]) -> None:
        ghost = TP("llm.calls", 5)
        thread.positions[ghost] = _Position(start=0, seek=2, cutter=None)
        await consumer.on_partitions_revoked({CALLS})
        assert thread.positions == {}
        assert set(gone) == {CALLS, ghost}

    with_consumer(body)


def test_a_chunk_that_waited_through_a_revoke_is_not_held() -> None:
    """The generation changes only after the join; until then the position tells."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        chunk = message(consumer, 0, 9).value
        assert consumer.holds(CALLS, chunk)
        await consumer.on_partitions_revoked({CALLS})
        assert not consumer.holds(CALLS, chunk)

    with_consumer(body)


def test_a_seek_that_a_rebalance_overtakes_is_refused() -> None:
    """aiokafka still takes seeks on the old assignment until the join is over."""

    class Client:
        _subscription = SimpleNamespace(reassignment_in_progress=False)
        sought: ClassVar[list[Any]] = []

        async def committed(self, _: Any) -> int:
            return 64

        def seek(self, *args: Any) -> None:
            self.sought.append(args)

    async def body(consumer: Any, _: FakeThread, __: object) -> None:
        client = Client()

        async def start_of(*_: object) -> int:
            client._subscription.reassignment_in_progress = rebalancing
            return 64

        thread = consumer._new_consumer_thread()
        thread._consumer = client
        consumer.transport.start_of = start_of
        rebalancing = False
        assert await thread._seek(CALLS) == 64
        assert thread.positions[CALLS].start == 64
        thread.positions.clear()
        rebalancing = True
        with pytest.raises(IllegalStateError):
            await thread._seek(CALLS)
        assert thread.positions == {}
        assert len(client.sought) == 1

    with_consumer(body)
