"""A connection whose requests begin within limits: anybody may open one, before a key is asked for."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES", "HEAD_S", "Connection"]

#: The line and the headers of a request: bytes (and as many more as one read brings), and seconds until they are there.
HEAD_BYTES, HEAD_S = 65_536, 30.0


class Connection(HttpToolsProtocol):
    """uvicorn's, which would wait for the end of a head for ever, and keep all of it."""

    head_s = HEAD_S
    _in_head = True
    _head_bytes = 0
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._head_due = self.loop.call_later(self.head_s, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The headers of a request may have {HEAD_BYTES:,} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        if self._head_due is None:
            self._head_due = self.loop.call_later(self.head_s, self._close)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _stop_waiting(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
