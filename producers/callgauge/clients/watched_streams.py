"""Iterators that stand in a client's stream for its own, and tell a measured call of each item and of the end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from callgauge.clients.measured_call import MeasuredCall

__all__ = ["AsyncWatchedIterator", "WatchedIterator"]

#: Takes one item. True: it is not to be handed on.
Take = Callable[[Any], Any]


class _Watched:
    """What the two have in common.

    A reader that is in the middle of an item also closes the connection when it has read all of it; a close by anybody
    else means that the caller stops. So the one who reads is known.
    """

    _inner: Any = None

    def __init__(self, inner: Any, call: MeasuredCall, take: Take, ended: Callable[[], None]) -> None:
        self._inner = inner
        self._call = call
        self._take = take
        self._ended = ended
        self._reader: object = None
        self._stopped = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def closed(self) -> None:
        """The connection was closed, by whoever calls this."""
        if self._reader is None:
            self._call.abandoned()
        elif self._reader != self._who():
            self._stopped = True  # the reader will see an error of some kind, or no more items

    def _who(self) -> object:
        return threading.get_ident()

    def _failed(self, error: BaseException) -> None:
        if self._stopped and isinstance(error, Exception):
            self._call.abandoned()
        else:
            self._call.failed(error, streaming=True)

    def _over(self) -> None:
        if self._stopped:
            self._call.abandoned()
        else:
            self._guarded(self._ended)

    def _guarded(self, do: Callable[..., Any], *args: Any) -> Any:
        try:
            return do(*args)
        except Exception as error:
            self._call.fault("a stream was read", error)
            return None


class WatchedIterator(_Watched):
    """Of a sync stream."""

    def __iter__(self) -> WatchedIterator:
        return self

    def __next__(self) -> Any:
        while True:
            self._reader = self._who()
            try:
                item = next(self._inner)
            except StopIteration:
                self._over()
                raise
            except BaseException as error:
                self._failed(error)
                raise
            finally:
                self._reader = None
            if not self._guarded(self._take, item):
                return item


class AsyncWatchedIterator(_Watched):
    """Of an async stream."""

    def __aiter__(self) -> AsyncWatchedIterator:
        return self

    async def __anext__(self) -> Any:
        while True:
            self._reader = self._who()
            try:
                item = await self._inner.__anext__()
            except StopAsyncIteration:
                self._over()
                raise
            except BaseException as error:
                self._failed(error)
                raise
            finally:
                self._reader = None
            if not self._guarded(self._take, item):
                return item

    def _who(self) -> object:
        tasks = sys.modules.get("asyncio")
        try:
            return (tasks.current_task() if tasks else None) or threading.get_ident()
        except RuntimeError:  # another kind of loop
            return threading.get_ident()
