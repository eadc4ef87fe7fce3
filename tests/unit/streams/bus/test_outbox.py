"""What was sent is told of when it has arrived, in order; a refusal is told to whoever comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest

from callgauge_streams.bus.outbox import Outbox, Outgoing


class FakeProducer:
    """Takes messages; whoever drives it says when they arrive."""

    def __init__(self) -> None:
        self.sent: list[asyncio.Future[None]] = []

    async def send(self, *_: object) -> asyncio.Future[None]:
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


def message(number: int) -> Outgoing:
    return "t", 0, b"", b"%d" % number


def with_outbox(body: Callable[[Outbox, FakeProducer, list[str]], Awaitable[None]]) -> None:
    """Run a body, which may note what was told."""

    async def run() -> None:
        producer = FakeProducer()
        await body(Outbox(SimpleNamespace(producer=producer)), producer, [])

    asyncio.run(run())


async def pause() -> None:
    """Let everybody go on who can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_depends_on_messages_is_done_when_all_before_has_arrived() -> None:
    """
        put      a a   b
        arrives        b   a   a
        told                       a b
    """  # fmt: skip

    async def body(outbox: Outbox, producer: FakeProducer, told: list[str]) -> None:
        await outbox.put([message(0), message(1)], lambda: told.append("a"))
        await outbox.put([message(2)], lambda: told.append("b"))
        for number in (2, 0):
            producer.sent[number].set_result(None)
            await pause()
            assert told == []
        producer.sent[1].set_result(None)
        await outbox.settled()
        assert told == ["a", "b"]

    with_outbox(body)


def test_nothing_to_send_is_told_of_in_its_turn() -> None:
    async def body(outbox: Outbox, producer: FakeProducer, told: list[str]) -> None:
        await outbox.put([message(0)])
        await outbox.put([], lambda: told.append("nothing"))
        await pause()
        assert told == []
        producer.sent[0].set_result(None)
        await outbox.settled()
        assert told == ["nothing"]

    with_outbox(body)


def test_after_a_refusal_nothing_is_told_and_the_next_hears_of_it() -> None:
    """Whoever waits, and whoever puts."""

    async def body(outbox: Outbox, producer: FakeProducer, told: list[str]) -> None:
        await outbox.put([message(0)], lambda: told.append("a"))
        await outbox.put([message(1)], lambda: told.append("b"))
        producer.sent[0].set_exception(OSError("refused"))
        producer.sent[1].set_result(None)
        with pytest.raises(OSError, match="refused"):
            await outbox.settled()
        with pytest.raises(OSError, match="refused"):
            await outbox.put([])
        assert told == []

    with_outbox(body)


def test_who_gives_up_waiting_stops_nothing() -> None:
    async def body(outbox: Outbox, producer: FakeProducer, told: list[str]) -> None:
        await outbox.put([message(0)], lambda: told.append("a"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(outbox.settled(), 0.01)
        producer.sent[0].set_result(None)
        await outbox.settled()
        assert told == ["a"]

    with_outbox(body)
