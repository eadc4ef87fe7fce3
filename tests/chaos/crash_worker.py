"""A rollup worker that stops at a named point: `python -m tests.chaos.crash_worker POINT NTH SIGNAL`.

At the NTH passage (from 1) of POINT the process sends itself SIGNAL: SIGKILL ends it there, SIGSTOP makes it a zombie
that goes on from there when somebody sends SIGCONT. Everything else is the worker as it is.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import aiokafka
from aiokafka.producer.sender import SendProduceReqHandler
from faust.transport.drivers import aiokafka as driver

from callgauge.settings import load_settings
from callgauge_streams.bus import transport
from callgauge_streams.rollup import app as rollup

__all__ = ["MARK", "POINTS"]

#: What the log says when the point was reached.
MARK = "crash point reached: "

#: Each point in words.
POINTS = {
    "sent": "rows are handed to the producer, nothing is acknowledged",
    "stored": "the broker has stored rows, the acknowledgement is not read yet",
    "confirmed": "a block's rows are confirmed, its end is not committed",
    "committed": "a block's end has just been committed",
    "revoked": "the group is rebalancing: another member joins",
    "taken over": "the takeover is committed, its EpochStart is not sent",
}


class Passage:
    """Counts how often the point is passed, and sends the signal at the right one."""

    def __init__(self, point: str, nth: int, number: signal.Signals) -> None:
        self._point, self._nth, self._signal = point, nth, number
        self._passed = 0

    def __call__(self) -> None:
        self._passed += 1
        if self._passed == self._nth:
            print(f"{MARK}{self._point}", file=sys.stderr, flush=True)
            os.kill(os.getpid(), self._signal)


def inject(point: str, passage: Callable[[], None]) -> None:
    """Wrap the function at this point, so that each of its calls is a passage."""
    match point:
        case "sent":
            _patch(driver.Producer, "send", _after_async(passage))
        case "stored":
            _patch(SendProduceReqHandler, "handle_response", _before(passage))
        case "confirmed":
            _patch(aiokafka.AIOKafkaConsumer, "commit", _commits_of_blocks(before=passage))
        case "committed":
            _patch(aiokafka.AIOKafkaConsumer, "commit", _commits_of_blocks(after=passage))
        case "revoked":
            _patch(transport.ChunkConsumer, "on_partitions_revoked", _with_partitions(passage))
        case "taken over":
            _epoch_starts(passage)
        case _:
            raise SystemExit(f"{point!r} is none of {', '.join(POINTS)}")


def _patch(owner: Any, name: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, by(getattr(owner, name)))


def _before(passage: Callable[[], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def patched(*args: Any, **kwargs: Any) -> Any:
            passage()
            return function(*args, **kwargs)

        return patched

    return wrap


def _after_async(passage: Callable[[], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(*args: Any, **kwargs: Any) -> Any:
            result = await function(*args, **kwargs)
            passage()
            return result

        return patched

    return wrap


def _commits_of_blocks(
    *, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Commits of what the agent has confirmed; those of a takeover are others."""
    confirmed: set[tuple[int, int]] = set()
    confirm = transport.ChunkConsumer.confirm

    def remember(self: Any, tp: Any, safe_offset: int, *args: Any) -> None:
        confirm(self, tp, safe_offset, *args)
        confirmed.add((tp.partition, safe_offset))

    _patch(transport.ChunkConsumer, "confirm", lambda _: remember)

    def wrap(commit: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(self: Any, offsets: Any) -> Any:
            ends = {(tp.partition, at.offset) for tp, at in offsets.items()} & confirmed
            if ends and before:
                before()
            result = await commit(self, offsets)
            confirmed.difference_update(ends)
            if ends and after:
                after()
            return result

        return patched

    return wrap


def _with_partitions(passage: Callable[[], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Revocations that take something away: the first one of a new member does not."""

    def wrap(revoke: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(self: Any, revoked: Any) -> Any:
            if revoked:
                passage()
            return await revoke(self, revoked)

        return patched

    return wrap


def _epoch_starts(passage: Callable[[], None]) -> None:
    """Between the commit of a takeover and the record that tells of it."""
    commits = 0

    def count(commit: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(*args: Any, **kwargs: Any) -> Any:
            nonlocal commits
            result = await commit(*args, **kwargs)
            commits += 1
            return result

        return patched

    def watch(send: Callable[..., Any]) -> Callable[..., Any]:
        async def patched(self: Any, topic: str, key: bytes | None, *args: Any, **kwargs: Any) -> Any:
            if key == b"epoch" and commits:
                passage()
            return await send(self, topic, key, *args, **kwargs)

        return patched

    _patch(aiokafka.AIOKafkaConsumer, "commit", count)
    _patch(driver.Producer, "send", watch)


if __name__ == "__main__":
    inject(sys.argv[1], Passage(sys.argv[1], int(sys.argv[2]), signal.Signals[sys.argv[3]]))
    rollup.run(load_settings())
