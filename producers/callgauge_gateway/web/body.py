"""Reads the body of a request, within the limits of its size and of time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from callgauge_gateway.reading.inflate import TooLarge, inflated

__all__ = ["Limits", "SlowBody", "read_body"]

#: How long a body may take to come, in seconds.
BODY_S = 30.0


class SlowBody(Exception):
    """A body did not come in time, or its sender hung up."""


class Limits:
    """Of one request.

    Args:
        body: bytes of its body, as sent.
        inflated: bytes of its body, when inflated.
        events: how many it may hold.
    """

    def __init__(self, body: int, inflated: int, events: int) -> None:
        self.body, self.inflated, self.events = body, inflated, events


async def read_body(request: Request, limits: Limits, timeout_s: float = BODY_S) -> bytes:
    """The body, inflated.

    Raises:
        TooLarge: it is larger than the limits allow. No more of it is read.
        BadEncoding, UnknownEncoding: it cannot be inflated.
        SlowBody: it did not come in time.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limits.body:
        raise _too_large(limits.body)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.stream():
                size += len(part)
                if size > limits.body:
                    raise _too_large(limits.body)
                parts.append(part)
    except TimeoutError:
        raise SlowBody(f"the body did not come within {timeout_s:g} s") from None
    except ClientDisconnect:
        raise SlowBody("the sender hung up") from None
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    return inflated(body, request.headers.get("content-encoding", ""), limits.inflated)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a body may have {most:,} bytes: send fewer events at once, or compress it")
