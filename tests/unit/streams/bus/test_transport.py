"""What may be committed, without a broker: Faust's own rules are out of the way, the safe offset alone decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from callgauge.settings import load_settings
from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.position import Position
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.takeover import Start
from callgauge_streams.bus.transport import ChunkConsumer
from callgauge_streams.worker.app import make_app, use_blocks
from callgauge_streams.worker.metrics import Metrics

CALLS = TP("llm.calls", 0)
GENERATION = 7
TERM = 1_000


def position(start: int = 0, seek: int = 1, **rest: Any) -> Position:
    """A partition just taken over."""
    taken = Start(start, CommitNote(term=TERM))
    values: dict[str, Any] = {"taken": taken, "seek": seek, "cutter": None, "committed": taken}
    return Position(**values | rest)


def offsets(commits: list[dict[TP, Start]]) -> list[dict[TP, int]]:
    """Commits without their notes."""
    return [{tp: start.offset for tp, start in commit.items()} for commit in commits]


class FakeThread:
    """The consumer's thread: has partitions, takes or refuses commits."""

    def __init__(self, accepts: bool = True) -> None:
        self.positions = {CALLS: position()}
        self.accepts = accepts
        self.commits: list[dict[TP, Start]] = []

    def assignment(self) -> set[TP]:
        return set(self.positions)

    async def commit_starts(self, starts: Mapping[TP, Start]) -> bool:
        self.commits.append(dict(starts))
        return self.accepts


class FakeProducer:
    """Counts flushes."""

    def __init__(self) -> None:
        self.flushed = 0

    async def flush(self) -> None:
        self.flushed += 1


def with_consumer(body: Callable[[Any, FakeThread, list[TP]], Awaitable[None]], accepts: bool = True) -> None:
    """Run `body` with a real ChunkConsumer on a fake thread, and the list of what was revoked."""

    async def run() -> None:
        app = make_app(load_settings(), "rollup")
        gone: list[TP] = []
        use_blocks(app, block_offsets=64, start_of=never, on_revoked=gone.extend, metrics=Metrics("rollup"))
        app.producer = FakeProducer()
        consumer: Any = ChunkConsumer(
            app.transport, callback=ignore, on_partitions_revoked=ignore, on_partitions_assigned=ignore
        )
        app.consumer_generation_id = GENERATION
        consumer._thread = thread = FakeThread(accepts)
        await body(consumer, thread, gone)

    asyncio.run(run())


async def never(*_: object) -> Start:
    raise AssertionError("not asked for here")


async def ignore(*_: object, **__: object) -> None:
    """A callback that does nothing."""


def message(consumer: ChunkConsumer, first: int, last: int) -> Any:
    chunk = Chunk(
        0,
        GENERATION,
        1,
        0,
        None,
        0,
        Records.of(range(first, last + 1), [0] * (last - first + 1), [b""] * (last - first + 1)),
    )
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
        assert offsets(thread.commits) == [{CALLS: 64}]
        assert consumer.app.producer.flushed == 1

    with_consumer(body)


def test_it_is_committed_once() -> None:
    """What is committed is not sent again; only a later offset is."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        for offset in (64, 64, 128):
            consumer.confirm(CALLS, offset, GENERATION)
            await consumer.commit()
        assert offsets(thread.commits) == [{CALLS: 64}, {CALLS: 128}]

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


def test_a_failed_commit_is_made_up_for_and_never_passed() -> None:
    """Faust takes a refused commit for done; here it is tried again, and is still only what was confirmed."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer.confirm(CALLS, 64, GENERATION)
        assert not await consumer.commit()
        assert consumer.committed(CALLS) == 0
        consumer.ack(message(consumer, 64, 500))
        await consumer.commit()
        thread.accepts = True
        await consumer.commit()
        assert consumer.committed(CALLS) == 64
        await consumer.commit()
        assert offsets(thread.commits) == [{CALLS: 64}] * 3

    with_consumer(body, accepts=False)


