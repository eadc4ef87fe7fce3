"""Every I/O of a worker is a gate: it takes effect, and the worker goes on, when the history says so.

So a worker can be left, for a while or for ever, between any two steps of its own code.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CURRENT", "Gates", "SimulatedLoop"]


@dataclass
class _Waiting:
    effect: Callable[[], Any]
    future: Any
    ready: Callable[[], bool] = lambda: True

    def go(self) -> None:
        if self.future.done():
            return
        try:
            self.future.set_result(self.effect())
        except Exception as error:
            self.future.set_exception(error)


@dataclass
class Gates:
    """What one worker waits for. Within a lane the order stays; lanes overtake each other."""

    loop: SimulatedLoop
    owner: Any
    _lanes: dict[str, deque[_Waiting]] = field(default_factory=dict)
    _lanes_ever: int = 0

    def open(self, lane: str, effect: Callable[[], Any]) -> asyncio.Future[Any]:
        """The future of an effect that is yet to come."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self._add(lane, _Waiting(effect, future))
        return future

    def until(self, ready: Callable[[], bool]) -> asyncio.Future[None]:
        """The future of a sleep; it ends some time after `ready`."""
        future: asyncio.Future[None] = self.loop.create_future()
        self._lanes_ever += 1
        self._add(f"sleep {self._lanes_ever}", _Waiting(lambda: None, future, ready))
        return future

    def submit(self, effect: Callable[[], Any]) -> concurrent.futures.Future[Any]:
        """The same, for what runs in a thread."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._lanes_ever += 1
        self._add(f"thread {self._lanes_ever}", _Waiting(effect, future))
        return future

    def _add(self, lane: str, waiting: _Waiting) -> None:
        self._lanes.setdefault(lane, deque()).append(waiting)

    def release(self, most: int, rng: random.Random) -> int:
        """Let at most so many effects happen, the worker going on after each; returns how many there were."""
        for released in range(most):
            self._lanes = {name: waiting for name, waiting in self._lanes.items() if waiting}
            ready = [name for name, waiting in self._lanes.items() if waiting[0].ready()]
            if not ready:
                return released
            self._lanes[rng.choice(ready)].popleft().go()
            self.loop.settle()
        return most


#: The gates of the worker whose code runs.
CURRENT: ContextVar[Gates] = ContextVar("CURRENT")


class _GatedExecutor(ThreadPoolExecutor):
    """Runs nothing in threads: each call waits at its worker's gates."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        return CURRENT.get().submit(lambda: fn(*args, **kwargs))


def _mortal(loop: asyncio.AbstractEventLoop, body: Any, **kwargs: Any) -> asyncio.Task[Any]:
    """A task that may be left for ever: those of a crashed worker never end, and that is not worth a warning."""
    task: asyncio.Task[Any] = asyncio.Task(body, loop=loop, **kwargs)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    return task


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop that runs until nobody can go on without a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.set_default_executor(_GatedExecutor(max_workers=1))
        self.set_task_factory(_mortal)

    def spawn(self, gates: Gates, body: Callable[[], Any]) -> asyncio.Task[None]:
        """Start a task of a worker."""
        token = CURRENT.set(gates)
        try:
            task: asyncio.Task[None] = self.create_task(body())
        finally:
            CURRENT.reset(token)
        self.settle()
        return task

    def settle(self) -> None:
        """Run until all tasks wait at gates."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            if not self._ready:  # type: ignore[attr-defined]
                return

    def end(self) -> None:
        """Drop whatever still waits."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.settle()
        self.close()
