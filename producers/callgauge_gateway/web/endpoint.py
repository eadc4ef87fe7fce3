"""The way of one request, the same for every path: who sends it, its body, its events, the bus, the answer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from callgauge.errors import BrokerError, DecodeError
from callgauge.rates import Rates
from callgauge_gateway.batch import Batch, Refusal
from callgauge_gateway.bus import Busy, Sender
from callgauge_gateway.guard.key_file import KeyFile
from callgauge_gateway.guard.scope import ANYBODY, Scope
from callgauge_gateway.metrics import Metrics
from callgauge_gateway.reading.inflate import BadEncoding, TooLarge, UnknownEncoding
from callgauge_gateway.reading.too_many import TooMany
from callgauge_gateway.web.answers import PROTOBUF, failed
from callgauge_gateway.web.body import Limits, SlowBody, read_body

__all__ = ["Endpoint", "Guards", "Received", "content_type_of"]

#: When a request may be sent again that came while too much was under way, in seconds.
RETRY_S = 1.0
#: What a sender of requests cannot do: LiteLLM sends again what was answered 5xx, and loses what was answered 4xx.
_RETRIES_5XX_ONLY = frozenset({"/v1/litellm"})


class Received(NamedTuple):
    """A request whose body is there."""

    body: bytes
    path: str
    scope: Scope
    content_type: str
    idempotency_key: str

    @property
    def seed(self) -> str:
        """Of the ids of events that have none: of the Idempotency-Key, for this path and sender; empty without one."""
        return f"{self.path} {self.scope.default} {self.idempotency_key}" if self.idempotency_key else ""


class _OverRate(Busy):
    """A service sends more events than it may; it may again in `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("the service sends more events than it may (CALLGAUGE_GATEWAY_EVENTS_PER_S)")
        self.wait_s = wait_s


#: What a request that cannot be read is answered.
_STATUS: dict[type[Exception], int] = {
    TooLarge: 413,
    TooMany: 413,
    SlowBody: 408,
    UnknownEncoding: 415,
    BadEncoding: 400,
    DecodeError: 400,
}


class Guards(NamedTuple):
    """What stands before and behind every path."""

    keys: KeyFile | None
    limits: Limits
    rates: Rates
    bus: Sender
    metrics: Metrics


def content_type_of(request: Request) -> str:
    """The Content-Type, in small letters and without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class Endpoint:
    """One path.

    Args:
        read: makes a batch of a request; raises DecodeError if all of it cannot be read, TooMany.
        answer: tells what became of it.
    """

    def __init__(
        self,
        guards: Guards,
        read: Callable[[Received], Batch],
        answer: Callable[[Received, Batch, list[Refusal]], Response],
    ) -> None:
        self._guards = guards
        self._read = read
        self._answer = answer

    async def __call__(self, request: Request) -> Response:
        began = time.perf_counter()
        path = request.url.path.rstrip("/")
        response = await self._respond(request, path)
        self._guards.metrics.answered(path, response.status_code, time.perf_counter() - began)
        return response

    async def _respond(self, request: Request, path: str) -> Response:
        content_type = content_type_of(request)
        protobuf = content_type == PROTOBUF
        scope = self._scope(request)
        if scope is None:
            return failed(401, "missing or wrong key: Authorization: Bearer cg_...", protobuf=protobuf)
        if self._guards.keys is None and "origin" in request.headers:
            return failed(403, "without keys, pages in a browser may not send", protobuf=protobuf)
        try:
            body = await read_body(request, self._guards.limits)
            received = Received(body, path, scope, content_type, request.headers.get("idempotency-key", ""))
            batch = self._read(received)
        except tuple(_STATUS) as error:
            return failed(_STATUS[type(error)], str(error), protobuf=protobuf)
        try:
            self._check_rates(batch, scope)
            faults = await self._guards.bus.send(batch.records)
        except Busy as error:
            wait_s = error.wait_s if isinstance(error, _OverRate) else RETRY_S
            status = 503 if path in _RETRIES_5XX_ONLY else 429
            return failed(status, str(error), retry_after_s=wait_s, protobuf=protobuf)
        except BrokerError as error:
            return failed(503, str(error), retry_after_s=RETRY_S, protobuf=protobuf)
        by_bus = [Refusal(place, "", why) for place, why in faults.items() if place >= 0]
        refusals = sorted(batch.refusals + by_bus)
        self._guards.metrics.taken(path, batch, refusals)
        if batch.unreadable is not None:
            return failed(_STATUS[DecodeError], str(batch.unreadable), protobuf=protobuf)
        return self._answer(received, batch, refusals)

    def _check_rates(self, batch: Batch, scope: Scope) -> None:
        counts = batch.services + Counter({scope.default: len(batch.refusals)})  # dead letters cost as much
        if wait_s := self._guards.rates.wait_s(counts, time.monotonic()):
            self._guards.metrics.limited(counts)
            raise _OverRate(wait_s)

    def _scope(self, request: Request) -> Scope | None:
        """What the sender may do; None: nothing."""
        if self._guards.keys is None:
            return ANYBODY
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            key = request.headers.get("x-api-key", "")
        return self._guards.keys.scope_of(key.strip())