def test_each_commit_carries_the_term() -> None:
    """What was noted of the block before goes; the term stays."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        taken = Start(0, CommitNote(term=TERM, lost_from=3, counted_to=9, minute=1, epoch="e"))
        thread.positions[CALLS] = position(taken=taken)
        consumer.confirm(CALLS, 64, GENERATION)
        await consumer.commit()
        assert thread.commits == [{CALLS: Start(64, CommitNote(term=TERM))}]

    with_consumer(body)


def test_an_idle_block_start_is_committed_again_with_what_is_counted() -> None:
    """The same offset under another note; a loss stays noted until a later offset is committed."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        thread.positions[CALLS] = position(taken=Start(0, CommitNote(term=TERM, lost_from=3)))
        for counted_to in (20, 20, 30):
            consumer.note_counted(CALLS, counted_to, minute=5, epoch="e")
            await consumer.commit()
        notes = [CommitNote(term=TERM, lost_from=3, counted_to=to, minute=5, epoch="e") for to in (20, 30)]
        assert thread.commits == [{CALLS: Start(0, note)} for note in notes]
        consumer.confirm(CALLS, 64, GENERATION)
        consumer.note_counted(CALLS, 70, minute=6, epoch="e")
        await consumer.commit()
        assert thread.commits[2:] == [{CALLS: Start(64, CommitNote(term=TERM, counted_to=70, minute=6, epoch="e"))}]

    with_consumer(body)


def test_a_second_takeover_in_a_generation_changes_the_term_of_what_is_not_committed_yet() -> None:
    """Faust seeks again when it fetched during a rebalance."""

    async def body(consumer: Any, thread: FakeThread, _: object) -> None:
        consumer.confirm(CALLS, 64, GENERATION)
        thread.positions[CALLS] = position(taken=Start(0, CommitNote(term=TERM + 1)), seek=2)
        await consumer.commit()
        assert thread.commits == [{CALLS: Start(64, CommitNote(term=TERM + 1))}]

    with_consumer(body)


def test_lag_counts_what_is_processed_not_what_is_fetched() -> None:
    """Processed is what the agent is done with of this seek; holes at the end are no lag; open transactions are."""

    async def body(consumer: Any, thread: Any, _: object) -> None:
        def read() -> tuple[int, int]:
            reading = consumer.readings()[CALLS]
            return reading.lag, reading.readable_to - reading.at

        state = SimpleNamespace(highwater=None, lso=None)
        thread.state_of = lambda _: state
        assert consumer.readings() == {}
        state.highwater = 100
        assert read() == (100, 100)
        now = thread.positions[CALLS]
        now.previous, now.fetched_to = 79, 80
        assert read() == (100, 100)
        consumer.done(CALLS, message(consumer, 0, 49).value)
        assert read() == (50, 50)
        now.fetched_to = 97
        consumer.done(CALLS, message(consumer, 50, 79).value)
        assert read() == (3, 3)
        state.lso = 97
        assert read() == (3, 0)
        now.seek = 2
        consumer.done(CALLS, message(consumer, 80, 99).value)
        assert read() == (3, 0)

    with_consumer(body)


def test_a_message_is_a_chunk() -> None:
    """One message per chunk, with its last offset and the generation of its fetch."""

    async def body(consumer: Any, _: FakeThread, __: object) -> None:
        made = message(consumer, 10, 19)
        assert (made.offset, made.generation_id, made.tp) == (19, GENERATION, CALLS)
        assert made.value.first == 10

    with_consumer(body)


def test_records_are_stamped_as_a_chain_that_is_cut_at_blocks() -> None:
    """Each chunk names the one before it, stays inside a block, and belongs to the seek; without a seek it is none."""

    async def body(consumer: Any, _: FakeThread, __: object) -> None:
        thread = consumer._new_consumer_thread()
        batches = [range(60, 63), range(63, 70)]
        records = [Records.of(list(batch), [0 for _ in batch], [b"" for _ in batch]) for batch in batches]
        assert thread._chunks(CALLS, records, GENERATION) == []
        thread.positions[CALLS] = position(start=60, seek=3, cutter=BlockCutter(64))
        chunks = thread._chunks(CALLS, records, GENERATION)
        assert [(c.block, c.previous, c.records.offsets.tolist()) for c in chunks] == [
            (60, None, [60, 61, 62, 63]),
            (64, 63, [64, 65, 66, 67, 68, 69]),
        ]
        assert {(c.generation, c.seek, c.start) for c in chunks} == {(GENERATION, 3, 60)}

    with_consumer(body)


def test_a_revoke_leaves_no_position_behind() -> None:
    """Rebalances are eager: a partition that a late seek brought back goes too, though the revoke does not name it."""

    async def body(consumer: Any, thread: FakeThread, gone: list[TP]) -> None:
        ghost = TP("llm.calls", 5)
        thread.positions[ghost] = position(seek=2)
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
