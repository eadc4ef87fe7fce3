"""A worker that fails at a chosen point: `python -m tests.integration.faulty_worker POINT NTH [ROLE]`.

The NTH call (from 1) of what POINT names raises, or hangs; everything else is the worker as it is.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import Callable
from typing import Any

import aiokafka
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import CommitFailedError, IllegalGenerationError, KafkaError
from faust.transport.drivers import aiokafka as driver

from callgauge.settings import load_settings
from callgauge_streams.bus import fetching, outbox, transport
from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.detect import app as detect
from callgauge_streams.rollup import app as rollup
from callgauge_streams.rollup.source import resumption
from callgauge_streams.rollup.source.state_machine import SourceRollup

#: Every await of agent, ticker and transport, and the pure steps between them.
POINTS: dict[str, tuple[Any, str]] = {
    "take": (rollup.RollupWorker, "take"),
    "count": (SourceRollup, "take"),
    "send": (driver.Producer, "send"),
    "confirm": (transport.ChunkConsumer, "confirm"),
    "tick": (rollup.RollupWorker, "tick"),
    "due rows": (SourceRollup, "due_rows"),
    "idle records": (SourceRollup, "idle_records"),
    "progress": (SourceRollup, "progress"),
    "committed": (GroupCoordinator, "fetch_committed_offsets"),
    "log start": (aiokafka.AIOKafkaConsumer, "beginning_offsets"),
    "horizon": (resumption, "read_horizon"),
    "epoch start": (rollup.RollupWorker, "_epoch_start"),
    "seek": (aiokafka.AIOKafkaConsumer, "seek"),
    "fetch": (fetching.FetchThread, "_fetch_records"),
    "cut": (BlockCutter, "cut"),
    "flush": (driver.Producer, "flush"),
    "commit": (aiokafka.AIOKafkaConsumer, "commit"),
}


class Injected(KafkaError):  # type: ignore[misc]  # what a client would raise
    """The fault."""


def raising(function: Callable[..., Any], nth: int, error: Exception) -> Callable[..., Any]:
    """`function`, whose nth call raises instead."""
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            print(f"raising {error!r}", file=sys.stderr, flush=True)
            raise error

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        count()
        return await function(*args, **kwargs)

    def plain(*args: Any, **kwargs: Any) -> Any:
        count()
        return function(*args, **kwargs)

    return coroutine if inspect.iscoroutinefunction(function) else plain


def unacknowledged(send: Callable[..., Any], nth: int) -> Callable[..., Any]:
    """A `send` whose nth message is taken and never stored: its future fails, as when the broker refuses it."""
    calls = 0

    async def lose(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != nth:
            return await send(*args, **kwargs)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(Injected("refused"))
        return future

    return lose


def unconfirmed(arrive: Callable[..., Any], nth: int) -> Callable[..., Any]:
    """An arrival that fails, the nth time, when all is acknowledged and before that is taken note of."""
    calls = 0

    def fail() -> None:
        raise Injected("after acknowledgements")

    async def late(before: Any, sent: Any, then: Callable[[], None]) -> None:
        nonlocal calls
        calls += 1
        await arrive(before, sent, fail if calls == nth else then)

    return late


def refused(commit: Callable[..., Any], nth: int) -> Callable[..., Any]:
    """A commit whose nth call is answered as if the group had rebalanced without this member."""
    calls = 0

    async def refuse(coordinator: Any, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != nth:
            return await commit(coordinator, *args)
        print("refusing a commit", file=sys.stderr, flush=True)
        coordinator.reset_generation()
        raise IllegalGenerationError(coordinator.group_id)

    return refuse


def hanging(function: Callable[..., Any], nth: int, *, loop: bool) -> Callable[..., Any]:
    """A coroutine function whose nth call never comes back, and the event loop neither if told."""
    calls = 0

    async def hang(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            print("hanging", file=sys.stderr, flush=True)
            if loop:
                time.sleep(3_600)  # noqa: ASYNC251 (meant)
            await asyncio.sleep(3_600)
        return await function(*args, **kwargs)

    return hang


def replace(owner: Any, name: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, by(getattr(owner, name)))


def inject(point: str, nth: int) -> None:
    """Put the fault in its place."""
    if point == "acknowledgement":
        replace(driver.Producer, "send", lambda send: unacknowledged(send, nth))
    elif point == "after acknowledgements":
        replace(outbox, "_arrive", lambda arrive: unconfirmed(arrive, nth))
    elif point == "refused commit":
        error = CommitFailedError("the group has already rebalanced")
        replace(aiokafka.AIOKafkaConsumer, "commit", lambda commit: raising(commit, nth, error))
    elif point == "illegal generation":
        replace(GroupCoordinator, "_do_commit_offsets", lambda commit: refused(commit, nth))
    elif point in ("agent hangs", "loop hangs"):
        for worker in (rollup.RollupWorker, detect.DetectWorker):
            replace(worker, "take", lambda take: hanging(take, nth, loop=point == "loop hangs"))
    else:
        owner, name = POINTS[point]
        replace(owner, name, lambda function: raising(function, nth, Injected(point)))


if __name__ == "__main__":
    inject(sys.argv[1], int(sys.argv[2]))
    {"rollup": rollup, "detect": detect}[sys.argv[3] if len(sys.argv) > 3 else "rollup"].run(load_settings())
