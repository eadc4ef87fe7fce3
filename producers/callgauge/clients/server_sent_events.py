"""Reads server-sent events (WHATWG HTML, section 9.2) from bytes as they come, for callers that read a body themselves.

Only the data matters here: every API names the kind of an event in its data too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = ["EventReader"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
# A line that is longer is no event of these APIs; its bytes are not kept.
_LONGEST_LINE = 16 * 2**20


class EventReader:
    """Takes a body in pieces of any size, and gives the JSON of each event as soon as it is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def take(self, piece: bytes) -> Iterator[Any]:
        """The events that end in this piece. Data that is not JSON, such as [DONE], is passed over."""
        # A carriage return at the end may be the first half of a line end.
        text, held = (self._rest + piece), b""
        if text.endswith(b"\r"):
            text, held = text[:-1], b"\r"
        *lines, rest = _LINE_END.split(text)
        self._rest = (rest + held)[-_LONGEST_LINE:]
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line:
                yield from self._event()

    def end(self) -> Iterator[Any]:
        """The event that the end of the body leaves unfinished, which clients read all the same."""
        yield from self.take(b"\n\n")

    def _event(self) -> Iterator[Any]:
        data, self._data = b"\n".join(self._data), []
        if not data:
            return
        try:
            yield msgspec.json.decode(data)
        except msgspec.DecodeError:
            return
