"""Stands between an HTTP response and its body, to see when the response is closed.

The body is the one part of a response that it closes and that does not refer back to it. So nothing here keeps a
response alive that its owner has dropped.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Protocol

__all__ = ["Closed", "watch_closing"]


class Closed(Protocol):
    """Who is told."""

    def closed(self) -> None:
        """The response was closed, by whoever calls this. Must not raise."""


def watch_closing(http_response: Any, watcher: Closed) -> None:
    """Tell `watcher` when the response is closed, for as long as anybody else holds the watcher."""
    body = http_response.stream
    if isinstance(body, _WatchedBody):  # the caller has gone over from the bytes to the chunks
        body.watcher = weakref.ref(watcher)
    else:
        kind: Any = type(body)
        http_response.stream = _kind_for(kind)(body, watcher)


class _WatchedBody:
    """A body like the one inside it: whatever else is asked of it, that one answers."""

    def __init__(self, body: Any, watcher: Closed) -> None:
        self._body = body
        self.watcher = weakref.ref(watcher)

    def __getattr__(self, name: str) -> Any:
        if name == "_body":  # not there yet, or no longer
            raise AttributeError(name)
        return getattr(self._body, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        found: AsyncIterator[bytes] = self._body.__aiter__()
        return found

    def close(self) -> None:
        self._tell()
        self._body.close()

    async def aclose(self) -> None:
        self._tell()
        await self._body.aclose()

    def _tell(self) -> None:
        if (watcher := self.watcher()) is not None:
            watcher.closed()


@cache
def _kind_for(kind: type) -> type[_WatchedBody]:
    """A class of bodies that is, as httpx asks of it, a SyncByteStream or an AsyncByteStream as `kind` is."""
    needed = [base for base in kind.__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream")]
    return type("WatchedBody", (_WatchedBody, *needed), {})
