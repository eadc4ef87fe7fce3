"""A body that does not come is not waited for without end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from callgauge_gateway.reading.inflate import TooLarge
from callgauge_gateway.web.body import Limits, SlowBody, read_body

LIMITS = Limits(10, 10, 10)


def read(*messages: dict[str, Any], headers: dict[str, str] | None = None, timeout_s: float = 5.0) -> bytes:
    """The body of a request that these messages are of; after them nothing comes."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)
    return asyncio.run(read_body(request, LIMITS, timeout_s))


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_parts_are_put_together() -> None:
    """In order."""
    assert read(part(b"ab"), part(b"cd", more=False)) == b"abcd"


def test_too_much_is_not_read() -> None:
    """Neither what is declared, nor what comes without being declared."""
    with pytest.raises(TooLarge):
        read(headers={"content-length": "11"})
    with pytest.raises(TooLarge):
        read(part(b"123456"), part(b"123456"))


def test_a_sender_that_stops_is_not_waited_for() -> None:
    """Nor one that hangs up."""
    with pytest.raises(SlowBody, match=r"within 0\.01 s"):
        read(part(b"a"), timeout_s=0.01)
    with pytest.raises(SlowBody, match="hung up"):
        read(part(b"a"), {"type": "http.disconnect"})
