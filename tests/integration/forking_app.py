"""A web service as gunicorn preloads it: its Gauge is made, and emits, before the workers are forked."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from callgauge import Gauge

Message = MutableMapping[str, Any]

gauge = Gauge()
gauge.emit(model="preload", event_id=f"preload-{os.getpid()}")


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answers each request with the id of the call that it emitted."""
    if scope["type"] != "http":
        return
    with gauge.call(model="request") as call:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{os.getpid()} {call.event_id}".encode()})
