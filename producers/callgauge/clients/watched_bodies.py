"""Watches what a client gives instead of a model: a stream of chunks, or a response whose body the caller reads.

Both are changed in place, by attributes of the one object, so that the caller has the object that the library made. No
attribute of a stream refers back to it: a stream that is dropped is freed as soon as without us.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import msgspec

from callgauge.clients.measured_call import MeasuredCall
from callgauge.clients.server_sent_events import EventReader
from callgauge.clients.watched_closing import watch_closing
from callgauge.clients.watched_streams import AsyncWatchedIterator, Take, WatchedIterator

__all__ = ["is_response", "is_stream", "json_of", "watch_response", "watch_stream"]

_Watched = WatchedIterator | AsyncWatchedIterator
#: Of a body that is not a stream of events this much is kept to read its usage; a longer one is emitted without.
_LONGEST_BODY = 64 * 2**20


def is_stream(result: Any) -> bool:
    """Whether it is a Stream or AsyncStream of one of the libraries."""
    return hasattr(type(result), "__stream__")


def is_response(result: Any) -> bool:
    """Whether it is the response object that `with_raw_response` and `with_streaming_response` give."""
    return hasattr(result, "http_response") and hasattr(type(result), "parse")


def watch_stream(stream: Any, call: MeasuredCall, take: Take) -> None:
    """Tell `call` of each chunk that the caller takes, by `take`, and of the end."""
    if isinstance(stream._iterator, _Watched):
        return
    kind = AsyncWatchedIterator if hasattr(type(stream), "__anext__") else WatchedIterator
    watched = kind(stream._iterator, call, take, call.stream_ended)
    stream._iterator = watched
    watch_closing(stream.response, watched)


def watch_response(response: Any, call: MeasuredCall, take: Take) -> None:
    """Tell `call` of what the caller reads of a response: by `parse`, or the bytes, lines or JSON of its body."""
    http_response = response.http_response
    if http_response.is_closed:  # it has been read
        call.take(json_of(http_response.content))
        call.finished()
        return
    body = _Body(http_response, call)
    body.watch(http_response)
    _watch_parse(response, body, call, take)


def json_of(content: bytes) -> Any:
    """A body, but for the vectors of embeddings, which are long; None where it is not JSON."""
    try:
        members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        return {name: msgspec.json.decode(value) for name, value in members.items() if name != "data"}
    except msgspec.DecodeError:
        return None


class _Body:
    """The bytes of one body, on their way to the caller."""

    def __init__(self, http_response: Any, call: MeasuredCall) -> None:
        self._call = call
        kind = http_response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._events = EventReader() if kind == "text/event-stream" else None
        self._pieces: list[bytes] = []
        self._length = 0
        self._reading: Callable[[], _Watched | None] = lambda: None
        self.parsed = False
        """Whether the caller has a stream of chunks, which tells more than the bytes do."""

    def watch(self, http_response: Any) -> None:
        """Stand between the response and its caller."""
        for name, kind in (("iter_bytes", WatchedIterator), ("aiter_bytes", AsyncWatchedIterator)):
            setattr(http_response, name, self._iterating(getattr(http_response, name), kind))
        watch_closing(http_response, self)

    def closed(self) -> None:
        """The connection was closed: by who reads, at the end, or by a caller who has not read all."""
        reading = self._reading()
        if reading is not None:
            reading.closed()
        else:
            self._call.abandoned()

    def _iterating(self, original: Callable[..., Any], kind: type[_Watched]) -> Callable[..., Any]:
        @functools.wraps(original)
        def iterate(*args: Any, **kwargs: Any) -> Any:
            inner = original(*args, **kwargs)
            if self.parsed:
                return inner
            watched = kind(inner, self._call, self._take, self._ended)
            self._reading = weakref.ref(watched)
            return watched

        return iterate

    def _take(self, piece: bytes) -> None:
        if self._events is not None:
            for event in self._events.take(piece):
                self._call.take_chunk(event)
        elif self._length + len(piece) <= _LONGEST_BODY:
            self._pieces.append(piece)
            self._length += len(piece)

    def _ended(self) -> None:
        if self._events is not None:
            for event in self._events.end():
                self._call.take_chunk(event)
            self._call.stream_ended()
        else:
            self._call.take(json_of(b"".join(self._pieces)))
            self._call.finished()


def _watch_parse(response: Any, body: _Body, call: MeasuredCall, take: Take) -> None:
    """If the caller has the response made into a stream of chunks, watch that stream and not the bytes."""
    original = response.parse

    def seen(parsed: Any) -> Any:
        if is_stream(parsed):
            body.parsed = True
            watch_stream(parsed, call, take)
        return parsed

    async def seen_later(parsing: Any) -> Any:
        return seen(await parsing)

    @functools.wraps(original)
    def parse(*args: Any, **kwargs: Any) -> Any:
        parsed = original(*args, **kwargs)
        return seen_later(parsed) if inspect.isawaitable(parsed) else seen(parsed)

    response.parse = parse
