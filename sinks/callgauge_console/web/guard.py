"""Stands before every request: who it is, how many come, how large it is. And puts the security headers on answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callgauge.keys.key_hash import id_of
from callgauge.rates import Rates
from callgauge_console.web.access import Access
from callgauge_console.web.problems import ProblemError, problem_response
from callgauge_console.web.request_metrics import RequestMetrics

__all__ = ["HEADERS", "Guard"]

#: How long a body may take to come, in seconds.
BODY_S = 15.0
#: On every answer. Scripts and styles come from here alone, and no text is ever taken for HTML (trusted types).
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware.

    Args:
        rates: requests a second of each key, or of each address.
        most_bytes: of a body.
        metrics: where requests to the API are counted.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        rates: Rates,
        most_bytes: int,
        metrics: RequestMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._access = access
        self._rates = rates
        self._most_bytes = most_bytes
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_api = scope["path"].startswith("/v1/")
        send = _with_headers(send, is_api=is_api)
        if is_api:
            send = self._counted(scope, send)
        try:
            self._admit(scope)
            body = await self._body(scope, receive)
        except ProblemError as error:
            await problem_response(error, scope["path"])(scope, receive, send)
            return
        with contextlib.suppress(Exception):  # it was answered, and is in the log (`answer_problems`)
            await self._app(scope, _replay(body, receive), send)

    def _counted(self, scope: Scope, send: Send) -> Send:
        began, status = self._clock(), 0

        async def counting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self._metrics.note(scope, status, self._clock() - began)

        return counting

    def _admit(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if not (scope["path"].startswith("/v1/") or scope["path"] == "/metrics"):
            self._access.check_host(headers)
            return
        client = (scope.get("client") or ("",))[0]
        try:
            scope["callgauge.grant"] = self._access.grant_of(scope["method"], headers)
            client = id_of(headers.get("authorization", "").rpartition(" ")[2]) or client
        finally:  # whoever tries keys is slowed down by address
            if wait_s := self._rates.wait_s({client: 1}, self._clock()):
                raise ProblemError(429, "too many requests (CALLGAUGE_CONSOLE_REQUESTS_PER_S)", retry_after_s=wait_s)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return b""
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._most_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(BODY_S):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ProblemError(400, "the sender hung up")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > self._most_bytes:
                        raise self._too_large()
                    more = message.get("more_body", False)
        except TimeoutError:
            raise ProblemError(408, f"the body did not come within {BODY_S:g} s") from None
        return b"".join(parts)

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"a body may have {self._most_bytes:,} bytes (CALLGAUGE_CONSOLE_BODY_BYTES)")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and after that what comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


def _with_headers(send: Send, *, is_api: bool) -> Send:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if is_api:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sending
